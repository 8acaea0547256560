"""How busy and how fast each deployment is: answers under way, and a decaying measure of the wait for first content.

Watches attempts; what to make of it is for the policies of `router/balancing/`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Container

    from config.failures import FailureClass
    from router.attempt import Attempt

DECAY_S: Final = 10.0
"""Seconds in which an old latency loses all but 1/e of its say; Finagle's default."""
FAILED_S: Final = 10.0
"""Least latency that a failure counts as: failing fast must not look like being fast."""
NOT_ITS_FAULT: Final[frozenset[FailureClass]] = frozenset({"caller", "policy", "context"})


@dataclass(slots=True)
class _Busy:
    """What is known of one deployment. `latency_s` is as of `stamp`, by the clock."""

    in_flight: int = 0
    latency_s: float = 0.0
    stamp: float = 0.0
    is_known: bool = False


class Load:
    """An `AttemptObserver` and a `Pressure`. `clock` gives monotonic seconds and must be the clock of the attempts."""

    def __init__(self, *, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._busy: dict[str, _Busy] = {}
        self._kept: Container[str] | None = None

    def in_flight(self, deployment: str) -> int:
        """Return how many attempts are under way there."""
        busy = self._busy.get(deployment)
        return busy.in_flight if busy is not None else 0

    def latency_s(self, deployment: str) -> float | None:
        """Return how long its first content takes lately, seconds: a peak that decays; `None` while nobody knows."""
        busy = self._busy.get(deployment)
        return self._decayed(busy, self._clock()) if busy is not None and busy.is_known else None

    def keep(self, deployments: Container[str]) -> None:
        """Forget the others; one that still answers is forgotten once it has."""
        self._kept = deployments
        for name in [name for name, busy in self._busy.items() if name not in deployments and not busy.in_flight]:
            del self._busy[name]

    def attempt_began(self, attempt: Attempt) -> None:
        """Count it in."""
        busy = self._busy.setdefault(attempt.candidate.target.deployment, _Busy())
        busy.in_flight += 1

    def attempt_ended(self, attempt: Attempt) -> None:
        """Count it out, and learn how long its first content took."""
        name = attempt.candidate.target.deployment
        busy = self._busy.get(name)
        if busy is None:
            return
        busy.in_flight = max(0, busy.in_flight - 1)
        if not busy.in_flight and self._kept is not None and name not in self._kept:
            del self._busy[name]
            return
        self._learn(busy, attempt)

    def _learn(self, busy: _Busy, attempt: Attempt) -> None:
        """Take a peak at once; below it, let the newer say more the longer ago the older was (Finagle's `PeakEwma`)."""
        now = self._clock()
        until = attempt.first_content if attempt.first_content is not None else now
        latency_s = max(0.0, until - attempt.started)
        old_s = self._decayed(busy, now)
        failure = attempt.failure
        if failure is not None and failure.failure_class in NOT_ITS_FAULT:
            return
        if failure is not None:
            latency_s = max(latency_s, FAILED_S)
        elif attempt.first_content is None and attempt.note is not None and latency_s < old_s:
            return  # given up before it could answer: it took at least as long, and that is known already
        rest = math.exp(-max(0.0, now - busy.stamp) / DECAY_S)
        busy.latency_s = latency_s if latency_s > old_s else busy.latency_s * rest + latency_s * (1.0 - rest)
        busy.stamp, busy.is_known = now, True

    def _decayed(self, busy: _Busy, now: float) -> float:
        return busy.latency_s * math.exp(-max(0.0, now - busy.stamp) / DECAY_S)
