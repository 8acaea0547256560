from __future__ import annotations

import json

from proxy.cli import main
from tests.router.simulation.small import SMALL, written


def test_simulation_is_printed_day_by_day_with_its_goals(tmp_path, capsys):
    """A line a day, the gateway without learning beside it, and what was wanted."""
    code = main(["policy", "simulate", "--scenario", str(written(tmp_path)), "--seeds", "1"])
    told = capsys.readouterr().out

    assert 0 == code
    assert told.startswith("small: 2 days, 100 requests a day, 1 seeds.")
    assert "no learning" in told
    assert "best model" in told
    assert "satisfied (4 or 5 stars), change: " in told
    assert "of one seed: no interval" in told


def test_json_holds_days_and_goals(tmp_path, capsys):
    """With --json the figures can be read by a program; --days overrules the scenario."""
    args = ["policy", "simulate", "--scenario", str(written(tmp_path)), "--seeds", "1", "--days", "1", "--json"]
    main(args)
    found = json.loads(capsys.readouterr().out)

    assert ("small", 1, 1) == (found["scenario"], found["days"], found["seeds"])
    assert [1, 1, 1] == [len(found[each]) for each in ("learned", "start", "best_single")]
    assert (None, None) == (found["goals"][0]["low"], found["goals"][0]["high"])
    assert {"name", "wanted", "value", "low", "high", "reached"} == set(found["goals"][0])


def test_wrong_scenario_is_one_sentence(tmp_path, capsys):
    """A file that is wrong ends the command with its name and the reason."""
    code = main(
        ["policy", "simulate", "--scenario", str(written(tmp_path, SMALL.replace("share = 0.5", "share = 0.9")))]
    )

    assert 0 != code
    assert "not 1 together" in capsys.readouterr().err
