"""Health, fed with attempts as the dispatcher makes them; the clock and the dice are the test's."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

import pytest

from config.breaker_settings import BreakerSettings
from config.errors import FailureClass, UpstreamError
from config.settings import Timeouts
from router.attempt import Attempt, Candidate
from router.health import Health
from router.providers.base import Target

RULES = BreakerSettings(ramp_s=0)


@dataclass
class Clock:
    """Monotonic seconds that pass when the test says so."""

    now: float = 1_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    """Give a clock."""
    return Clock()


@pytest.fixture
def health(clock: Clock) -> Health:
    """Give a health without gradual return."""
    return Health(RULES, clock=clock, rng=Random(7))


def target(name: str = "a", *, host: str = "h", model: str = "m", key: str | None = "k") -> Target:
    """Return a deployment."""
    return Target(name, "p", f"http://{host}/v1", model, api_key=key)


def begun(health: Health, clock: Clock, to: Target) -> Attempt:
    """Begin an attempt, after the gate was asked."""
    attempt = Attempt(1, Candidate("m", to, "openai", Timeouts()), clock)
    health.attempt_began(attempt)
    return attempt


def end(
    health: Health, attempt: Attempt, failed: FailureClass | None = None, *, retry_after_s: float | None = None
) -> None:
    """End an attempt well, or with a failure."""
    if failed is None:
        attempt.succeed()
    else:
        attempt.fail(UpstreamError("no", failure_class=failed, retry_after_s=retry_after_s))
    health.attempt_ended(attempt)


def fail_often(health: Health, clock: Clock, to: Target, n: int = 5) -> None:
    """Let a deployment fail so often that it is left alone."""
    for _ in range(n):
        end(health, begun(health, clock, to), "transient")


def state_of(health: Health, name: str = "a") -> tuple[object, ...]:
    """Return state, scope and reason of a deployment as `/health` shows them."""
    found = health.state()[name]
    assert isinstance(found, dict)
    return found["state"], found["scope"], found["reason"]


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
