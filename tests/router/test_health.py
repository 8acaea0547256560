"""Health, fed with attempts as the dispatcher makes them; the clock and the dice are the test's."""

from __future__ import annotations

from dataclasses import replace
from math import inf
from random import Random
from typing import Literal, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.errors import UpstreamError
from config.failures import FailureClass
from router.attempt import Attempt
from router.health import Health
from router.places import MAX_PLACES
from tests.router.health_attempts import RULES, Clock, begun, end, fail_often, state_of, target


@pytest.fixture
def clock() -> Clock:
    """Give a clock."""
    return Clock()


@pytest.fixture
def health(clock: Clock) -> Health:
    """Give a health without gradual return."""
    return Health(RULES, clock=clock, rng=Random(7))


def test_an_unknown_deployment_is_available(health: Health) -> None:
    """Nothing speaks against who was never asked."""
    assert health.available(target())
    assert health.retry_after_s(target()) is None


def test_a_host_that_is_down_is_left_alone_and_comes_back_by_one_trial(health: Health, clock: Clock) -> None:
    """Open after the minimum count, half-open after its time, closed by the first success."""
    fail_often(health, clock, target(), n=4)
    assert health.available(target())
    fail_often(health, clock, target(), n=1)

    assert not health.available(target())
    assert not health.try_acquire(target("b", model="other"))
    assert ("open", "host", "transient") == state_of(health)
    clock.now += 5.6
    assert health.try_acquire(target())
    trial = begun(health, clock, target())
    assert not health.try_acquire(target())
    assert ("half_open", "host", "transient") == state_of(health)
    clock.now += 0.1
    end(health, trial)
    assert ("closed", None, None) == state_of(health)
    assert health.try_acquire(target())


@pytest.mark.parametrize("failed", ["rate", "credential", "quota", "model_gone", "model_access"])
def test_what_is_benched_by_a_failure(health: Health, clock: Clock, failed: FailureClass) -> None:
    """A dead key benches the key at all its models; a rate limit or a missing model only that key with that model."""
    end(health, begun(health, clock, target()), failed, retry_after_s=7 if failed == "rate" else None)

    same_key = target("b", model="other")
    other_key = target("c", key="k2")
    key_is_dead = failed in {"credential", "quota"}
    assert [False, not key_is_dead, True] == [health.available(each) for each in (target(), same_key, other_key)]
    assert ("open", "key" if key_is_dead else "key_model", failed) == state_of(health)


@pytest.mark.parametrize("failed", ["caller", "policy", "context"])
def test_the_callers_own_faults_are_neutral(health: Health, clock: Clock, failed: FailureClass) -> None:
    """However many bad requests come, nobody is left alone for them."""
    for _ in range(50):
        end(health, begun(health, clock, target()), failed)

    assert health.available(target())
    assert ("closed", None, None) == state_of(health)


def on_trial(health: Health, clock: Clock) -> Attempt:
    """Let a host go down, wait until it is half-open, and begin the trial."""
    fail_often(health, clock, target())
    clock.now += 6
    assert health.try_acquire(target())
    return begun(health, clock, target())


def test_a_client_that_leaves_is_neutral_and_frees_the_trial(health: Health, clock: Clock) -> None:
    """An aborted trial proves nothing; the next request may try."""
    trial = on_trial(health, clock)
    trial.abandon("the client left before the first content")
    health.attempt_ended(trial)

    assert ("half_open", "host", "transient") == state_of(health)
    assert health.try_acquire(target())


def test_a_lost_trial_is_released_at_its_deadline(health: Health, clock: Clock) -> None:
    """An attempt whose end nobody tells does not keep the upstream out of play for ever."""
    on_trial(health, clock)
    clock.now += RULES.trial_s - 0.1
    assert not health.available(target())
    clock.now += 0.1

    assert health.try_acquire(target())
    assert not health.try_acquire(target())


@pytest.mark.parametrize("failed", ["rate", "caller", "policy", "context"])
def test_a_trial_that_says_nothing_of_the_host_frees_its_slot(
    health: Health, clock: Clock, failed: FailureClass
) -> None:
    """429 and the caller's own faults neither close the breaker nor open it again."""
    end(health, on_trial(health, clock), failed)

    other_key = target("b", key="k2")
    assert health.available(other_key)
    assert ("half_open", "host", "transient") == (health.try_acquire(other_key) and state_of(health, "b"))


