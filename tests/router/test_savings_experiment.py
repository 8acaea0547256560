"""What passages change, by conversation."""

from __future__ import annotations

import random

import pytest

from router.savings_experiment import MIN_CONVERSATIONS, Request, compared


def requests(n: int, **effects: float) -> list[Request]:
    """Return two turns of `n` conversations in each arm, in turn; `effects` is what passages add to each measure."""
    rng = random.Random(3)
    found = []
    for at in range(n):
        for treated in (True, False):
            values = {name: 10 * rng.random() + treated * effect for name, effect in effects.items()}
            found += [Request(f"{at}{treated}", treated, 0.5, values)] * 2
    return found


def test_every_measure_has_its_own_difference_and_interval():
    """Tokens, cost, time and rating; one that nobody gave is not enough data yet."""
    told = compared(requests(MIN_CONVERSATIONS * 3, tokens=-20.0, cost_usd=10.0, latency_ms=0.0))
    measures = told["measures"]

    assert (300, 300) == (told["conversations_with_passages"], told["conversations_held_out"])
    assert ["tokens", "cost_usd", "latency_ms", "rating"] == list(measures)
    for name, effect in (("tokens", -20.0), ("cost_usd", 10.0), ("latency_ms", 0.0)):
        assert measures[name]["low"] < effect < measures[name]["high"]
        assert measures[name]["low"] < measures[name]["difference"] < measures[name]["high"]
    assert measures["tokens"]["high"] < 0 < measures["cost_usd"]["low"]
    assert {"n_with_passages", "n_held_out", "note"} == set(measures["rating"])


@pytest.mark.parametrize(("n", "is_told"), [(MIN_CONVERSATIONS - 1, False), (MIN_CONVERSATIONS, True)])
def test_a_difference_is_told_from_a_hundred_conversations_on(n: int, is_told: bool):
    """In each arm, whatever the number of their turns."""
    assert is_told == ("difference" in compared(requests(n, tokens=1.0))["measures"]["tokens"])


def test_what_is_not_known_does_not_count():
    """A request without a price leaves cost alone; a draw that was no draw leaves all alone."""
    unknown = Request("u", True, 0.5, {"tokens": 5.0, "cost_usd": None})
    certain = Request("c", True, 0.0, {"tokens": 5.0})
    told = compared([unknown, certain])

    assert 1 == told["conversations_with_passages"]
    assert (1, 0) == tuple(told["measures"][name]["n_with_passages"] for name in ("tokens", "cost_usd"))
