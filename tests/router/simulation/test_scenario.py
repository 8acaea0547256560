from __future__ import annotations

from pathlib import Path

import pytest

from config.errors import CorpusError
from router.simulation.scenario import fixed_scenario, read_scenario
from tests.router.simulation.small import SMALL, written


def test_fixed_scenario_is_the_one_the_reports_tell_of():
    """Ten days, one rating in twenty, one in five of them wrong."""
    found = fixed_scenario()

    assert (10, 0.05, 0.20) == (found.days, found.feedback.share, found.feedback.wrong)
    assert 5 == len(found.models)


def test_scenario_is_read_from_a_file(tmp_path):
    """What a file leaves out has its default."""
    found = read_scenario(written(tmp_path, SMALL))

    assert ("small", 2, ()) == (found.name, found.days, found.drifts)
    assert {"code": 2.0, "writing": -2.0} == found.models[0].skill


@pytest.mark.parametrize(
    ("before", "after", "complaint"),
    [
        ('name = "b"', 'name = "a"', "two models"),
        ("share = 0.5", "share = 0.4", "not 1 together"),
        ('[[domains]]\nname = "writing"', '[[domains]]\nname = "code"', "twice"),
        ("{ code = 2.0", "{ cods = 2.0", "cods"),
        ("days = 2", "days = 0", "needs a day and"),
        ("played_per_day = 20", "played_per_day = 101", "no more than come"),
        ("days = 2", "days = 1000000", "more than 1,000,000"),
        ("days = 2", 'days = 2\n[[drifts]]\nday = 1\nmodel = "z"\nadds = 1.0', "drift"),
        ("days = 2", "days = 2\ndomain_known = 1.1", "between 0 and 1"),
        ("days = 2", "days = 2\ntopic_spread = -1.0", "topics"),
        ("wrong = 0.1", "wrong = 1.5", "between 0 and 1"),
        ("days = 2", 'days = "two"', "Expected `int`"),
        ("days = 2", "days = ", "Invalid value"),
    ],
)
def test_wrong_scenario_is_refused_with_its_file_and_reason(tmp_path, before, after, complaint):
    """A sentence names the file and what is wrong."""
    path = written(tmp_path, SMALL.replace(before, after))

    with pytest.raises(CorpusError, match=complaint) as refused:
        read_scenario(path)
    assert str(path) == refused.value.file


def test_bytes_that_are_no_text_are_refused(tmp_path):
    """A scenario is UTF-8."""
    path = tmp_path / "s.toml"
    path.write_bytes(b"name = '\xff'")

    with pytest.raises(CorpusError, match="UTF-8"):
        read_scenario(path)


def test_scenario_of_the_documents_is_one(tmp_path):
    """What the page shows can be played."""
    page = (Path(__file__).parents[3] / "docs" / "simulation.md").read_text("utf-8")
    shown = page.split("```toml\n")[1].split("```")[0]

    found = read_scenario(written(tmp_path, shown))

    assert ("mine", 3) == (found.name, found.drifts[0].day)
