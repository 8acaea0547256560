"""The measuring of public data, on a few rows of our own in its files' shape."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from classifier.foundry.blueprint import shipped_artefacts
from classifier.foundry.corpus import Row
from classifier.foundry.evaluate import Judged
from classifier.foundry.public import SETS, main, measured
from classifier.foundry.public_figures import Outcome, figures_of, fit_refusal
from classifier.foundry.public_report import written as report
from classifier.foundry.public_table import goals_table
from tests.classifier.small_corpus import multi_rows, single_rows, written

HERE = Path(__file__).parents[2]


def _without_cascade(page: str) -> list[str]:
    """The lines but that of the cascade, whose figures are those of one run on one machine."""
    return [line for line in page.splitlines() if "(cascade.md)" not in line]


def _rows(n: int = 3) -> tuple[Row, ...]:
    """Shop talk, often enough to be parted in twenty."""
    return tuple(
        Row(f"{row.text} {word}", row.labels, row.lang) for word in ("a", "b", "c")[:n] for row in single_rows()
    )


def _outcome(right: list[bool], *, answered: list[bool], in_scope: list[bool], refused: list[bool]) -> Outcome:
    flags = [np.array(each) for each in (right, answered, in_scope, refused)]
    gold = np.eye(2, dtype=bool)[np.where(flags[2], 0, 1)]
    label = np.zeros(len(right), bool)
    return Outcome(
        flags[0], flags[1], gold, gold, flags[2], flags[3], label, flags[3], seen=0.0, gzipped_kib=1.0, p50_ms=0.1
    )


def test_a_set_of_single_labels_is_measured_and_reported(tmp_path, capsys) -> None:
    """Figures with intervals, on a page and as JSON; a goal that is reached is no failure."""
    written(tmp_path / "hwu64_kfold1_train.jsonl", _rows())
    code = main([str(tmp_path), "--report", str(tmp_path / "report.md"), "--only", "hwu", "--seeds", "1"])
    (found,) = json.loads((tmp_path / "report.json").read_text("utf-8"))
    page = (tmp_path / "report.md").read_text("utf-8")

    assert 0 == code
    assert ("HWU64", 3, [1], 324) == (found["name"], found["labels"], found["seeds"], found["rows"])
    assert all(low <= value <= high for value, low, high in found["figures"].values())
    assert {"accuracy", "coverage", "selective_accuracy"} == set(found["figures"])
    assert "| accuracy | " in page
    assert page.endswith(capsys.readouterr().out.partition("### HWU64")[2])
    assert "| shipped models, 99 % accuracy (lower bound 98) of 80 % answered | all | 0 of 8 | **missed** | " in page
    assert "| what the cascade adds | 0.5 ms | not measured | not measured | [cascade.md](cascade.md) |" in page


def test_what_is_out_of_scope_is_measured_at_four_percent_false_alarms(tmp_path) -> None:
    """In scope and out of it apart; a goal that is missed is told."""
    strange = tuple(Row(f"zugzwang {at} quartz", (), "en") for at in range(40))
    clinc = next(each for each in SETS if each.name.startswith("CLINC"))
    for name, rows in zip(clinc.files, (_rows(), _rows(1), strange[:20], strange[20:]), strict=True):
        written(tmp_path / f"{name}.jsonl", rows)
    found = measured(clinc, tmp_path, (1,))
    text = report([{**found, "goals": [{"measure": "coverage", "goal": 1.0, "reached": False}]}])

    assert 3 == found["labels"]
    assert {"in_scope_accuracy", "out_of_scope_recall_at_4", "false_alarms_at_4"} <= set(found["figures"])
    assert "accuracy" not in found["figures"]
    assert "100 (missed)" in text


def test_a_set_of_several_labels_is_measured_by_f1(tmp_path) -> None:
    """A second seed goes on with the recipe of the first; its exit code tells what was missed."""
    nlupp = next(each for each in SETS if each.name.startswith("NLU++"))
    written(tmp_path / f"{nlupp.files[0]}.jsonl", multi_rows())
    code = main([str(tmp_path), "--only", "nlu", "--seeds", "2"])
    found = measured(nlupp, tmp_path, (1, 2))

    assert {"micro_f1", "exact", "coverage", "selective_accuracy"} == set(found["figures"])
    assert int(not found["goals"][0]["reached"]) == code
    assert 2 == len(found["by_seed"])


def test_missing_data_is_named_before_anything_is_measured(tmp_path, capsys) -> None:
    """All missing files at once."""
    code = main([str(tmp_path), "--only", "banking", "clinc"])

    assert 2 == code
    assert "banking77_train, clinc150_train, clinc150_val" in capsys.readouterr().err


def test_figures_take_the_share_of_all_seeds_and_the_rows_of_one() -> None:
    """Two overlapping test parts are no sample of twice the size."""
    one = _outcome([True] * 3 + [False], answered=[True] * 4, in_scope=[True] * 4, refused=[False] * 4)
    two = _outcome([True] * 4, answered=[True, True, False, False], in_scope=[True] * 4, refused=[False] * 4)
    alone, both = figures_of([one]), figures_of([one, two])

    assert (0.75, 0.875) == (alone["accuracy"].value, both["accuracy"].value)
    assert (1.0, 0.75) == (alone["coverage"].value, both["coverage"].value)
    assert 5 / 6 == pytest.approx(both["selective_accuracy"].value)
    assert both["accuracy"].low < 0.45  # of four rows, not of eight


def test_out_of_scope_rows_count_only_for_their_own_recall() -> None:
    """What is refused at the point of four percent false alarms."""
    found = figures_of(
        [
            _outcome(
                [True, True, False, False],
                answered=[True, True, True, False],
                in_scope=[True, True, False, False],
                refused=[False, True, True, True],
            )
        ]
    )

    assert (1.0, 0.5, 0.5, 1.0, 0.0, 0.5, 1.0) == tuple(
        found[name].value
        for name in (
            "in_scope_accuracy", "false_alarms_at_4", "in_scope_accuracy_at_4", "out_of_scope_recall_at_4",
            "out_of_scope_recall", "in_scope_accuracy_by_threshold", "out_of_scope_recall_by_threshold",
        )
    )  # fmt: skip


def test_the_paper_s_threshold_is_the_one_that_most_rows_are_right_with() -> None:
    """Refusing a row out of scope counts as much as answering one in scope; a refusal by label counts anyway."""
    judged = Judged(
        found=np.array([[True], [True], [True], [True], [False]]),
        gold=np.array([[True], [True], [False], [False], [False]]),
        confidence=np.array([0.9, 0.5, 0.6, 0.2, 0.1]),
        answered=np.ones(5, bool),
        right=np.array([True, True, False, False, True]),
        in_scope=np.array([True, True, False, False, False]),
    )

    assert 0.5 == fit_refusal(judged)


def test_a_set_that_is_not_measured_anew_keeps_its_figures(tmp_path) -> None:
    """A page of one set alone would hide the others; figures of one seed are said to be so."""
    written(tmp_path / "hwu64_kfold1_train.jsonl", _rows())
    before = json.loads((HERE / "docs/reports/classifier.json").read_text("utf-8"))
    before[1]["first_seed"] = {"out_of_scope_recall_by_threshold": [0.5, 0.4, 0.6]}
    before[1]["figures"].pop("out_of_scope_recall_by_threshold", None)
    (tmp_path / "report.json").write_text(json.dumps(before), "utf-8")
    main([str(tmp_path), "--report", str(tmp_path / "report.md"), "--only", "hwu", "--seeds", "1"])
    page = (tmp_path / "report.md").read_text("utf-8")

    assert "| out-of-scope recall, with a threshold from validation (seed 1 alone) | 50.0 | 40.0 to 60.0 |" in page
    assert page.index("### BANKING77") < page.index("### HWU64")
    assert "| CLINC150 with out-of-scope, aim, out-of-scope recall at the 4 % point | 82.0 % | 81." in page


def test_the_page_has_the_table_of_all_goals() -> None:
    """Whoever measures another part anew writes the page anew: `python -m classifier.foundry.public` with --page-only."""
    results = json.loads((HERE / "docs/reports/classifier.json").read_text("utf-8"))
    table = goals_table(results, artefacts=shipped_artefacts(), reports=HERE / "docs/reports")

    page, written_page = report(results, table=table), (HERE / "docs/reports/classifier.md").read_text("utf-8")

    assert _without_cascade(page) == _without_cascade(written_page)
    assert {"reached", "**missed**", "not measured"} == {line.split(" | ")[3] for line in table.splitlines()[2:]}
