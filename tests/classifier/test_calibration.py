from __future__ import annotations

import math
from fractions import Fraction
from math import comb

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from classifier.calibration import (
    HIGHEST_TEMPERATURE,
    LOWEST_TEMPERATURE,
    NEVER,
    binomial_interval,
    binomial_low,
    bootstrap,
    ece,
    fit_false_alarm,
    fit_label_thresholds,
    fit_selective,
    fit_temperature,
    fit_temperature_multi,
    sigmoid,
    softmax,
)

RNG = np.random.default_rng(7)


def drawn(n: int, temperature: float) -> tuple[np.ndarray, np.ndarray]:
    """Rows whose labels are drawn from softmax(logits / temperature)."""
    logits = RNG.normal(0, 3, (n, 5))
    p = softmax(logits, temperature)
    return logits, np.array([RNG.choice(5, p=row) for row in p])


@pytest.mark.parametrize(("good", "n", "low"), [(300, 300, 0.99006), (59, 59, 0.95049), (9, 10, 0.60584), (0, 5, 0.0)])
def test_the_binomial_bound_is_the_published_one(good: int, n: int, low: float) -> None:
    """The one-sided bounds agree with tables of Clopper and Pearson."""
    assert binomial_low(good, n) == pytest.approx(low, abs=1e-4)


def test_the_interval_of_a_share_has_both_sides() -> None:
    """8 of 10 is 0.444 to 0.975; no trials say nothing."""
    found = binomial_interval(8, 10)

    assert (0.8, 0.4439, 0.9748) == (
        found.value,
        pytest.approx(found.low, abs=1e-4),
        pytest.approx(found.high, abs=1e-4),
    )
    assert (0.0, 1.0) == (binomial_interval(0, 0).low, binomial_interval(0, 0).high)


@given(st.integers(1, 400), st.floats(0, 1))
def test_the_bound_never_passes_the_share(n: int, share: float) -> None:
    """A lower bound lies at or below what was seen."""
    good = round(share * n)

    assert 0 <= binomial_low(good, n) <= good / n


def chance_of_at_least(good: int, n: int, p: Fraction) -> float:
    """The exact binomial tail, by whole numbers."""
    return float(sum(comb(n, k) * p**k * (1 - p) ** (n - k) for k in range(good, n + 1)))


@given(n=st.integers(1, 40), share=st.floats(0, 1), confidence=st.sampled_from([0.5, 0.9, 0.95, 0.975]))
@settings(deadline=None, max_examples=60)
def test_at_the_bound_so_many_hits_are_as_rare_as_was_said(n: int, share: float, confidence: float) -> None:
    """The bound is where the tail, counted exactly, has the chance that is left."""
    good = max(1, round(share * n))
    low = binomial_low(good, n, confidence=confidence)

    assert 1 - confidence == pytest.approx(chance_of_at_least(good, n, Fraction(low)), abs=1e-6)


@given(n=st.integers(1, 30), share=st.floats(0, 1))
@settings(deadline=None, max_examples=40)
def test_each_end_of_an_interval_leaves_a_fortieth(n: int, share: float) -> None:
    """Two sides of 2.5 %, the same seen from hits and from misses."""
    good = round(share * n)
    found, mirrored = binomial_interval(good, n), binomial_interval(n - good, n)

    assert good / n == found.value
    assert (found.low, found.high) == pytest.approx((1 - mirrored.high, 1 - mirrored.low))
    if good:
        assert 0.025 == pytest.approx(chance_of_at_least(good, n, Fraction(found.low)), abs=1e-6)
    else:
        assert 0.0 == found.low
    if good < n:
        assert 0.975 == pytest.approx(chance_of_at_least(good + 1, n, Fraction(found.high)), abs=1e-6)
    else:
        assert 1.0 == found.high


def test_the_bound_of_many_rows_neither_runs_over_nor_under() -> None:
    """A hundred thousand rows, nearly all right: the normal bound is as near as can be asked."""
    low = binomial_low(99_000, 100_000)

    assert low == pytest.approx(0.99 - 1.645 * (0.99 * 0.01 / 100_000) ** 0.5, abs=2e-5)


