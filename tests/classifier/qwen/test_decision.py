"""From the head's scores to an answer, and how its rule is fitted; no PyTorch is needed."""

from __future__ import annotations

import math

import numpy as np
import pytest

from classifier.calibration import NEVER, sigmoid
from classifier.qwen.decision import Rule, decide, fit_rule, flags_of, held

LABELS = ("payment", "inventory", "none")
RULE = Rule(LABELS, thresholds=(0.5, 0.7, 0.5))


def odds(*shares: float) -> np.ndarray:
    """Scores whose sigmoids are these shares."""
    return np.log(np.array(shares) / (1 - np.array(shares)))


@pytest.mark.parametrize(
    ("shares", "labels", "abstained"),
    [
        ((0.8, 0.9, 0.1), ("inventory", "payment"), False),  # likeliest first
        ((0.8, 0.69, 0.1), ("payment",), False),  # each label has its own threshold
        ((0.8, 0.1, 0.6), ("payment",), False),  # `none` beside something else is left out
        ((0.6, 0.1, 0.8), ("none",), False),  # `none` in front is alone
        ((0.3, 0.6, 0.2), ("inventory",), True),  # a hint
    ],
)
def test_scores_become_labels(shares, labels, abstained) -> None:
    """Several may hold, `none` only alone; where none reaches its threshold the likeliest is a hint."""
    found = decide(odds(*shares), RULE)

    assert (labels, abstained) == (found.labels, found.abstained)
    assert shares == pytest.approx(found.probabilities)


def test_confidence_is_the_chance_that_all_is_right() -> None:
    """Of what holds and what does not; at the bound it answers, below it abstains."""
    scores = odds(0.8, 0.9, 0.25)
    sure = decide(scores, RULE).confidence
    at, below = (decide(scores, Rule(LABELS, 1.0, RULE.thresholds, cut)).abstained for cut in (sure, sure + 1e-9))

    assert 0.8 * 0.9 * 0.75 == pytest.approx(sure)
    assert (False, True) == (at, below)


def test_a_rule_without_thresholds_takes_a_half_and_temperature_divides() -> None:
    """A rule of an untrained head needs neither."""
    assert ("payment",) == decide(np.array([0.0, -0.1, -3.0]), Rule(LABELS)).labels
    assert 1 / (1 + math.exp(-1.5)) == pytest.approx(
        decide(np.array([3.0, -9, -9]), Rule(LABELS, 2.0)).probabilities[0]
    )


def test_labels_without_none_are_all_kept() -> None:
    """Only a label of that name excludes others."""
    assert ("b", "a") == decide(odds(0.6, 0.8), Rule(("a", "b"))).labels


def _validation(n: int, seed: int = 3) -> tuple[np.ndarray, np.ndarray]:
    """Scores twice too sure of themselves, and labels that are drawn from the honest half."""
    rng = np.random.default_rng(seed)
    scores = rng.normal(0, 4, (n, 3))
    return scores * 2, rng.random((n, 3)) < sigmoid(scores)


def test_the_fitted_rule_finds_the_temperature_and_keeps_its_promise() -> None:
    """What it answers on the rows it was fitted on is right as often as was asked, and it does answer."""
    scores, gold = _validation(4000)
    rule = fit_rule(scores, gold, LABELS, accuracy=0.9)
    verdicts = [decide(row, rule) for row in scores]
    right = [
        set(each.labels) == held(row, LABELS) for each, row in zip(verdicts, gold, strict=True) if not each.abstained
    ]

    assert 2.0 == pytest.approx(rule.temperature, rel=0.1)
    assert 3 == len(rule.thresholds)
    assert 0.9 <= np.mean(right)
    assert 0.1 < len(right) / len(scores) < 0.9


def test_a_promise_without_rows_is_never_made() -> None:
    """Where nothing is right it never answers; a stricter promise answers less."""
    scores, gold = _validation(600)
    never = fit_rule(scores, np.zeros_like(gold) | (scores < 0), LABELS, accuracy=0.97)
    loose, strict = (fit_rule(scores, gold, LABELS, accuracy=each).abstain_below for each in (0.7, 0.95))

    assert loose < strict < NEVER
    assert never.abstain_below > 0.9 or never.abstain_below == NEVER


def test_flags_are_columns_in_the_order_of_the_labels() -> None:
    """And back; an empty file has no rows but all columns."""
    flags = flags_of([("none",), ("inventory", "payment")], LABELS)

    assert [[False, False, True], [True, True, False]] == flags.tolist()
    assert {"inventory", "payment"} == held(flags[1], LABELS)
    assert (0, 3) == flags_of([], LABELS).shape
