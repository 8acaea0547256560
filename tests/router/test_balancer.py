"""Priority groups, health and conversations around whatever policy the settings name."""

from __future__ import annotations

from collections import Counter
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from config.balancing_settings import PolicyName
from config.settings import Timeouts
from router.attempt import AttemptLog, Candidate, Skipped
from router.balancer import Balancer, shares, weighted_order
from router.dispatch import RETURNING
from router.load import Load
from router.providers.base import Target
from router.refusal import Refusal
from tests.router.balancing import Clock, Item, Traffic

POLICIES: tuple[PolicyName, ...] = ("smooth_weighted", "least_in_flight", "power_of_two")


def balancer(policy: PolicyName = "smooth_weighted", seed: int = 0) -> Balancer:
    return Balancer(policy, pressure=Load(clock=Clock()), rng=Random(seed))


def candidate(deployment: str) -> Candidate:
    return Candidate("m", Target(deployment, "vllm", "http://a/v1", "x"), "openai", Timeouts())


def ids(items: list[Item]) -> list[str]:
    return [each.id for each in items]


@pytest.mark.parametrize("policy", POLICIES)
def test_a_lower_priority_group_always_goes_first(policy: PolicyName) -> None:
    """A spare is a spare, however heavy."""
    balanced = balancer(policy)
    traffic = Traffic(balanced)

    for _ in range(50):
        assert ["main", "spare"] == ids(balanced.order([Item("spare", 1_000, 1), Item("main", 0.001)]))
        traffic.ask("main")


@given(
    st.sampled_from(POLICIES),
    st.lists(st.tuples(st.floats(0, 1e308), st.integers(-2, 2), st.booleans()), max_size=12),
    st.integers(0, 12),
)
@settings(deadline=None)
def test_everybody_of_weight_stands_once_in_the_order_and_the_drained_never(
    policy: PolicyName, rows: list[tuple[float, int, bool]], preferred: int
) -> None:
    """A permutation of what has weight, priorities ascending, in each group the ready first, and the preferred there."""
    items = [Item(str(position), weight, priority) for position, (weight, priority, _) in enumerate(rows)]
    is_ready = {str(position): ready for position, (_, _, ready) in enumerate(rows)}
    balanced = balancer(policy)
    traffic = Traffic(balanced)

    for _ in range(3):
        ordered = balanced.order(items, ready=lambda each: is_ready[each.id], preferred=str(preferred))
        assert sorted(each.id for each in items if each.weight > 0) == sorted(ids(ordered))
        ranks = [
            (each.priority, not is_ready[each.id], is_ready[each.id] and each.id != str(preferred)) for each in ordered
        ]
        assert sorted(ranks) == ranks
        for each in ordered[:2]:
            traffic.ask(each.id)


@pytest.mark.parametrize("policy", POLICIES)
def test_a_conversation_goes_first_where_it_was_served(policy: PolicyName) -> None:
    """Unless it is drained, gone or not ready; the others follow in the policy's order."""
    balanced = balancer(policy)
    items = [Item("a", 100), Item("b", 1), Item("c", 100)]

    assert "b" == balanced.order(items, preferred="b")[0].id
    assert "b" != balanced.order(items, preferred="b", ready=lambda each: each.id != "b")[0].id
    assert ["a", "c"] == sorted(ids(balanced.order([Item("a"), Item("b", 0), Item("c")], preferred="b")))
    assert 3 == len(balanced.order(items, preferred="gone"))


def test_a_conversation_does_not_hold_on_to_a_spare() -> None:
    """Once the main group is back it is asked; while it is away the conversation stays with its spare."""
    balanced = balancer()
    items = [Item("main"), Item("spare 1", 1, 1), Item("spare 2", 1, 1)]

    assert ["main", "spare 2", "spare 1"] == ids(balanced.order(items, preferred="spare 2"))
    away = balanced.order(items, preferred="spare 2", ready=lambda each: each.priority == 1)
    assert ["main", "spare 2", "spare 1"] == ids(away)


def test_of_those_held_back_the_heaviest_is_the_first_resort() -> None:
    """Nobody is fit, so the order is the operator's."""
    items = [Item("light"), Item("heavy", 5), Item("middle", 3)]

    assert ["heavy", "middle", "light"] == ids(balancer().order(items, ready=lambda _: False))


def test_conversations_and_new_requests_together_keep_to_the_weights() -> None:
    """What a conversation brings to its place counts as a turn of that place, so new ones go to the others."""
    balanced = balancer()
    traffic, items, all_asked = Traffic(balanced), [Item("a", 2), Item("b"), Item("c")], Counter[str]()
    for number in range(1_000):
        first = balanced.order(items, preferred="b" if number % 5 == 0 else None)[0].id
        traffic.ask(first)
        all_asked[first] += 1

    assert {"a": 500, "b": 250, "c": 250} == pytest.approx(all_asked, abs=20)


