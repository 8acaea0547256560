"""The budget of further attempts: an outage must not multiply the calls to upstreams."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from config.breaker_settings import BreakerSettings

WINDOW_S = 10.0
N_SLICES = 10


class RetryBudget:
    """Counts requests and their further attempts over the last ten seconds.

    In any ten seconds there are at most `retry_share` of the requests, and at least `min_retries`, further attempts.
    Counting is by whole seconds and errs on the side of fewer attempts. `clock` gives monotonic seconds.
    """

    def __init__(self, rules: BreakerSettings, *, clock: Callable[[], float]) -> None:
        self._rules = rules
        self._clock = clock
        self._requests = _Slices(N_SLICES)  # at most ten seconds of requests ...
        self._retries = _Slices(N_SLICES + 1)  # ... stand against at least ten seconds of retries

    def adopt(self, rules: BreakerSettings) -> None:
        """Go on with other settings."""
        self._rules = rules

    def request_began(self) -> None:
        """Count a request."""
        self._requests.add(self._clock())

    def has_room(self) -> bool:
        """Return whether one more attempt beyond a request's first is allowed now; changes nothing but what is past."""
        return self.room() > 0

    def room(self) -> int:
        """Return how many more of them are allowed now; after a change of settings it may be below 0."""
        now = self._clock()
        return self._allowed(now) - self._retries.total(now)

    def is_tight(self, n_at_risk: int) -> bool:
        """Return whether half of them or fewer are left beside those that `n_at_risk` attempts may soon want.

        That half is for surprises: what is known to fail may not spend it.
        """
        now = self._clock()
        allowed = self._allowed(now)
        return 2 * (allowed - self._retries.total(now) - n_at_risk) <= allowed

    def spend(self) -> None:
        """Count one attempt beyond a request's first."""
        self._retries.add(self._clock())

    def _allowed(self, now: float) -> int:
        return max(self._rules.min_retries, int(self._rules.retry_share * self._requests.total(now)))


class _Slices:
    """A sum over the last `n` whole seconds."""

    def __init__(self, n: int) -> None:
        self._n = n
        self._slices: deque[tuple[int, int]] = deque()
        self._total = 0

    def add(self, now: float) -> None:
        self.total(now)
        at = _second(now)
        so_far = self._slices.pop()[1] if self._slices and self._slices[-1][0] == at else 0
        self._slices.append((at, so_far + 1))
        self._total += 1

    def total(self, now: float) -> int:
        oldest = _second(now) - self._n + 1
        while self._slices and self._slices[0][0] < oldest:
            self._total -= self._slices.popleft()[1]
        return self._total


def _second(now: float) -> int:
    return int(now * N_SLICES / WINDOW_S)
