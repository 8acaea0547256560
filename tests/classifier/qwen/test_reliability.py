"""How far a head's confidence can be believed: measured on rows that the rule judging them was not fitted on."""

from __future__ import annotations

import numpy as np
import pytest

from classifier.calibration import sigmoid
from classifier.qwen.reliability import FOLDS, folds_of, reliability_of

LABELS = ("payment", "inventory", "none")


def _rows(n: int, seed: int = 3) -> tuple[list[str], np.ndarray, np.ndarray]:
    """Texts, scores twice too sure of themselves, and labels that are drawn from the honest half."""
    rng = np.random.default_rng(seed)
    scores = rng.normal(0, 4, (n, 3))
    return [f"row {at}" for at in range(n)], scores * 2, rng.random((n, 3)) < sigmoid(scores)


def test_each_row_is_in_one_part_and_a_text_never_in_two() -> None:
    """Parts are of nearly one size, and repeated texts stay together."""
    texts = [f"row {at}" for at in range(50)]
    folds = folds_of([*texts, *texts])

    assert folds[:50].tolist() == folds[50:].tolist()
    assert [20] * FOLDS == np.bincount(folds).tolist()
    assert [0] == folds_of(["alone"]).tolist()


def test_temperature_of_other_rows_mends_scores_that_are_too_sure() -> None:
    """What is measured is calibrated, though no row was judged by a rule that saw it."""
    texts, scores, gold = _rows(3000)
    found = reliability_of(texts, scores, gold, LABELS, accuracy=0.9)

    assert 3000 == found.rows
    assert FOLDS == found.parts
    assert found.ece < 0.03
    assert 0.1 < found.coverage.low < found.coverage.value < found.coverage.high < 0.9
    assert 0.87 < found.selective_accuracy.value < 0.95


def test_a_rule_that_saw_its_rows_is_not_what_is_told() -> None:
    """On few rows the rule flatters itself on those it was fitted on; the measured error is larger than that."""
    texts, scores, _ = _rows(30)
    rng = np.random.default_rng(9)
    gold = rng.random((30, 3)) < 0.5  # nothing can be known
    found = reliability_of(texts, scores, gold, LABELS, accuracy=0.5)

    assert found.ece > 0.1


@pytest.mark.parametrize("n", [0, 1])
def test_too_few_rows_to_leave_some_out_measure_nothing(n: int) -> None:
    """No figure is better than a made-up one."""
    texts, scores, gold = _rows(2)

    assert reliability_of(texts[:n], scores[:n], gold[:n], LABELS, accuracy=0.9) is None
