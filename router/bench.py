"""The bench: what is out of play because an upstream said so, apart from the counting of `breaker.py`."""

from __future__ import annotations

from dataclasses import dataclass, field
from math import inf
from typing import TYPE_CHECKING

from router.breaker import TrialSlot

if TYPE_CHECKING:
    from config.failures import FailureClass
    from router.breaker import BreakerState


@dataclass(slots=True, weakref_slot=True)
class Bench:
    """Out of play for a time that the upstream named or a rule sets, and after it, where `by_trial`, one at a time.

    `told_s` is what a client may be told: the upstream's own wish, which may be longer than the bench.
    """

    reason: FailureClass | None = None
    by_trial: bool = False
    streak: int = 0
    """Times it was benched since the last success."""
    _since: float = -inf
    _until: float = -inf
    _told_until: float = -inf
    _slot: TrialSlot = field(default_factory=TrialSlot)

    def put(
        self, now: float, reason: FailureClass, *, for_s: float, told_s: float | None = None, by_trial: bool
    ) -> None:
        """Bench it; the later end of two benches holds."""
        self.reason, self.by_trial, self._since = reason, by_trial, now
        self.streak += 1
        self._until = max(self._until, now + for_s)
        self._told_until = max(self._told_until, now + (for_s if told_s is None else told_s))
        self._slot.free()

    def state(self, now: float) -> BreakerState:
        """Return the state in a breaker's words."""
        if self.reason is None or (now >= self._until and not self.by_trial):
            return "closed"
        return "open" if now < self._until else "half_open"

    def admits(self, now: float) -> bool:
        """Return whether a request may go through; changes nothing."""
        return self.reason is None or (now >= self._until and not (self.by_trial and self._slot.taken(now)))

    def tried(self, now: float) -> bool:
        """Return whether a trial is under way."""
        return self._slot.taken(now)

    def acquire(self, now: float, *, lease_s: float) -> None:
        """Take the trial slot where one is needed."""
        if self.reason is not None and (self.by_trial or now < self._until):
            self._slot.take(now, lease_s=lease_s)

    def bind(self, holder: object, now: float) -> None:
        """Name who uses the slot that `acquire` took."""
        self._slot.bind(holder, now)

    def release(self, holder: object) -> None:
        """Give back the slot without a verdict."""
        if self._slot.holds(holder):
            self._slot.free()

    def wait_s(self, now: float) -> float:
        """Return the seconds until it may be asked again."""
        return max(0.0, self._until - now) if self.reason is not None else 0.0

    def told_s(self, now: float) -> float:
        """Return the seconds a client may be told to wait."""
        return max(0.0, self._told_until - now) if self.reason is not None else 0.0

    def clear(self, *, holder: object, began: float) -> bool:
        """Take it back into play after an answer to a request that began later; return whether it had been out."""
        if self.reason is None or not (self._slot.holds(holder) or began > self._since):
            return False
        self.reset()
        return True

    def reset(self) -> None:
        """Forget everything."""
        self.reason, self.by_trial, self.streak = None, False, 0
        self._since = self._until = self._told_until = -inf
        self._slot.free()
