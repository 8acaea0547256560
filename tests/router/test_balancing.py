"""Who is asked first, by each policy: shares, stand-ins, and changes of weights."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from router.balancing.base import Policy
from router.balancing.least_in_flight import LeastInFlight
from router.balancing.power_of_two import PowerOfTwo
from router.balancing.smooth_weighted import MOST_OWED, SmoothWeighted


@dataclass(frozen=True)
class Item:
    id: str
    weight: float = 1.0
    priority: int = 0


@dataclass
class Known:
    """Load as a test says it is."""

    pending: Counter[str] = field(default_factory=Counter[str])
    latencies: dict[str, float] = field(default_factory=dict[str, float])

    def in_flight(self, deployment: str) -> int:
        return self.pending[deployment]

    def latency_s(self, deployment: str) -> float | None:
        return self.latencies.get(deployment)


def items(*weights: float) -> list[Item]:
    return [Item(f"d{n}", weight) for n, weight in enumerate(weights)]


def asked(policy: Policy, group: Sequence[Item]) -> str:
    """Ask whose turn it is."""
    first = policy.order(group)[0].id
    policy.asked(first)
    return first


def turns(policy: Policy, group: Sequence[Item], n: int) -> list[str]:
    return [asked(policy, group) for _ in range(n)]


def names(ordered: Sequence[Item]) -> list[str]:
    return [each.id for each in ordered]


def test_turns_are_spread_evenly_as_nginx_does_it() -> None:
    """The example of nginx's own commit: weights 5, 1, 1 give a a b a c a a."""
    group = [Item("a", 5), Item("b", 1), Item("c", 1)]

    assert list("aabacaa" * 3) == turns(SmoothWeighted(), group, 21)


def test_equals_take_turns_in_the_order_of_the_settings_for_ever() -> None:
    """Rounding of thirds and sevenths never swaps two of them."""
    for n in (3, 7):
        assert [f"d{k}" for k in range(n)] * 100 == turns(SmoothWeighted(), items(*[1] * n), 100 * n)


WEIGHTS = st.lists(
    st.one_of(
        st.integers(1, 1_000_000).map(float), st.floats(1e-300, 1.7e308), st.sampled_from([0.1, 0.2, 1 / 3, 1e6])
    ),
    min_size=1,
    max_size=12,
)


@given(WEIGHTS)
@settings(deadline=None, max_examples=60)
def test_the_realised_share_is_the_weights_within_two_percent(weights: list[float]) -> None:
    """Over any 1,000 requests, whatever the weights; the same requests go the same way again."""
    group = items(*weights)
    picked = turns(SmoothWeighted(), group, 1_777)

    for part in (picked[:1_000], picked[777:]):
        counts = Counter(part)
        total = sum(weight / max(weights) for weight in weights)
        for each in group:
            assert each.weight / max(weights) / total == pytest.approx(counts[each.id] / 1_000, abs=0.02)
    assert picked == turns(SmoothWeighted(), group, 1_777)


@given(WEIGHTS)
@settings(deadline=None, max_examples=40)
def test_nobody_is_ever_owed_as_much_as_is_forgotten(weights: list[float]) -> None:
    """The bound on credit never touches turns that are taken as they come."""
    policy, group = SmoothWeighted(), items(*weights)
    for _ in range(500):
        asked(policy, group)

        assert all(abs(credit) < MOST_OWED for credit in vars(policy)["_credit"].values())


def test_looking_takes_no_turn() -> None:
    """A failover chain that is put in order and not needed changes nothing."""
    policy = SmoothWeighted()

    assert [["d0", "d1"]] * 5 == [names(policy.order(items(1, 1))) for _ in range(5)]


def test_stand_ins_share_the_load_of_one_that_fails() -> None:
    """Who is asked second after one that never answers changes by weight."""
    policy, answered = SmoothWeighted(), Counter[str]()
    for _ in range(800):
        for each in policy.order(items(1, 1, 2, 4)):
            policy.asked(each.id)
            if each.id != "d3":
                answered[each.id] += 1
                break

    assert {"d0": 0.25, "d1": 0.25, "d2": 0.5} == pytest.approx({n: answered[n] / 800 for n in answered}, abs=0.01)


def test_a_deployment_that_is_left_alone_takes_no_turns() -> None:
    """Its share goes to the others by their weights, and it gets no flood when it is back."""
    policy, group = SmoothWeighted(), items(2, 1, 1)

    assert {"d0": 200, "d1": 100, "d2": 100} == Counter(turns(policy, group, 400))
    assert {"d0": 200, "d2": 100} == Counter(turns(policy, [group[0], group[2]], 300))
    assert {"d0": 200, "d1": 100, "d2": 100} == Counter(turns(policy, group, 400))