def test_temperature_finds_the_one_that_the_rows_were_drawn_with() -> None:
    """Overconfident scores are cooled to the temperature of their making."""
    logits, gold = drawn(4000, 2.5)

    assert fit_temperature(logits, gold) == pytest.approx(2.5, rel=0.1)
    assert fit_temperature(logits, np.full(len(gold), -1)) == 1.0


def test_temperature_of_sigmoids_finds_its_own_too() -> None:
    """Labels that hold by themselves are calibrated by themselves."""
    logits = RNG.normal(0, 3, (3000, 3))
    gold = RNG.random((3000, 3)) < sigmoid(logits, 0.5)

    assert fit_temperature_multi(logits, gold) == pytest.approx(0.5, rel=0.15)
    assert fit_temperature_multi(np.zeros((0, 3)), np.zeros((0, 3), bool)) == 1.0


def test_temperature_ends_at_its_edges() -> None:
    """Scores that are never wrong cannot be sharp enough, and always wrong ones never flat enough."""
    logits = np.array([[2.0, 0.0, -1.0]] * 20)
    right, wrong = np.zeros(20, int), np.full(20, 2)

    assert LOWEST_TEMPERATURE <= fit_temperature(logits, right) < 0.1
    assert LOWEST_TEMPERATURE <= fit_temperature_multi(logits[:, :1], logits[:, :1] > 1) < 0.1
    assert HIGHEST_TEMPERATURE == pytest.approx(fit_temperature(logits, wrong), rel=0.02)
    assert HIGHEST_TEMPERATURE == pytest.approx(fit_temperature_multi(logits[:, :1], logits[:, :1] < 1), rel=0.02)


def test_rows_without_a_right_column_have_no_say_in_the_temperature() -> None:
    """Out-of-scope rows would cool everything."""
    logits, gold = drawn(500, 1.0)
    more = np.concatenate([logits, np.full((500, 5), 50.0)])

    assert fit_temperature(logits, gold) == fit_temperature(more, np.concatenate([gold, np.full(500, -1)]))


@given(st.lists(st.floats(-700, 700), min_size=2, max_size=6), st.sampled_from([0.01, 0.5, 1.0, 100.0]))
def test_probabilities_of_any_scores_are_probabilities(scores: list[float], temperature: float) -> None:
    """Neither runs over; a softmax sums to 1, and a sigmoid is as far below a half as its mirror is above."""
    logits = np.array(scores)

    assert 1.0 == pytest.approx(softmax(logits, temperature).sum())
    assert 1.0 == pytest.approx(sigmoid(logits, temperature) + sigmoid(-logits, temperature))
    assert sigmoid(np.array([3.0]), 2.0)[0] == pytest.approx(1 / (1 + math.exp(-1.5)))


@pytest.mark.parametrize(
    ("confidence", "right", "bins", "error"),
    [
        ([0.9, 0.1, 0.8, 0.2], [True, False, True, True], 2, 0.25),  # (|.15 - .5| + |.85 - 1|) / 2, in any order
        ([0.2, 0.8], [True, False], 2, 0.8),  # gaps of both signs do not cancel out
        ([0.2, 0.8], [True, False], 1, 0.0),  # within one bin they do
        ([0.5, 0.5, 1.0], [True, True, True], 2, 1 / 3),  # (2 * .5 + 1 * 0) / 3: a larger bin counts for more
        ([0.7], [True], 15, 0.3),  # more bins than rows
    ],
)
def test_calibration_error_is_the_mean_gap_of_its_bins(confidence, right, bins, error) -> None:
    """Counted by hand."""
    assert error == pytest.approx(ece(np.array(confidence), np.array(right), bins=bins))


def test_calibration_error_is_small_for_true_probabilities_and_large_for_boasting() -> None:
    """Confidence that means what it says has an error near 0."""
    p = RNG.random(5000)
    right = RNG.random(5000) < p

    assert ece(p, right) < 0.04
    assert ece(np.ones(5000), right) > 0.4
    assert ece(np.zeros(0), np.zeros(0, bool)) == 0.0


