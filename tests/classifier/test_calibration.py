from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from classifier.calibration import (
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


def test_the_bootstrap_interval_holds_its_figure() -> None:
    """The mean of 400 rows of 0 and 1 is known to about five points."""
    right = (np.arange(400) % 4 > 0).astype(float)
    found = bootstrap(lambda rows: float(right[rows].mean()), 400, rounds=300)

    assert 0.75 == found.value
    assert 0.68 < found.low < 0.75 < found.high < 0.82
    assert 0.0 == bootstrap(lambda rows: float(len(rows)), 0).value