def test_one_that_is_left_over_alone_owes_nothing_to_the_sick() -> None:
    """Who was away for a hundred requests comes back to its share, not to all of them."""
    policy, group = SmoothWeighted(), items(1, 1)
    turns(policy, group, 10)
    turns(policy, group[:1], 100)

    assert ["d0", "d1"] * 3 == turns(policy, group, 6)


def test_a_change_of_weights_takes_effect_at_once() -> None:
    """What was owed under weights a million times larger is no more than a request."""
    policy = SmoothWeighted()
    turns(policy, items(1e6, 1e6), 7)

    assert {"d0": 75, "d1": 25} == pytest.approx(Counter(turns(policy, items(3, 1), 100)), abs=1)


def test_a_place_that_conversations_fill_is_not_made_up_for_without_end() -> None:
    """A hundred requests that stayed at one place keep new ones away for a few turns, not for a hundred."""
    policy, group = SmoothWeighted(), items(1, 1)
    for _ in range(100):
        policy.order(group)
        policy.asked("d0")

    picked = turns(policy, group, 40)
    assert ["d1"] * 8 == picked[:8]
    assert "d0" in picked[:20]
    assert 0.5 == pytest.approx(Counter(picked[20:])["d0"] / 20)


def test_deployments_are_known_by_their_ids() -> None:
    """A new snapshot of the catalogue goes on with the turns of the last."""
    policy = SmoothWeighted()

    assert ["d0", "d1", "d0"] * 2 == [asked(policy, [replace(each) for each in items(2, 1)]) for _ in range(6)]


def test_what_is_no_more_is_forgotten() -> None:
    """A reload that takes deployments away leaves nothing of them, and the others their turns."""
    policy = LeastInFlight(Known())
    turns(policy, [Item("other"), *items(1, 1)], 2)
    policy.keep({"d0", "d1"})
    assert "d1" == asked(policy, items(1, 1))
    policy.asked("other")
    policy.keep(())

    assert ["d1", "d0"] == turns(policy, [Item("d1"), Item("d0")], 2)


def test_least_in_flight_counts_per_unit_of_weight() -> None:
    """Four on a deployment of weight 4 are as many as one on weight 1; among equals, turns by weight."""
    load = Known()
    policy, group = LeastInFlight(load), items(4, 1)
    assert Counter(d0=80, d1=20) == Counter(turns(policy, group, 100))
    load.pending.update(d0=4)
    assert ["d1", "d0"] == names(policy.order(group))
    load.pending.update(d1=2)

    assert ["d0", "d1"] == names(policy.order(group))


def test_least_in_flight_fills_up_by_weight() -> None:
    """Answers that never end fill the deployments in proportion."""
    load = Known()
    policy = LeastInFlight(load)
    for _ in range(120):
        load.pending[asked(policy, items(3, 2, 1))] += 1

    assert Counter(d0=60, d1=40, d2=20) == load.pending


def test_power_of_two_asks_the_one_that_answers_sooner() -> None:
    """Latency times those under way and this one: a quick one with a queue loses to a slow idle one."""
    load = Known(latencies={"d0": 0.2, "d1": 1.0})
    policy = PowerOfTwo(load, Random(1))
    assert ["d0", "d1"] == names(policy.order(items(1, 1)))
    load.pending.update(d0=5)

    assert ["d1", "d0"] == names(policy.order(items(1, 1)))


def test_power_of_two_avoids_the_worst_of_many_and_still_draws_by_weight() -> None:
    """The slowest of three is never first; one of ten times the weight counts for ten."""
    load = Known(latencies={"d0": 0.2, "d1": 0.3, "d2": 9.0})
    policy = PowerOfTwo(load, Random(3))
    equal = Counter(turns(policy, items(1, 1, 1), 3_000))
    heavy = Counter(turns(policy, items(1, 10, 1), 3_000))

    assert 0 == equal["d2"]
    assert 2 / 3 == pytest.approx(equal["d0"] / 3_000, abs=0.03)
    assert heavy["d1"] > heavy["d0"]


def test_power_of_two_tries_a_newcomer_with_one_request() -> None:
    """Nobody knows how fast it is: it is asked, but not by all before its first answer."""
    load = Known(latencies={"d0": 0.2})
    policy = PowerOfTwo(load, Random(1))
    assert "d1" == asked(policy, items(1, 1))
    load.pending.update(d1=1)
    policy.keep({"d0"})

    assert "d0" == asked(policy, items(1, 1))
