"""Probabilities are computed, keep their floor, and one seed draws one model."""

from __future__ import annotations

import math
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.choosing.drawing import FLOOR, certain, drawn, epsilon, softmax, thompson, with_floor

SCORES = st.floats(-3, 3)
ARMS = st.lists(st.tuples(SCORES, st.floats(0, 1)), min_size=1, max_size=12)


@given(ARMS)
def test_thompson_is_a_distribution(arms: list[tuple[float, float]]) -> None:
    """Probabilities sum to 1 and none is negative, certain models among uncertain ones included."""
    found = thompson([mean for mean, _ in arms], [deviation for _, deviation in arms])

    assert len(found) == len(arms)
    assert math.fsum(found) == pytest.approx(1.0)
    assert min(found) >= 0.0


@given(SCORES, SCORES, st.floats(0.05, 1), st.floats(0.05, 1))
def test_two_models_get_the_known_integral(a: float, b: float, s: float, t: float) -> None:
    """For two models the integral has a closed form, which the sum meets."""
    expected = 0.5 * math.erfc(-(a - b) / math.hypot(s, t) / math.sqrt(2))

    assert thompson([a, b], [s, t])[0] == pytest.approx(expected, abs=0.01)


def test_thompson_of_certain_models_takes_the_best() -> None:
    """Without any deviation the best one has it all, and equals share."""
    assert thompson([0.5, 0.7, 0.6], [0, 0, 0]) == pytest.approx((0, 1, 0))
    assert thompson([0.5, 0.5], [0, 0]) == pytest.approx((0.5, 0.5))


def test_thompson_with_a_crowd_leaves_the_hopeless_to_the_floor() -> None:
    """Beyond 24 models those with the lowest upper bounds are not compared."""
    found = thompson([0.5 + 0.001 * i for i in range(40)], [0.05] * 40)

    assert sum(p > 0 for p in found) == 24
    assert found[0] == 0.0
    assert math.fsum(found) == pytest.approx(1.0)


@given(st.lists(st.floats(-500, 500), min_size=1, max_size=12), st.floats(0.001, 10))
def test_softmax_is_a_distribution_in_order(scores: list[float], temperature: float) -> None:
    """Far scores neither overflow nor change the order."""
    found = softmax(scores, temperature=temperature)

    assert math.fsum(found) == pytest.approx(1.0)
    assert max(found) == found[max(range(len(scores)), key=scores.__getitem__)]


def test_epsilon_spreads_its_share() -> None:
    """The best one gets the rest, the first of two that are alike."""
    assert epsilon([0.1, 0.9, 0.9], share=0.3) == pytest.approx((0.1, 0.8, 0.1))


def test_certain_names_one() -> None:
    """Probability 1 stands at the position."""
    assert certain(3, 1) == (0.0, 1.0, 0.0)


@given(ARMS, st.floats(0, 0.2))
def test_the_floor_holds_for_every_model(arms: list[tuple[float, float]], floor: float) -> None:
    """Nobody is below the floor, the sum stays 1, and the order of probabilities stays."""
    raw = thompson([mean for mean, _ in arms], [deviation for _, deviation in arms])

    found = with_floor(raw, floor)

    assert math.fsum(found) == pytest.approx(1.0)
    assert min(found) >= min(floor, 1 / len(arms)) - 1e-12
    assert found[max(range(len(raw)), key=raw.__getitem__)] == pytest.approx(max(found))


def test_the_floor_leaves_alone_what_is_above_it() -> None:
    """Shares that need no lift stay exactly as they are."""
    assert with_floor((0.5, 0.3, 0.2)) == (0.5, 0.3, 0.2)
    assert with_floor((0.99, 0.01)) == pytest.approx((1 - FLOOR, FLOOR))


def test_more_models_than_the_floor_has_room_for_are_alike() -> None:
    """With 60 models a floor of 0.02 cannot hold."""
    assert with_floor((1.0, *[0.0] * 59)) == (1 / 60,) * 60


@given(ARMS, st.integers(0, 2**53))
def test_one_seed_draws_one_model(arms: list[tuple[float, float]], seed: int) -> None:
    """The same seed and probabilities draw the same, and never what has no probability."""
    probabilities = thompson([mean for mean, _ in arms], [deviation for _, deviation in arms])

    position = drawn(probabilities, seed=seed)

    assert position == drawn(probabilities, seed=seed)
    assert probabilities[position] > 0


def test_draws_come_as_often_as_the_probabilities_say() -> None:
    """4,000 seeds draw three models near their shares."""
    counts = Counter(drawn((0.7, 0.28, 0.02), seed=seed) for seed in range(4_000))

    assert counts[0] / 4_000 == pytest.approx(0.7, abs=0.03)
    assert counts[2] / 4_000 == pytest.approx(0.02, abs=0.01)
