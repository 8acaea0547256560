"""Health at its edges: how long, for whom, and whose word counts; the clock and the dice are the test's."""

from __future__ import annotations

from dataclasses import replace
from random import Random

import pytest
from structlog.testing import capture_logs
from typing_extensions import override

from config.breaker_settings import BreakerSettings
from config.failures import FailureClass
from router.health import LEAST_WAIT_S, Health
from router.providers.base import Target
from tests.router.health_attempts import RULES, Clock, begun, end, fail_often, state_of, target


class Dice(Random):
    """Shows what the test says."""

    shown = 0.0

    @override
    def random(self) -> float:
        return self.shown


@pytest.fixture
def clock() -> Clock:
    """Give a clock."""
    return Clock()


@pytest.fixture
def dice() -> Dice:
    """Give dice that show nothing."""
    return Dice()


@pytest.fixture
def health(clock: Clock, dice: Dice) -> Health:
    """Give a health without gradual return."""
    return Health(RULES, clock=clock, rng=dice)


def wait_s(health: Health, to: Target) -> float:
    """Return what a client may be told to wait for this deployment."""
    refusal = health.refusal(to)
    assert refusal is not None
    assert refusal.wait_s is not None
    return refusal.wait_s


def test_a_balancer_is_told_nothing_by_what_is_switched_off(clock: Clock, dice: Dice) -> None:
    """Off for one reason is enough: the rules, or that the target is no server."""
    off = Health(replace(RULES, enabled=False), clock=clock, rng=dice)
    on = Health(RULES, clock=clock, rng=dice)
    inside = replace(target(), base_url="local:extractive")
    fail_often(off, clock, target())
    fail_often(on, clock, inside)

    assert (True, True) == (off.available(target()), on.available(inside))


def test_a_gradual_return_lets_through_exactly_its_share(clock: Clock, dice: Dice) -> None:
    """A draw below the share passes; the share itself does not, as draws reach from 0 to just below 1."""
    health = Health(replace(RULES, ramp_s=10), clock=clock, rng=dice)
    fail_often(health, clock, target())
    clock.now += 6
    assert health.try_acquire(target())
    end(health, begun(health, clock, target()))
    clock.now += 5

    passed: list[bool] = []
    for dice.shown in (0.49, 0.5, 0.51):
        passed.append(health.try_acquire(target()))
    assert [True, False, False] == passed


def test_a_rate_limit_is_not_worth_the_wait_for_a_trial(health: Health, clock: Clock) -> None:
    """How the trial of the host ends says nothing of the key's limit; once that is over, it does."""
    limited = begun(health, clock, target())
    fail_often(health, clock, target("b", model="other", key="k2"))
    end(health, limited, "rate", retry_after_s=8)
    clock.now += 6
    assert health.try_acquire(target("b", model="other", key="k2"))
    begun(health, clock, target("b", model="other", key="k2"))

    assert not health.on_trial(target())
    clock.now += 2
    assert health.on_trial(target())


def test_an_operator_holds_back_the_deployment_and_nothing_it_shares(health: Health) -> None:
    """The refusal names the scope, so that a client's error does not blame the host."""
    health.trip("a")

    refusal = health.refusal(target())
    assert refusal is not None
    assert ("operator", None, "deployment") == (refusal.reason, refusal.wait_s, refusal.scope)
    assert health.refusal(target("b")) is None


@pytest.mark.parametrize("failed", ["credential", "quota", "model_gone", "model_access"])
@pytest.mark.parametrize(("wish_s", "told_s"), [(None, 60.0), (10.0, 60.0), (600.0, 600.0)])
def test_what_a_client_is_told_is_never_less_than_the_bench(
    health: Health, clock: Clock, failed: FailureClass, wish_s: float | None, told_s: float
) -> None:
    """A longer wish of the upstream is passed on; a shorter one would send the client into a refusal."""
    end(health, begun(health, clock, target()), failed, retry_after_s=wish_s)

    assert told_s == wait_s(health, target())


@pytest.mark.parametrize(("wish_s", "told_s"), [(None, 1.0), (7.0, 7.0), (200.0, 200.0)])
def test_the_whole_time_of_a_rate_limit_is_told(
    health: Health, clock: Clock, wish_s: float | None, told_s: float
) -> None:
    """Also where the bench itself is cut at a minute, so that one may try again earlier."""
    end(health, begun(health, clock, target()), "rate", retry_after_s=wish_s)
    assert told_s == wait_s(health, target())

    clock.now += min(told_s, RULES.open_max_s)
    assert health.available(target())


def test_while_a_trial_is_under_way_a_second_is_told(health: Health, clock: Clock) -> None:
    """Nobody knows when it ends, and a client that is told 0 would ask again at once."""
    fail_often(health, clock, target())
    clock.now += 6
    assert health.try_acquire(target())
    begun(health, clock, target())

    assert LEAST_WAIT_S == 1.0 == wait_s(health, target())


def test_of_two_causes_the_one_that_lasts_longer_is_told(health: Health, clock: Clock) -> None:
    """The host is back in five seconds, the key in sixty: whoever waits five waits in vain."""
    dead_key = begun(health, clock, target())
    fail_often(health, clock, target())
    end(health, dead_key, "credential")

    refusal = health.refusal(target())
    assert refusal is not None
    assert ("credential", 60.0, "key") == (refusal.reason, refusal.wait_s, refusal.scope)