def test_the_selective_threshold_keeps_its_promise_and_answers_what_it_can() -> None:
    """Rows above the threshold are right as often as asked, by the bound; those below are not answered."""
    confidence = RNG.random(5000)
    right = RNG.random(5000) < np.where(confidence > 0.4, 0.999, 0.6)
    found = fit_selective(confidence, right, accuracy=0.99)

    assert found.accuracy_low >= 0.99
    assert 0.35 < found.threshold < 0.45
    assert found.coverage == pytest.approx((confidence >= found.threshold).mean())


def test_a_promise_that_no_row_supports_is_told() -> None:
    """With too few rows the best bound is given; with none right nothing is answered."""
    few = fit_selective(np.linspace(0, 1, 50), np.ones(50, bool), accuracy=0.99)
    none = fit_selective(np.linspace(0, 1, 50), np.zeros(50, bool), accuracy=0.99)

    assert (0.0, True) == (few.threshold, few.accuracy_low < 0.99)
    assert (NEVER, 0.0) == (none.threshold, none.coverage)
    assert NEVER == fit_selective(np.zeros(0), np.zeros(0, bool), accuracy=0.9).threshold


def test_the_lowest_threshold_that_keeps_the_promise_is_taken() -> None:
    """300 right answers prove 99 %; an error at the end of 600 still lets nearly all be answered, two early ones not."""
    confidence = np.linspace(1, 0, 600)
    late, early = np.ones(600, bool), np.ones(600, bool)
    late[599], early[:2] = False, False
    found = fit_selective(confidence, late, accuracy=0.99)

    assert (confidence[599], 1.0, 599 / 600, 600) == (found.threshold, found.coverage, found.accuracy, found.n)
    assert binomial_low(599, 600) == found.accuracy_low
    assert fit_selective(confidence, early, accuracy=0.99).accuracy_low < 0.99


def test_a_weaker_bound_answers_more() -> None:
    """Half of all future samples may fall short where `bound` is a half."""
    confidence, right = np.linspace(1, 0, 100), np.arange(100) < 95
    strict, weak = (fit_selective(confidence, right, accuracy=0.95, bound=bound) for bound in (0.95, 0.5))

    assert (0.96, 0.99) == (strict.coverage, weak.coverage)
    assert min(strict.accuracy_low, weak.accuracy_low) >= 0.95


def test_a_threshold_whose_own_rows_fall_short_is_not_taken() -> None:
    """However tight the bound of many rows is: what was measured below the target is not promised."""
    right = np.ones(1000, bool)
    right[10::50] = False
    found = fit_selective(np.linspace(1, 0, 1000), right, accuracy=0.99)

    assert (0.01, 1.0) == (found.coverage, found.accuracy)
    assert found.accuracy_low < 0.99


@given(st.lists(st.tuples(st.sampled_from([0.1, 0.3, 0.5, 0.7, 0.9]), st.booleans()), min_size=1, max_size=80))
@settings(deadline=None)
def test_the_fitted_threshold_does_what_it_says(rows: list[tuple[float, bool]]) -> None:
    """Coverage and accuracy are those of the rows at or above it, whatever the rows are."""
    confidence, right = np.array([row[0] for row in rows]), np.array([row[1] for row in rows])
    found = fit_selective(confidence, right, accuracy=0.8, bound=0.5)
    answered = confidence >= found.threshold

    assert found.coverage == pytest.approx(answered.mean())
    if answered.any():
        assert found.accuracy == pytest.approx(right[answered].mean())
        assert found.accuracy_low == binomial_low(int(right[answered].sum()), int(answered.sum()), confidence=0.5)


def test_rows_of_equal_confidence_are_answered_together() -> None:
    """A threshold cannot part rows of one confidence."""
    found = fit_selective(np.full(1000, 0.7), np.arange(1000) > 0, accuracy=0.99)

    assert (0.7, 1.0) == (found.threshold, found.coverage)