def test_the_first_content_ends_a_trial_well(health: Health, clock: Clock) -> None:
    """Others need not wait for the end of a long stream."""
    trial = on_trial(health, clock)
    clock.now += 1
    health.attempt_answered(trial)

    assert health.try_acquire(target())
    end(health, trial)
    assert {"requests": 1, "failures": 0} == {
        name: value for name, value in health.state()["a"].items() if name in {"requests", "failures"}
    }


def test_a_return_is_gradual(clock: Clock) -> None:
    """About a tenth of the requests at first, half in the middle, all at the end; a balancer may name it at once."""
    health = Health(replace(RULES, ramp_s=10), clock=clock, rng=Random(1))
    trial = on_trial(health, clock)
    end(health, trial)

    shares = []
    for _ in range(3):
        shares.append(sum(health.try_acquire(target()) for _ in range(1_000)) / 1_000)
        clock.now += 5
    assert [0.1, 0.5, 1.0] == pytest.approx(shares, abs=0.05)
    assert health.available(target())
    assert health.refusal(target()) is None


def test_one_broken_model_does_not_bench_its_neighbours(health: Health, clock: Clock) -> None:
    """Half of what the host answers fails, all of it for one model: only that model is left alone."""
    well = target("b", model="well")
    for _ in range(6):
        end(health, begun(health, clock, target()), "transient")
        end(health, begun(health, clock, well))
        clock.now += 0.1

    assert ("open", "model", "transient") == state_of(health)
    assert (False, True) == (health.available(target()), health.available(well))


def test_empty_answers_speak_against_the_model_and_not_against_its_host(health: Health, clock: Clock) -> None:
    """Whoever answers with nothing is up."""
    for _ in range(5):
        attempt = begun(health, clock, target())
        attempt.fail(UpstreamError("nothing", failure_class="transient", status=200, code="empty_completion"))
        health.attempt_ended(attempt)

    assert ("open", "model", "transient") == state_of(health)
    assert health.available(target("b", model="other"))


def test_a_pause_that_a_503_asks_for_is_kept(health: Health, clock: Clock) -> None:
    """Retry-After beside a 503 benches that key and model for it, at most a minute; the client hears all of it."""
    end(health, begun(health, clock, target()), "transient", retry_after_s=200.0)

    assert not health.available(target())
    assert health.available(target("b", model="other"))
    assert 200.0 == health.retry_after_s(target())
    assert health.force(target())
    clock.now += 60
    assert health.available(target())


def test_a_rate_limit_without_a_time_benches_briefly_and_twice_as_long_each_time(health: Health, clock: Clock) -> None:
    """Nobody invents a minute: 1 s, 2 s, 4 s, and from the beginning after a success."""
    waits: list[float | None] = []
    for _ in range(8):
        end(health, begun(health, clock, target()), "rate")
        waits.append(health.retry_after_s(target()))
        clock.now += 61
    assert [1, 2, 4, 8, 16, 32, 60, 60] == waits

    end(health, begun(health, clock, target()))
    end(health, begun(health, clock, target()), "rate")
    assert 1.0 == health.retry_after_s(target())


def test_a_rate_limit_of_no_time_benches_nobody(health: Health, clock: Clock) -> None:
    """`Retry-After: 0` means now."""
    end(health, begun(health, clock, target()), "rate", retry_after_s=0.0)

    assert health.available(target())


def test_an_answer_to_an_older_request_does_not_lift_a_bench(health: Health, clock: Clock) -> None:
    """A stream that began before the limit was hit says nothing of it."""
    old = begun(health, clock, target())
    clock.now += 1
    end(health, begun(health, clock, target()), "rate", retry_after_s=30)
    clock.now += 1
    end(health, old)

    assert not health.available(target())


def test_a_dead_key_is_tried_by_one_after_its_time(health: Health, clock: Clock) -> None:
    """An operator who has paid is served again without a restart; until then one request a minute finds out."""
    end(health, begun(health, clock, target()), "quota")
    clock.now += RULES.key_bench_s
    assert health.try_acquire(target())
    trial = begun(health, clock, target())
    assert not health.available(target("b", model="other"))
    end(health, trial, "quota")
    assert ("open", "key", "quota") == state_of(health)

    clock.now += RULES.key_bench_s
    assert health.try_acquire(target())
    end(health, begun(health, clock, target()))
    assert ("closed", None, None) == state_of(health)


def test_a_new_key_of_the_same_deployment_begins_anew(health: Health, clock: Clock) -> None:
    """After a reload with another key nothing is held against it, and the old key is still known where it is used."""
    shared = target("b", model="other")
    assert health.available(shared)
    end(health, begun(health, clock, target()), "credential")

    assert (True, False) == (health.available(target(key="new")), health.available(shared))