@pytest.mark.parametrize("refusal", [RETURNING, Refusal("rate", 1.0, "key_model")])
def test_who_returns_gradually_gets_a_share_of_its_own_requests(refusal: Refusal) -> None:
    """Half let through is half of a tenth, not half of all; who is held back otherwise has nothing to pay."""
    balanced, rng = balancer(), Random(0)
    traffic, all_asked = Traffic(balanced), Counter[str]()
    items = [Item(f"d{n}") for n in range(10)]
    for _ in range(2_000):
        log = AttemptLog(Clock())
        for each in balanced.order(items):
            if each.id != "d3" or rng.random() < 0.5:
                traffic.ask(each.id)
                all_asked[each.id] += 1
                break
            log.skipped.append(Skipped(candidate(each.id), refusal))
        balanced.passed_over(log.skipped)

    assert (0.05 if refusal is RETURNING else 0.1) == pytest.approx(all_asked["d3"] / 2_000, abs=0.01)


def test_a_reload_changes_the_policy_and_keeps_what_is_known_of_who_stays() -> None:
    """A policy that stays keeps its turns; another one begins with the load as it is."""
    load = Load(clock=Clock())
    balanced = Balancer("smooth_weighted", pressure=load, rng=Random(0))
    traffic, busy = Traffic(balanced), Traffic(load)
    items = [Item("a"), Item("b")]
    balanced.order(items)
    traffic.ask("a")
    under_way = busy.begin("b")

    balanced.adopt("smooth_weighted", {"a", "b"})
    assert ["b", "a"] == ids(balanced.order(items))
    balanced.adopt("least_in_flight", {"a", "b"})
    assert ["a", "b"] == ids(balanced.order(items))
    busy.end(under_way)
    traffic.ask("a")
    assert ["b", "a"] == ids(balanced.order(items))
    balanced.adopt("power_of_two", {"b"})
    assert 2 == len(balanced.order(items))


def test_the_first_of_a_draw_is_drawn_by_weight() -> None:
    """Over many requests each weight gets its share; weight 0 gets nothing."""
    items = [Item("a", 3), Item("b"), Item("drained", 0)]
    rng = Random(7)
    firsts = Counter(weighted_order(items, rng)[0].id for _ in range(4_000))

    assert {"a", "b"} == firsts.keys()
    assert 0.75 == pytest.approx(firsts["a"] / 4_000, abs=0.02)


@given(st.lists(st.tuples(st.floats(0, 10), st.integers(-2, 2)), max_size=8), st.integers())
def test_a_draw_is_a_permutation_of_what_has_weight(rows: list[tuple[float, int]], seed: int) -> None:
    """Nobody twice, nobody lost, priorities ascending."""
    items = [Item(str(position), weight, priority) for position, (weight, priority) in enumerate(rows)]
    ordered = weighted_order(items, Random(seed))

    assert sorted(each.id for each in items if each.weight > 0) == sorted(each.id for each in ordered)
    assert [each.priority for each in ordered] == sorted(each.priority for each in ordered)


@given(st.lists(st.floats(0, 1.7e308), max_size=12))
def test_shares_sum_to_one_or_are_zero(weights: list[float]) -> None:
    """Shares are probabilities, also where the weights' sum is beyond what a float holds."""
    found = shares(weights)

    assert len(weights) == len(found)
    assert (1.0 if any(weights) else 0.0) == pytest.approx(sum(found))
    assert (0.75, 0.25) == shares([3, 1])
    assert () == shares([])


def passing(balanced: Balancer, traffic: Traffic, items: list[Item], *, refused: set[int], n: int) -> Counter[str]:
    """Ask n times; in the turns `refused`, the gate does not let item "a" through."""
    asked = Counter[str]()
    for turn in range(n):
        order = ids(balanced.order(items))
        first = next(each for each in order if each != "a" or turn not in refused)
        log = AttemptLog(Clock())
        log.skipped += [Skipped(candidate(each), RETURNING) for each in order[: order.index(first)]]
        balanced.passed_over(log.skipped)
        traffic.ask(first)
        asked[first] += 1
    return asked


def test_who_is_let_through_only_sometimes_gets_that_part_of_its_share() -> None:
    """One that comes back gradually is not the first of every request, nor does it catch up in a burst."""
    balanced = balancer()
    traffic, items = Traffic(balanced), [Item(each) for each in "abcde"]
    rng = Random(5)
    nine_in_ten = {turn for turn in range(1_000) if rng.random() < 0.9}
    at_first = passing(balanced, traffic, items, refused=nine_in_ten, n=1_000)
    then = passing(balanced, traffic, items, refused=set(), n=50)

    assert 24 == pytest.approx(at_first["a"], abs=12)
    assert 10 == pytest.approx(then["a"], abs=1)
    assert {"b": 245, "c": 245, "d": 245, "e": 245} == pytest.approx(at_first - Counter(a=at_first["a"]), abs=15)


def test_a_turn_passes_only_where_somebody_was_passed_over() -> None:
    """Standing in after a failure, coming for a conversation, and being looked at cost the others nothing."""
    balanced = balancer()
    traffic, items = Traffic(balanced), [Item("a"), Item("b")]
    firsts: list[str] = []
    for _ in range(4):
        balanced.order(items)
        order = ids(balanced.order(items))
        firsts += order[:1]
        for each in order:  # it fails, the other stands in
            traffic.ask(each)
        balanced.order([Item("x"), Item("y")])
    assert ["a", "a", "a", "a"] == firsts

    for _ in range(2):
        traffic.ask(balanced.order(items, preferred="b")[0].id)
    assert "a" == balanced.order(items)[0].id