def test_a_false_alarm_rate_is_a_quantile() -> None:
    """Four in a hundred in-scope rows lie below the threshold."""
    confidence = RNG.random(1000)
    threshold = fit_false_alarm(confidence, rate=0.04)

    assert (confidence < threshold).mean() == pytest.approx(0.04, abs=0.001)
    assert fit_false_alarm(np.zeros(0), rate=0.04) == 0.0


def test_thresholds_of_labels_follow_their_rows_and_rare_ones_the_common() -> None:
    """A label with many rows gets its own cut; one without rows the cut of all."""
    p = np.array([[0.9, 0.2], [0.8, 0.1], [0.3, 0.1], [0.2, 0.3]] * 50)
    gold = np.array([[True, False], [True, False], [False, False], [False, False]] * 50)
    own, rare = fit_label_thresholds(p, gold)

    assert own == pytest.approx(0.55, abs=0.01)
    assert rare == pytest.approx(0.55, abs=0.01)


def test_a_cut_lies_in_the_middle_between_right_and_wrong() -> None:
    """Below the last of all right rows it is half of it; a label that is never right keeps the common cut."""
    p = np.array([[0.9, 0.9, 0.1], [0.6, 0.8, 0.2], [0.2, 0.6, 0.3]])
    gold = np.array([[True, True, False], [True, True, False], [False, True, False]])
    first, second, third = fit_label_thresholds(p, gold, prior_rows=0.0001)

    assert (0.4, 0.3) == (pytest.approx(first, abs=1e-3), pytest.approx(second, abs=1e-3))
    assert 0.45 == pytest.approx(third, abs=1e-3)  # of all nine: five are right, the lowest at 0.6, then 0.3


def test_few_rows_pull_a_cut_less_than_the_common_one() -> None:
    """Own cut times its rows, plus the common one times four, by the sum of both."""
    p = np.array([[0.9, 0.2], [0.8, 0.2], [0.7, 0.2], [0.5, 0.2]] * 10)
    gold = np.array([[True, False], [True, False], [False, False], [False, False]] * 10)
    p[:2, 1], gold[:2, 1] = 0.6, True
    common, own = fit_label_thresholds(p.reshape(-1, 1), gold.reshape(-1, 1))[0], 0.4
    found = fit_label_thresholds(p, gold)[1]

    assert found == pytest.approx((2 * own + 4 * common) / 6, abs=0.01)


def test_a_wider_confidence_gives_a_wider_bootstrap_interval() -> None:
    """Half its width is the normal one: 1.96 deviations at 95 %, 1.645 at 90 %; the same seed gives the same."""
    right = (np.arange(400) % 4 > 0).astype(float)
    deviation = (0.75 * 0.25 / 400) ** 0.5

    def width(confidence: float) -> float:
        found = bootstrap(lambda rows: float(right[rows].mean()), 400, rounds=4000, confidence=confidence)
        assert found == bootstrap(lambda rows: float(right[rows].mean()), 400, rounds=4000, confidence=confidence)
        return (found.high - found.low) / 2

    assert (1.96, 1.645) == (
        pytest.approx(width(0.95) / deviation, abs=0.1),
        pytest.approx(width(0.9) / deviation, abs=0.1),
    )


def test_every_row_may_be_drawn_and_as_many_as_there_are() -> None:
    """With replacement; the figure itself is that of all rows, once each."""
    drawn: list[list[int]] = []
    bootstrap(lambda rows: float(len(drawn.append(rows.tolist()) or rows)), 5, rounds=50)

    assert set(range(5)) == {row for rows in drawn[:50] for row in rows}
    assert {5} == {len(rows) for rows in drawn}
    assert any(len(set(rows)) < 5 for rows in drawn[:50])
    assert [list(range(5))] == drawn[50:]


def test_the_bootstrap_interval_holds_its_figure() -> None:
    """The mean of 400 rows of 0 and 1 is known to about five points."""
    right = (np.arange(400) % 4 > 0).astype(float)
    found = bootstrap(lambda rows: float(right[rows].mean()), 400, rounds=300)

    assert 0.75 == found.value
    assert 0.68 < found.low < 0.75 < found.high < 0.82
    assert 0.0 == bootstrap(lambda rows: float(len(rows)), 0).value