def test_who_has_nobody_else_may_try_before_the_time_but_one_at_a_time(health: Health, clock: Clock) -> None:
    """The recovery of the only upstream is noticed at once, and it is not overrun meanwhile."""
    fail_often(health, clock, target())

    assert (False, True) == (health.on_trial(target()), health.force(target()))
    assert (True, False) == (health.on_trial(target()), health.force(target()))
    refusal = health.refusal(target())
    assert refusal is not None
    assert refusal.wait_s is not None
    trial = begun(health, clock, target())
    clock.now += 1
    end(health, trial)
    assert health.available(target())
    assert health.force(target())


def test_a_rate_limit_is_never_overridden(health: Health, clock: Clock) -> None:
    """Not for a host that is down either."""
    end(health, begun(health, clock, target()), "rate", retry_after_s=30)
    assert not health.force(target())

    fail_often(health, clock, target())
    assert not health.force(target())
    refusal = health.refusal(target())
    assert refusal is not None
    assert ("transient", "host") == (refusal.reason, refusal.scope)


def test_a_host_that_answers_its_probe_may_be_tried_early(health: Health, clock: Clock) -> None:
    """The next request is its trial; other hosts are not touched."""
    fail_often(health, clock, target())
    fail_often(health, clock, target("b", host="other"))
    clock.now += 1
    health.host_answered("http://h")

    assert (True, False) == (health.try_acquire(target()), health.try_acquire(target("b", host="other")))
    assert not health.try_acquire(target())


def test_an_operator_takes_out_and_puts_back(health: Health, clock: Clock) -> None:
    """Taken out means out, however healthy; a reset forgets all that speaks against it."""
    health.trip("a")
    assert (False, False, False) == (health.available(target()), health.try_acquire(target()), health.force(target()))
    assert ("open", "deployment", "operator") == state_of(health)
    assert health.retry_after_s(target()) is None
    refusal = health.refusal(target())
    assert refusal is not None
    assert "operator" == refusal.reason

    fail_often(health, clock, target())
    health.reset("a")
    assert ("closed", None, None) == state_of(health)
    assert health.available(target())
    health.reset("unknown")


def test_switched_off_it_lets_everybody_through(clock: Clock) -> None:
    """Only an operator's word still counts."""
    health = Health(replace(RULES, enabled=False), clock=clock, rng=Random(1))
    fail_often(health, clock, target(), n=20)
    end(health, begun(health, clock, target()))

    assert (True, True, None) == (health.try_acquire(target()), health.force(target()), health.refusal(target()))
    assert not health.on_trial(target())
    assert {} == health.state()
    health.trip("a")
    assert not health.available(target())


def test_what_runs_in_this_process_is_never_benched(health: Health, clock: Clock) -> None:
    """The extractive model has no host that could be down."""
    inside = replace(target(), base_url="local:extractive")
    fail_often(health, clock, inside, n=20)

    assert (True, True) == (health.try_acquire(inside), health.force(inside))


def test_an_attempt_that_had_no_time_counts_for_nothing(health: Health, clock: Clock) -> None:
    """Others used up the deadline."""
    for _ in range(9):
        attempt = begun(health, clock, target())
        attempt.hurried = True
        end(health, attempt, "transient")

    assert health.available(target())


def test_new_rules_are_taken_up_and_what_is_gone_is_forgotten(health: Health, clock: Clock) -> None:
    """A reload changes the numbers, not what was learned."""
    fail_often(health, clock, target(), n=4)
    assert health.available(target("b"))
    health.adopt(replace(RULES, min_requests=2), {"a"})
    assert ["a"] == list(health.state())
    fail_often(health, clock, target(), n=1)

    assert not health.available(target())


def test_memory_is_bounded(health: Health) -> None:
    """Names that come and go do not pile up; those known longest are forgotten first."""
    for n in range(MAX_PLACES + 3):
        assert health.available(target(f"d{n}", host=f"h{n}"))

    assert (MAX_PLACES, "d3") == (len(health.state()), next(iter(health.state())))


def test_a_broken_address_is_a_host_of_its_own(health: Health, clock: Clock) -> None:
    """What cannot be read as a URL still has a place."""
    broken = replace(target(), base_url="http://[broken")
    fail_often(health, clock, broken)

    assert (False, True) == (health.available(broken), health.available(target("b")))


