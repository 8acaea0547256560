"""A score is quality less weighted cost, latency and switching."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.choosing.scoring import Taste, cost_weight, parts_of, relative_costs, relative_latencies
from router.choosing.values import Expected, Question

DIALS = st.floats(0, 1)
QUESTION = Question("Why?", n_tokens=4_000)
COSTS = st.floats(0, 1) | st.none()
MODELS = st.lists(st.tuples(st.floats(0, 1), st.floats(1e-6, 1)), min_size=2, max_size=10)


def expectations(models: list[tuple[float, float]]) -> list[Expected]:
    return [Expected(str(i), quality, 0.1, cost) for i, (quality, cost) in enumerate(models)]


def best(models: list[tuple[float, float]], dial: float) -> tuple[float, float]:
    parts = parts_of(QUESTION, expectations(models), Taste(dial))
    scores = [math.fsum(each.values()) for each in parts]
    return models[max(range(len(models)), key=scores.__getitem__)]


@given(MODELS, DIALS, DIALS)
def test_turning_the_dial_to_quality_never_chooses_a_worse_or_cheaper_model(
    models: list[tuple[float, float]], one: float, other: float
) -> None:
    """The best score's quality and cost do not fall while the dial rises."""
    low, high = best(models, min(one, other)), best(models, max(one, other))

    assert high[0] >= low[0] - 1e-9
    assert high[1] >= low[1] - 1e-9


@given(st.floats(0, 1), COSTS, COSTS, DIALS)
def test_of_two_equally_good_models_the_dearer_never_scores_higher(
    quality: float, one: float | None, other: float | None, dial: float
) -> None:
    """An unknown price counts as the dearest."""
    expected = [Expected("a", quality, 0.1, one), Expected("b", quality, 0.1, other)]

    a, b = (math.fsum(each.values()) for each in parts_of(QUESTION, expected, Taste(dial)))

    dear_a, dear_b = (math.inf if cost is None else cost for cost in (one, other))
    assert a >= b if dear_a < dear_b else b >= a


def test_the_dial_weighs_the_cost_from_all_to_nothing() -> None:
    """At 0 no quality makes up for the dearest price, at 1 no price matters."""
    assert [cost_weight(dial) for dial in (0.0, 0.5, 1.0)] == pytest.approx([1.2, 0.15, 0.0])


def test_unknown_prices_are_not_free() -> None:
    """They count as the dearest known, and not at all where none is known."""
    assert relative_costs([0.1, None, 0.2]) == pytest.approx((0.5, 1.0, 1.0))
    assert relative_costs([None, None]) == (0.0, 0.0)
    assert relative_costs([0.0, None]) == (0.0, 0.0)


def test_unknown_latency_is_the_usual_one() -> None:
    """Nobody gains or loses by never having been asked."""
    assert relative_latencies([5_000, None, 15_000]) == pytest.approx((0.5, 0.625, 0.75))
    assert relative_latencies([None, None]) == (0.0, 0.0)


def test_leaving_a_warm_cache_costs_by_the_length_of_the_prompt() -> None:
    """Only others pay, and nobody does where the warm model is not among them."""
    expected = expectations([(0.5, 0.1), (0.5, 0.1)])

    warm = parts_of(QUESTION, expected, Taste(switching_weight=0.1), warm="1")
    gone = parts_of(QUESTION, expected, Taste(switching_weight=0.1), warm="other")

    assert [each["switching"] for each in warm] == pytest.approx([-0.05, 0.0])
    assert [each["switching"] for each in gone] == [0.0, 0.0]


def test_latency_counts_by_its_weight() -> None:
    """5 s are half of the worst."""
    expected = [Expected("a", 0.5, 0.1, latency_ms=5_000.0), Expected("b", 0.5, 0.1, latency_ms=0.0)]

    found = parts_of(QUESTION, expected, Taste(latency_weight=0.2))

    assert [each["latency"] for each in found] == pytest.approx([-0.1, 0.0])
