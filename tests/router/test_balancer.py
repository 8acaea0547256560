"""The weighted draw."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.balancer import shares, weighted_order


@dataclass(frozen=True)
class Item:
    """Something that can be drawn."""

    name: str
    weight: float
    priority: int = 0


def test_first_places_follow_the_weights() -> None:
    """Weight 3 beside weight 1 gets three quarters of the first places."""
    rng = Random(7)
    items = [Item("a", 3), Item("b", 1)]

    firsts = Counter(weighted_order(items, rng)[0].name for _ in range(4_000))

    assert 0.75 == pytest.approx(firsts["a"] / 4_000, abs=0.02)


def test_a_lower_priority_group_always_goes_first() -> None:
    """A spare is a spare, however heavy."""
    rng = Random(1)
    items = [Item("spare", 1_000, 1), Item("main", 0.001, 0)]

    assert all(["main", "spare"] == [each.name for each in weighted_order(items, rng)] for _ in range(50))


@given(st.lists(st.tuples(st.floats(0, 1e6), st.integers(-2, 2)), max_size=12), st.integers())
def test_every_weighted_item_is_drawn_once_and_drained_ones_never(rows: list[tuple[float, int]], seed: int) -> None:
    """The order is a permutation of what has weight, with priorities ascending."""
    items = [Item(str(position), weight, priority) for position, (weight, priority) in enumerate(rows)]

    ordered = weighted_order(items, Random(seed))

    assert sorted(each.name for each in items if each.weight > 0) == sorted(each.name for each in ordered)
    assert sorted(each.priority for each in ordered) == [each.priority for each in ordered]


def test_shares_sum_to_one_or_are_zero() -> None:
    """Shares are probabilities."""
    assert (0.75, 0.25) == shares([3, 1])
    assert (0.0, 0.0) == shares([0, 0])
    assert () == shares([])