def test_no_key_and_no_address_is_shown(health: Health, clock: Clock) -> None:
    """The state goes to whoever may see `/health`."""
    secret = target(key="sk-canary-123456", host="secret.host")
    end(health, begun(health, clock, secret), "credential")

    shown = str(health.state())
    assert "canary" not in shown
    assert "secret.host" not in shown


OPS = st.lists(
    st.tuples(
        st.sampled_from(["ask", "ask", "force", "end", "end", "lose", "wait"]),
        st.integers(0, 3),
        st.sampled_from([None, "transient", "transient", "transient", "rate", "credential", "caller", "leaves"]),
        st.sampled_from([0.0, 0.2, 5.6, 61.0]),
    ),
    max_size=120,
)


@given(OPS)
def test_never_more_than_one_trial_at_a_host(
    ops: list[tuple[str, int, FailureClass | Literal["leaves"] | None, float]],
) -> None:
    """Whatever keys and models share it, and however attempts end or get lost: one request at a time tries a host."""
    clock = Clock()
    health = Health(replace(RULES, min_requests=2), clock=clock, rng=Random(1))
    targets = [target(f"{model}{key}", model=model, key=key) for model in "ab" for key in "12"]
    running: list[tuple[Attempt, bool]] = []  # with whether it was let through as a trial of the host

    def trials() -> int:
        fresh = [each for each, tries in running if tries and clock.now < each.started + RULES.trial_s]
        return len(fresh)

    for op, which, outcome, seconds in ops:
        to = targets[which]
        if op in {"ask", "force"}:
            refused = health.refusal(to)
            broken = any(state.get("scope") == "host" for state in reports(health))
            if health.try_acquire(to) if op == "ask" else health.force(to):
                assert op == "force" or refused is None
                running.append((begun(health, clock, to), broken))
            assert not broken or trials() <= 1
        elif op == "wait":
            clock.now += seconds
        elif running:
            attempt, _ = running.pop(which % len(running))
            if op == "end" and outcome == "leaves":
                attempt.abandon("left")
                health.attempt_ended(attempt)
            elif op == "end":
                end(health, attempt, outcome)


def reports(health: Health) -> list[dict[str, object]]:
    """Return what `/health` tells of each deployment."""
    return [dict(cast("dict[str, object]", each)) for each in health.state().values()]


def test_who_is_blamed_and_until_when(health: Health, clock: Clock) -> None:
    """A failure counts against it from then on: until it answers, or until that is out of the window."""
    assert -inf == health.blamed(target())
    end(health, begun(health, clock, target()), "transient")
    clock.now += 1
    end(health, begun(health, clock, target("b", host="other")), "transient")
    assert (1_000.0, 1_001.0) == (health.blamed(target()), health.blamed(target("b", host="other")))

    end(health, begun(health, clock, target()))
    assert -inf == health.blamed(target())
    clock.now += 30
    assert 1_001.0 == health.blamed(target("b", host="other"))
    clock.now += 0.1
    assert -inf == health.blamed(target("b", host="other"))


def test_what_a_neighbour_on_the_host_does_counts_too(health: Health, clock: Clock) -> None:
    """A refused connection says as much of the other models there; a rate limit says nothing of anybody."""
    health.attempt_ended(begun(health, clock, target("b", model="other")))
    end(health, begun(health, clock, target("a")), "rate")
    assert -inf == health.blamed(target("b", model="other"))
    end(health, begun(health, clock, target("a")), "transient")

    assert 1_000.0 == health.blamed(target("b", model="other"))


def test_attempts_at_the_blamed_and_the_silent_are_at_risk(health: Health, clock: Clock) -> None:
    """Each may soon want a further attempt; those who wait elsewhere, or have heard something, are not counted."""
    waits, sound = begun(health, clock, target()), begun(health, clock, target("b", host="other"))
    assert 0 == health.n_at_risk()
    clock.now += 1.5
    health.attempt_answered(begun(health, clock, target("b", host="other")))
    clock.now += 0.5
    assert (1, clock.now) == (health.n_at_risk(), health.blamed(target()))

    health.attempt_answered(waits)
    assert 0 == health.n_at_risk()
    end(health, sound, "transient")
    begun(health, clock, target("b", host="other"))
    assert 1 == health.n_at_risk()


def test_a_reload_between_begin_and_end_leaves_nobody_waiting(health: Health, clock: Clock) -> None:
    """Also when it switches the breakers off."""
    attempt = begun(health, clock, target())
    health.adopt(replace(RULES, enabled=False), {"a"})
    end(health, attempt, "transient")
    health.adopt(RULES, {"a"})
    clock.now += 60

    assert (0, -inf) == (health.n_at_risk(), health.blamed(target()))
