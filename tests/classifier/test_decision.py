"""From scores to an answer: each rule of `docs/foundry.md`, counted by hand."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from classifier.decision import decide, evidence_of, weighted
from classifier.preproc import Preproc

MULTI = Preproc("m", "multi", ("a",), (1.0,), ("pay", "stock", "none"), (0.5, 0.6, 0.5), exclusive=("none",))
SINGLE = Preproc("s", "single", ("a",), (1.0,), ("pay", "stock", "other"), out_of_scope="other")
PLAIN = replace(SINGLE, out_of_scope="")


def odds(*shares: float) -> np.ndarray:
    """Scores whose sigmoids are these shares."""
    return np.log(np.array(shares) / (1 - np.array(shares)))


@pytest.mark.parametrize(
    ("shares", "labels"),
    [
        ((0.9, 0.7, 0.1), ("pay", "stock")),
        ((0.7, 0.9, 0.1), ("stock", "pay")),  # likeliest first
        ((0.9, 0.59, 0.1), ("pay",)),  # each label has a threshold of its own
        ((0.9, 0.7, 0.8), ("pay", "stock")),  # what excludes others is left out where it is not the likeliest
        ((0.9, 0.1, 0.8), ("pay",)),
        ((0.6, 0.1, 0.8), ("none",)),
        ((0.6, 0.7, 0.8), ("none",)),  # and holds alone where it is
        ((0.4, 0.4, 0.4), ()),
    ],
)
def test_labels_hold_from_their_thresholds_on(shares, labels) -> None:
    """Several may hold; one that excludes all others is alone or not there."""
    assert labels == decide(odds(*shares), MULTI).labels


def test_a_probability_at_its_threshold_holds() -> None:
    """From it on, not above it; of equals the earlier one is named first."""
    even = replace(MULTI, thresholds=(0.5, 0.5, 0.9), exclusive=())

    assert ("pay", "stock") == decide(np.zeros(3), even).labels
    assert () == decide(np.full(3, -1e-9), even).labels


def test_where_every_row_has_a_label_the_likeliest_holds_anyway() -> None:
    """One guess, not all of them."""
    assert ("stock",) == decide(odds(0.1, 0.3, 0.2), replace(MULTI, at_least_one=True)).labels


def test_the_plain_confidence_is_the_chance_that_all_decisions_are_right() -> None:
    """Of the labels that hold, and of those that do not."""
    found = decide(odds(0.9, 0.7, 0.2), MULTI)

    assert 0.9 * 0.7 * 0.8 == pytest.approx(found.confidence)
    assert [0.9, 0.7, 0.2] == pytest.approx(found.probabilities)


def test_temperature_divides_the_scores() -> None:
    """Also where several labels may hold."""
    assert 0.75 == pytest.approx(decide(2 * odds(0.75, 0.5, 0.5), replace(MULTI, temperature=2.0)).probabilities[0])
    shares = decide(np.array([2.0, 0.0, 0.0]), replace(PLAIN, temperature=2.0)).probabilities

    assert math.e / (math.e + 2) == pytest.approx(shares[0])


@pytest.mark.parametrize(("below", "abstained"), [(0.5, False), (0.504, False), (0.505, True)])
def test_below_its_threshold_a_model_abstains_and_still_guesses(below: float, abstained: bool) -> None:
    """The guess is told; whether it counts is the last step."""
    found = decide(odds(0.9, 0.7, 0.2), replace(MULTI, abstain_below=below))

    assert (("pay", "stock"), abstained) == (found.labels, found.abstained)


def test_out_of_scope_wins_only_above_all_others() -> None:
    """Then there is no label and the model abstains, however sure it is; a tie is in scope."""
    for scores, labels, abstained in (
        ((1.0, 0.5, 3.0), (), True),
        ((3.0, 0.5, 3.0), ("pay",), False),
        ((3.0, 0.5, 1.0), ("pay",), False),
        ((0.5, 3.0, 2.0), ("stock",), False),
    ):
        found = decide(np.array(scores), SINGLE)

        assert (labels, abstained) == (found.labels, found.abstained), scores


def test_without_such_a_label_the_largest_score_wins() -> None:
    """The first of equals."""
    assert ("other",) == decide(np.array([1.0, 0.5, 3.0]), PLAIN).labels
    assert ("pay",) == decide(np.array([3.0, 3.0, 3.0]), PLAIN).labels


def test_evidence_of_one_label_is_score_and_leads() -> None:
    """The lead over the second in scope, and over what is out of scope; over nobody it is 0."""
    scores = np.array([2.0, 3.5, 1.0])
    p = np.array([0.2, 0.7, 0.1])

    assert ((3.5, 1.5, 2.5), 0.7) == evidence_of(scores, p, SINGLE)
    assert ((3.5, 1.5, 0.0), 0.7) == evidence_of(scores, p, PLAIN)
    assert ((2.0, 0.0, 1.0), 0.9) == evidence_of(
        np.array([2.0, 1.0]), np.array([0.9, 0.1]), replace(SINGLE, labels=("pay", "other"))
    )


def test_evidence_of_several_labels_is_odds_number_and_who_holds() -> None:
    """The log-odds of all decisions and of the weakest, then 1 for each label that holds."""
    p = np.array([0.9, 0.7, 0.2])
    (every, weakest, n, *holds), plain = evidence_of(odds(*p), p, MULTI)

    assert (0.504, 2.0, [1.0, 1.0, 0.0]) == (pytest.approx(plain), n, holds)
    assert math.log(0.504 / 0.496) == pytest.approx(every)
    assert math.log(0.7 / 0.3) == pytest.approx(weakest)


def test_evidence_of_certainty_is_finite() -> None:
    """Log-odds are of a probability kept within a billionth of 0 and 1."""
    sure, unsure = np.array([1.0, 0.0, 0.0]), np.array([0.0, 0.0, 0.0])
    high = evidence_of(np.zeros(3), sure, MULTI)[0][0]
    low = evidence_of(np.zeros(3), unsure, replace(MULTI, at_least_one=True))[0][0]

    assert (math.log((1 - 1e-9) / 1e-9), -math.log((1 - 1e-9) / 1e-9)) == (pytest.approx(high), pytest.approx(low))


def test_weights_weigh_the_evidence_behind_their_bias() -> None:
    """Bias first; fewer weights than evidence leave the rest unweighed."""
    assert 1 / (1 + math.exp(-(0.5 + 2 * 1.5 - 1 * 3.0))) == pytest.approx(weighted((1.5, 3.0, 9.0), (0.5, 2.0, -1.0)))
    assert decide(odds(0.9, 0.7, 0.2), replace(MULTI, confidence_weights=(0.0, 0.0, 0.0, 0.0))).confidence == 0.5


@given(st.lists(st.floats(-1e6, 1e6), min_size=3, max_size=3), st.lists(st.floats(-1e6, 1e6), min_size=4, max_size=4))
def test_no_score_and_no_weight_runs_over(scores: list[float], weights: list[float]) -> None:
    """A confidence is a probability, whatever was fitted."""
    for preproc in (MULTI, SINGLE, PLAIN):
        found = decide(np.array(scores), replace(preproc, confidence_weights=tuple(weights)))

        assert 0 <= found.confidence <= 1
        assert all(0 <= p <= 1 for p in found.probabilities)
