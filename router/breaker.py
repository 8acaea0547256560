"""The state machines behind `health.py`: a trial slot, a sliding window, and the circuit breaker made of both.

They know neither upstreams nor failure classes; time is handed in with every call, in monotonic seconds.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from math import inf
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from config.breaker_settings import BreakerSettings

BreakerState = Literal["closed", "open", "half_open"]

N_SLICES = 10
"""Parts of a window; the oldest is forgotten as a whole."""
FIRST_SHARE = 0.1
"""Share of the traffic with which a gradual return begins."""
FORGETS_STREAK = 10
"""Failures in a row are forgotten after so many windows without another."""


@dataclass(slots=True)
class TrialSlot:
    """Room for one trial request at a time. A holder that never gives it back loses it at its deadline."""

    _holder: object | None = None
    _until: float = -inf

    def taken(self, now: float) -> bool:
        """Return whether a trial is under way."""
        return now < self._until

    def take(self, now: float, *, lease_s: float) -> None:
        """Take the slot; who holds it is said by `bind`."""
        self._holder = None
        self._until = now + lease_s

    def bind(self, holder: object, now: float) -> None:
        """Name the holder of a slot that was just taken."""
        if self.taken(now) and self._holder is None:
            self._holder = holder

    def holds(self, holder: object) -> bool:
        """Return whether this is the holder, be it past its deadline."""
        return self._holder is holder

    def free(self) -> None:
        """End the trial, whoever holds it."""
        self._holder = None
        self._until = -inf


@dataclass(slots=True)
class Window:
    """Answers of the last `span_s` seconds, counted in `N_SLICES` slices."""

    span_s: float
    _slices: deque[list[int]] = field(default_factory=lambda: deque(maxlen=N_SLICES))

    def add(self, now: float, *, failed: bool) -> None:
        """Count one answer."""
        at = self._slice_of(now)
        if not self._slices or self._slices[-1][0] != at:
            self._slices.append([at, 0, 0])
        newest = self._slices[-1]
        newest[1] += 1
        newest[2] += failed

    def counts(self, now: float) -> tuple[int, int]:
        """Return how many answers there were, and how many of them failed."""
        oldest = self._slice_of(now) - N_SLICES + 1
        recent = [each for each in self._slices if each[0] >= oldest]
        return sum(each[1] for each in recent), sum(each[2] for each in recent)

    def clear(self) -> None:
        """Forget everything."""
        self._slices.clear()

    def _slice_of(self, now: float) -> int:
        return int(now / self.span_s * N_SLICES)


@dataclass(slots=True, weakref_slot=True)
class Breaker:
    """Closed while answers come; open for a while after too many failures; then half-open: one trial at a time.

    `failure_rate` is the share of failures in the window that opens it. As many failures in a row as the window must
    at least hold open it too, however far apart they are: a server that hangs never fills a window. What began
    before the last change of state is no evidence.
    """

    rules: BreakerSettings
    failure_rate: float
    window: Window = field(init=False)
    _opened: float | None = None
    _until: float = -inf
    _closed: float = -inf
    _n_opened: int = 0
    _streak: int = 0
    _failed: float = -inf
    _slot: TrialSlot = field(default_factory=TrialSlot)

    def __post_init__(self) -> None:
        """Start with an empty window."""
        self.window = Window(self.rules.window_s)

    def adopt(self, rules: BreakerSettings, failure_rate: float) -> None:
        """Go on with other numbers; the state stays."""
        if rules.window_s != self.rules.window_s:
            self.window = Window(rules.window_s)
        self.rules, self.failure_rate = rules, failure_rate

    def state(self, now: float) -> BreakerState:
        """Return the state at this moment."""
        if self._opened is None:
            return "closed"
        return "open" if now < self._until else "half_open"

    @property
    def closed(self) -> bool:
        """Whether it is closed, at any moment."""
        return self._opened is None

    def blamed(self, now: float) -> float:
        """Return when it failed last, -inf where an answer came since or that is out of the window."""
        blamed = self._opened is not None or self._streak > 0
        return self._failed if blamed and now - self._failed <= self.rules.window_s else -inf

    def admits(self, now: float) -> bool:
        """Return whether a request may go through; changes nothing. A gradual return is `share`'s."""
        return self._opened is None or (now >= self._until and not self._slot.taken(now))

    def tried(self, now: float) -> bool:
        """Return whether a trial is under way."""
        return self._slot.taken(now)

    def share(self, now: float) -> float:
        """Return the share of requests that may go through while it is closed."""
        if self.rules.ramp_s <= 0:
            return 1.0
        return min(1.0, max(FIRST_SHARE, (now - self._closed) / self.rules.ramp_s))

    def acquire(self, now: float) -> None:
        """Take the trial slot, unless it is closed and none is needed."""
        if self._opened is not None:
            self._slot.take(now, lease_s=self.rules.trial_s)

    def bind(self, holder: object, now: float) -> None:
        """Name who uses the slot that `acquire` took."""
        self._slot.bind(holder, now)

    def release(self, holder: object) -> None:
        """Give back the slot without a verdict."""
        if self._slot.holds(holder):
            self._slot.free()

    def wait_s(self, now: float) -> float:
        """Return the seconds until a trial may begin; 0 when it is closed or half-open."""
        return max(0.0, self._until - now) if self._opened is not None else 0.0

    def answered(self, now: float, *, holder: object, began: float) -> bool:
        """Take an answer's beginning for a success of the trial; return whether that closed it."""
        if self._opened is None or not self._is_evidence(self._opened, holder, began):
            return False
        self._close(now)
        return True

    def succeeded(self, now: float, *, holder: object, began: float) -> bool:
        """Count a whole answer; return whether that closed it."""
        if self._opened is not None:
            return self.answered(now, holder=holder, began=began)
        self._streak = 0
        self.window.add(now, failed=False)
        return False

    def failed(self, now: float, *, holder: object, began: float, wish_s: float = 0.0, jitter: float = 0.0) -> bool:
        """Count a failure; return whether that opened it (again).

        `wish_s` is the upstream's wish, obeyed up to `open_max_s`; `jitter` (0 to 1) lengthens the time by a tenth.
        """
        if self._opened is not None:
            if not self._is_evidence(self._opened, holder, began):
                return False
            if now < self._until:
                self._failed_early(now, holder=holder, wish_s=wish_s)
                return False
            self._open(now, wish_s=wish_s, jitter=jitter)
            return True
        if began < self._closed:
            return False
        self._count_failure(now)
        n, n_failed = self.window.counts(now)
        enough = n >= self.rules.min_requests and n_failed >= self.failure_rate * n
        if not enough and self._streak < self.rules.min_requests:
            return False
        self._open(now, wish_s=wish_s, jitter=jitter)
        return True

    def told_s(self, now: float) -> float:
        """Return the seconds a client may be told to wait."""
        return self.wait_s(now)

    def half_open(self, now: float) -> bool:
        """Let a trial begin at once; return whether it was open."""
        if self._opened is None or now >= self._until:
            return False
        self._until = now
        return True

    def reset(self) -> None:
        """Close it and forget everything."""
        self._opened, self._until, self._closed, self._n_opened, self._streak = None, -inf, -inf, 0, 0
        self.window.clear()
        self._slot.free()

    def _failed_early(self, now: float, *, holder: object, wish_s: float) -> None:
        """A trial that was forced while it is open tells nothing new: only a wish of the upstream lengthens the time.

        Else a minute in which everything is down would keep upstreams away for minutes after they are back.
        """
        if self._slot.holds(holder):
            self._slot.free()
            self._until = max(self._until, now + min(wish_s, self.rules.open_max_s))

    def _count_failure(self, now: float) -> None:
        forgotten = now - self._failed > FORGETS_STREAK * self.rules.window_s
        self._streak = 1 if forgotten else self._streak + 1
        self._failed = now
        self.window.add(now, failed=True)

    def _is_evidence(self, opened: float, holder: object, began: float) -> bool:
        return self._slot.holds(holder) or began > opened

    def _open(self, now: float, *, wish_s: float, jitter: float) -> None:
        rules = self.rules
        if self._opened is None and now - self._closed > rules.ramp_s + rules.window_s:
            self._n_opened = 0
        own_s = min(rules.open_max_s, rules.open_s * 2.0 ** min(self._n_opened, 30))
        self._n_opened += 1
        self._opened = now
        self._until = now + max(own_s, min(wish_s, rules.open_max_s)) * (1.0 + 0.1 * jitter)
        self._slot.free()

    def _close(self, now: float) -> None:
        self._opened, self._closed, self._streak = None, now, 0
        self.window.clear()
        self._slot.free()
