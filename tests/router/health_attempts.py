"""Attempts as the dispatcher makes them, told to a health; the clock is the test's."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from config.breaker_settings import BreakerSettings
from config.errors import UpstreamError
from config.failures import FailureClass
from config.settings import Timeouts
from router.attempt import Attempt, Candidate
from router.providers.base import Target

if TYPE_CHECKING:
    from router.health import Health

RULES = BreakerSettings(ramp_s=0)


@dataclass
class Clock:
    """Monotonic seconds that pass when the test says so."""

    now: float = 1_000.0

    def __call__(self) -> float:
        return self.now


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
