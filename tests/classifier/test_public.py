"""The measuring of public data, on a few rows of our own in its files' shape."""

from __future__ import annotations

import json

import numpy as np
import pytest

from classifier.foundry.corpus import Row
from classifier.foundry.public import SETS, Outcome, _figures, main, measured
from classifier.foundry.public_report import written as report
from tests.classifier.small_corpus import multi_rows, single_rows, written


def _rows(n: int = 3) -> tuple[Row, ...]:
    """Shop talk, often enough to be parted in twenty."""
    return tuple(
        Row(f"{row.text} {word}", row.labels, row.lang) for word in ("a", "b", "c")[:n] for row in single_rows()
    )


def _outcome(right: list[bool], *, answered: list[bool], in_scope: list[bool], refused: list[bool]) -> Outcome:
    flags = [np.array(each) for each in (right, answered, in_scope, refused)]
    gold = np.eye(2, dtype=bool)[np.where(flags[2], 0, 1)]
    return Outcome(flags[0], flags[1], gold, gold, flags[2], flags[3], seen=0.0, gzipped_kib=1.0, p50_ms=0.1)


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
    assert page == capsys.readouterr().out


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
    alone, both = _figures([one]), _figures([one, two])

    assert (0.75, 0.875) == (alone["accuracy"].value, both["accuracy"].value)
    assert (1.0, 0.75) == (alone["coverage"].value, both["coverage"].value)
    assert 5 / 6 == pytest.approx(both["selective_accuracy"].value)
    assert both["accuracy"].low < 0.45  # of four rows, not of eight


def test_out_of_scope_rows_count_only_for_their_own_recall() -> None:
    """What is refused at the point of four percent false alarms."""
    found = _figures(
        [
            _outcome(
                [True, True, False, False],
                answered=[True, True, True, False],
                in_scope=[True, True, False, False],
                refused=[False, True, True, True],
            )
        ]
    )

    assert (1.0, 0.5, 0.5, 1.0) == tuple(
        found[name].value
        for name in (
            "in_scope_accuracy", "false_alarms_at_4", "in_scope_accuracy_at_4", "out_of_scope_recall_at_4",
        )
    )  # fmt: skip
