"""What the tests of balancing balance: items with an id, weight and priority, and attempts at them."""

from __future__ import annotations

from dataclasses import dataclass, field

from config.errors import UpstreamError
from config.settings import Timeouts
from router.attempt import Attempt, Candidate
from router.gates import AttemptObserver
from router.providers.base import Target


@dataclass(frozen=True)
class Item:
    """Something that can be chosen."""

    id: str
    weight: float = 1.0
    priority: int = 0


@dataclass
class Clock:
    """Seconds that pass only when told to."""

    now: float = 1_000.0

    def __call__(self) -> float:
        return self.now


@dataclass
class Traffic:
    """Makes attempts and tells an observer."""

    observer: AttemptObserver
    clock: Clock = field(default_factory=Clock)

    def begin(self, deployment: str) -> Attempt:
        """Begin an attempt."""
        candidate = Candidate("m", Target(deployment, "vllm", "http://a/v1", "x"), "openai", Timeouts())
        attempt = Attempt(1, candidate, self.clock)
        self.observer.attempt_began(attempt)
        return attempt

    def end(self, attempt: Attempt, *, error: UpstreamError | None = None, note: str | None = None) -> None:
        """End it: well, by a failure, or by the client."""
        if error is not None:
            attempt.fail(error)
        elif note is not None:
            attempt.abandon(note)
        else:
            attempt.content_arrived()
            attempt.succeed()
        self.observer.attempt_ended(attempt)

    def ask(self, deployment: str, *, takes_s: float = 0.0) -> None:
        """Make an attempt that succeeds after this time."""
        attempt = self.begin(deployment)
        self.clock.now += takes_s
        self.end(attempt)
