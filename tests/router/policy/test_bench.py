from __future__ import annotations

import pytest

from router.policy.bench import main
from tests.router.policy.policy_rows import labelled, written


def _only(rows, models, cost=None):
    return [
        {**row, "quality": {m: row["quality"][m] for m in models}, "cost": {m: cost or row["cost"][m] for m in models}}
        for row in rows
    ]


def test_report_of_many_models_tells_goals_and_tasks_left_out(tmp_path):
    """The page names every router, the goals, and the tasks that were left out."""
    written(tmp_path / "x.train.jsonl", labelled(240))
    main([str(tmp_path), "--report", str(tmp_path / "page.md"), "--bootstraps", "5"])
    page = (tmp_path / "page.md").read_text("utf-8")

    assert "## x\n" in page
    assert "- lift 0." in page
    assert "Worst lift on a task left out" in page
    assert all(name in page for name in ("always the best", "random", "40 nearest", "true task", "oracle"))


@pytest.mark.parametrize(
    ("models", "cost", "goal"),
    [(("small", "large"), None, "- APGR 0."), (("small", "middle"), 0.1, "- gain 0.")],
)
def test_goals_are_those_of_the_kind_of_suite(tmp_path, capsys, models, cost, goal):
    """Two models are judged by APGR, models of one price by their gain."""
    rows = [{**row, "task": None, "suite": None} for row in _only(labelled(200), models, cost)]
    written(tmp_path / "y.jsonl", rows)
    main([str(tmp_path), "--bootstraps", "3"])
    page = capsys.readouterr().out

    assert goal in page
    assert "left out" not in page.split("##")[-1]


def test_empty_folder_is_wrong_use(tmp_path):
    """Without a file there is nothing to measure."""
    with pytest.raises(SystemExit):
        main([str(tmp_path)])
