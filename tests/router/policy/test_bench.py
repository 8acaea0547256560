from __future__ import annotations

import json
import random

import pytest

from config.errors import CorpusError
from router.policy.bench import main
from tests.router.policy.policy_rows import labelled, written

KINDS = ("two priced models", "many priced models", "models of equal price")


def _only(rows, models, cost=None):
    return [
        {**row, "quality": {m: row["quality"][m] for m in models}, "cost": {m: cost or row["cost"][m] for m in models}}
        for row in rows
    ]


def _crowd(rows, n, cost=None):
    """As many models as asked for: mixtures of the three whose truth is known, at prices that rise."""
    draw = random.Random(3)
    names = [f"model-{at:02}" for at in range(n)]
    found = []
    for row in rows:
        three = list(row["quality"].values())
        quality = {
            name: three[at % 3] if draw.random() < 0.8 else float(draw.random() < 0.5) for at, name in enumerate(names)
        }
        price = {name: cost or len(row["prompt"]) * 1e-7 * 2**at for at, name in enumerate(names)}
        found.append({**row, "quality": quality, "cost": price})
    return found


def _page(place, *more):
    main([str(place), "--report", str(place / "page.md"), "--bootstraps", "5", *more])
    return (place / "page.md").read_text("utf-8")


def test_report_of_many_models_tells_goals_and_tasks_left_out(tmp_path):
    """The page names every router, the goals, and each task that was left out with its interval."""
    written(tmp_path / "x.train.jsonl", labelled(130))
    page = _page(tmp_path, "--left-out", "2", "--least", "8")

    assert "## x\n" in page
    assert "- lift 0." in page
    assert "Worst lift on a task left out" in page
    assert "All 3 tasks of at least 8 held-out prompts" in page
    assert "of the recipe in 2 groups" in page
    assert "| lift, by chance |" in page
    assert "the lowest end of all their intervals is " in page
    assert 3 == sum(
        line.startswith(("| sums | ", "| law | ", "| 退货 | ")) and " to " in line for line in page.splitlines()
    )
    names = ("always the best", "random", "40 nearest", "matrix factorisation, rank ", "true task", "oracle")
    assert all(f"| {name}" in page or f"| mean of the {name}" in page for name in names)


@pytest.mark.parametrize(
    ("models", "cost", "goal", "unmeasured"),
    [
        (("small", "large"), None, "- APGR 0.", (1, 2)),
        (("small", "middle"), 0.1, "- gain 0.", (0, 1)),
    ],
)
def test_goals_are_those_of_the_kind_of_suite(tmp_path, models, cost, goal, unmeasured):
    """Two models are judged by APGR, models of one price by their gain; other kinds' goals are named as unmeasured."""
    rows = [{**row, "task": None, "suite": None} for row in _only(labelled(130), models, cost)]
    written(tmp_path / "y.jsonl", rows)
    page = _page(tmp_path)
    measured, missing = page.split("## What is not measured here")

    assert goal in measured
    assert "left out" not in measured.split("##")[-1]
    assert [at in unmeasured for at in range(len(KINDS))] == [f"- Suites of {kind}" in missing for kind in KINDS]


def test_suites_of_eleven_priced_and_seven_equal_models_are_measured_by_the_same_command(tmp_path):
    """A folder that holds such files is all it takes: their goals are printed, and only the pair's stay unmeasured."""
    written(tmp_path / "many.train.jsonl", _crowd(labelled(72), 11))
    written(tmp_path / "equal.train.jsonl", _crowd(labelled(72, seed=1), 7, cost=1.0))
    page = _page(tmp_path, "--left-out", "1", "--least", "9")
    equal, many, missing = page.split("\n## ")[1:]

    assert equal.startswith("equal\n")
    assert "- gain 0." in equal
    assert "must 0.018" in equal
    assert "gain, task told" in equal or "left out" not in equal
    assert many.startswith("many\n")
    assert "- lift " in many
    assert "must 0.03, " in many
    assert "- c95 " in many
    assert "must 0.32, " in many
    assert 11 == sum(line.startswith("| model-") for line in many.splitlines())
    assert [True, False, False] == [f"- Suites of {kind}" in missing for kind in KINDS]


def test_prompts_with_a_word_taken_out_are_no_paraphrases(tmp_path):
    """The stand-in has its interval and is held against no goal; the goal of paraphrases is said to be unmeasured."""
    written(tmp_path / "y.jsonl", _only(labelled(72), ("small", "large")))
    page = _page(tmp_path, "--left-out", "0")
    (line,) = (each for each in page.splitlines() if each.startswith("- Same model when"))

    assert "which is no paraphrase" in line
    assert " to " in line
    assert "reached" not in line
    assert "- Paraphrases of a prompt get the same model: must 75%, aim 85%: **not measured**" in page


def test_one_task_alone_cannot_be_left_out(tmp_path, capsys):
    """Nothing would be left to learn from; the page goes to stdout without a file."""
    written(tmp_path / "y.jsonl", _only(labelled(72, subjects=("sums",)), ("small", "large")))
    main([str(tmp_path), "--bootstraps", "2", "--least", "5"])

    assert "task left out" not in capsys.readouterr().out


def test_suite_without_costs_is_refused_by_name(tmp_path):
    """A policy weighs quality against cost: without costs there is nothing to hold out."""
    rows = [{key: value for key, value in row.items() if key != "cost"} for row in labelled(40)]
    path = written(tmp_path / "y.jsonl", rows)

    with pytest.raises(CorpusError, match="quality and cost of every model") as refused:
        main([str(tmp_path)])
    assert str(path) == refused.value.file
    assert "cost" not in json.loads(path.read_text("utf-8").splitlines()[0])


def test_empty_folder_is_wrong_use(tmp_path):
    """Without a file there is nothing to measure."""
    with pytest.raises(SystemExit):
        main([str(tmp_path)])