def test_the_first_word_of_a_forced_trial_counts_in_the_very_moment(health: Health, clock: Clock) -> None:
    """Who holds the trial is believed, although it began no later than the breaker opened."""
    fail_often(health, clock, target())
    assert health.force(target())
    health.attempt_answered(begun(health, clock, target()))

    assert health.available(target())


@pytest.mark.parametrize("whole", [False, True])
def test_the_word_of_an_older_attempt_closes_nothing(health: Health, clock: Clock, *, whole: bool) -> None:
    """What was asked before the host went down says nothing of now, be it the first content or the whole answer."""
    old = begun(health, clock, target())
    clock.now += 1
    fail_often(health, clock, target())
    if whole:
        end(health, old)
    else:
        health.attempt_answered(old)

    assert not health.available(target())


def test_a_forced_trial_that_fails_lengthens_nothing(health: Health, clock: Clock) -> None:
    """While all are down every request forces one; who is back must not be left alone for minutes for that."""
    fail_often(health, clock, target())
    for _ in range(5):
        clock.now += 0.5
        assert health.force(target())
        end(health, begun(health, clock, target()), "transient")

    assert RULES.open_s - 2.5 == wait_s(health, target())
    assert health.force(target()), "the slot was given back"


def test_a_failing_host_is_left_alone_as_long_as_it_asks(health: Health, clock: Clock) -> None:
    """Retry-After of the failure that opens it holds for other keys too, cut at a minute."""
    fail_often(health, clock, target(), n=4)
    end(health, begun(health, clock, target()), "transient", retry_after_s=20.0)
    other_key = target("b", key="k2")

    assert 20.0 == wait_s(health, other_key)
    assert not health.available(other_key)
    clock.now += 20
    assert health.available(other_key)


def test_returns_are_spread_by_up_to_a_tenth(health: Health, clock: Clock, dice: Dice) -> None:
    """Gateways that lost the same host at the same moment do not come back in the same moment."""
    dice.shown = 0.5
    fail_often(health, clock, target())

    assert 1.05 * RULES.open_s == pytest.approx(wait_s(health, target()))


def test_no_wish_is_no_second(clock: Clock, dice: Dice) -> None:
    """Where the rules say half a second, half a second it is."""
    health = Health(replace(RULES, open_s=0.5), clock=clock, rng=dice)
    fail_often(health, clock, target())
    clock.now += 0.5

    assert health.available(target())


@pytest.mark.parametrize(("failed", "n_after"), [("transient", 2), ("rate", 2), ("credential", 1), ("model_gone", 1)])
def test_only_what_an_operator_must_mend_comes_back_by_one_trial(
    health: Health, clock: Clock, failed: FailureClass, n_after: int
) -> None:
    """A pause or a limit ends for all at its time; a dead key or a missing model is tried by one first."""
    end(health, begun(health, clock, target()), failed, retry_after_s=30.0)
    scope = "key" if failed == "credential" else "key_model"
    assert ("open", scope, failed) == state_of(health)
    clock.now += RULES.key_bench_s

    assert n_after == sum(health.try_acquire(target()) for _ in range(2))


def test_one_taken_out_is_shown_with_what_is_known_of_it(health: Health, clock: Clock) -> None:
    """Nothing asked yet are noughts; else the counts of its window stay."""
    health.trip("never_asked")
    end(health, begun(health, clock, target()))
    end(health, begun(health, clock, target()), "transient")
    health.trip("a")

    out = {"state": "open", "until_s": None, "scope": "deployment", "reason": "operator"}
    assert {
        "a": {"requests": 2, "failures": 1, **out},
        "never_asked": {"requests": 0, "failures": 0, **out},
    } == health.state()


@pytest.mark.parametrize(
    ("failed", "level", "fields"),
    [
        ("rate", "info", {"scope": "key_model", "reason": "rate", "for_s": 7.3}),
        ("transient", "info", {"scope": "key_model", "reason": "transient", "for_s": 7.3}),
        ("credential", "warning", {"scope": "key", "reason": "credential", "for_s": 60.0}),
        ("model_gone", "warning", {"scope": "key_model", "reason": "model_gone", "for_s": 60.0}),
    ],
)
def test_the_log_says_who_is_benched_and_why(
    health: Health, clock: Clock, failed: FailureClass, level: str, fields: dict[str, object]
) -> None:
    """What passes by itself is news; what somebody must mend is a warning."""
    with capture_logs() as events:
        end(health, begun(health, clock, target()), failed, retry_after_s=7.26)

    assert [{"event": "benched", "log_level": level, "deployment": "a", **fields}] == events


def test_the_log_follows_a_host_down_and_up(clock: Clock, dice: Dice) -> None:
    """Once for each part that opens, and once for the return; an operator's hand shows too."""
    health = Health(BreakerSettings(ramp_s=0, min_requests=1), clock=clock, rng=dice)
    with capture_logs() as events:
        fail_often(health, clock, target(), n=1)
        clock.now += 6
        end(health, begun(health, clock, target()))
        health.trip("a")
        health.reset("a")

    assert [
        ("breaker_opened", "warning", "host"),
        ("breaker_opened", "warning", "model"),
        ("upstream_is_back", "info", None),
        ("taken_out_by_operator", "warning", None),
        ("reset_by_operator", "info", None),
    ] == [(each["event"], each["log_level"], each.get("scope")) for each in events]
    assert {"a"} == {each["deployment"] for each in events}
