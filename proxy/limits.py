"""Requests and tokens a minute of each proxy key: reserved when a request comes in, settled with what it used.

A limit holds for every span of sixty seconds, not only for calendar minutes. The counts lie in this process's memory:
each replica counts for itself, and a restart forgets.
"""

from __future__ import annotations

import math
import time
from collections import OrderedDict, deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Literal

from config.errors import RateLimitError

if TYPE_CHECKING:
    from collections.abc import Callable

    from config.key_identity import KeyIdentity
    from config.limit_settings import LimitSettings

Kind = Literal["requests", "tokens"]

WINDOW_S: Final = 60
MAX_KEYS: Final = 10_000
"""Keys that are counted at once; beyond it the one that was silent longest is forgotten."""
_SHORT: Final[dict[Kind, str]] = {"requests": "RPM", "tokens": "TPM"}


@dataclass(slots=True)
class _Window:
    """A sum over the last minute, in slots of one second: 62 numbers at most, whatever the limit."""

    slots: deque[list[int]] = field(default_factory=deque[list[int]])
    """Second and amount, oldest first."""
    total: int = 0

    def forget(self, now: float) -> None:
        """Drop what is a whole minute old."""
        while self.slots and self.slots[0][0] + 1 + WINDOW_S <= now:
            self.total -= self.slots.popleft()[1]

    def add(self, amount: int, now: float) -> int:
        """Count now; return the second under which it stands."""
        second = math.floor(now)
        if not self.slots or self.slots[-1][0] < second:
            self.slots.append([second, 0])
        self.slots[-1][1] += amount
        self.total += amount
        return self.slots[-1][0]

    def give_back(self, amount: int, second: int) -> None:
        """Take off again what was counted in a second, unless that is forgotten already."""
        for slot in self.slots:
            if slot[0] == second:
                slot[1] -= amount
                self.total -= amount
                return

    def wait_s(self, too_many: int, now: float) -> float:
        """Return the seconds until that much of the sum will be forgotten."""
        for second, amount in self.slots:
            too_many -= amount
            if too_many <= 0:
                return second + 1 + WINDOW_S - now
        return 0.0


@dataclass(slots=True)
class _Used:
    """What a key used in the last minute."""

    requests: _Window = field(default_factory=_Window)
    tokens: _Window = field(default_factory=_Window)


class RateLimiter:
    """Counts for every key that has limits. `monotonic` gives seconds."""

    def __init__(self, *, max_keys: int = MAX_KEYS, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._max_keys = max_keys
        self._monotonic = monotonic
        self._used: OrderedDict[str, _Used] = OrderedDict()

    def lease(self, identity: KeyIdentity | None, defaults: LimitSettings) -> Lease | None:
        """Return what one request of this key may hold, `None` where nothing limits it.

        Callers without a key share one count. A key's own limits go before `defaults`; 0 means no limit.
        """
        n_requests, n_tokens = defaults.requests_per_minute, defaults.tokens_per_minute
        if identity is not None:
            n_requests = n_requests if identity.requests_per_minute is None else identity.requests_per_minute
            n_tokens = n_tokens if identity.tokens_per_minute is None else identity.tokens_per_minute
        if not n_requests and not n_tokens:
            return None
        key = identity.id if identity else ""
        used = self._used.setdefault(key, _Used())
        self._used.move_to_end(key)
        if len(self._used) > self._max_keys:
            self._used.popitem(last=False)
        return Lease(used, n_requests, n_tokens, self._monotonic)


class Lease:
    """What one request holds of its key's limits; used on the loop only, so checking and counting are one step."""

    def __init__(self, used: _Used, n_requests: int, n_tokens: int, monotonic: Callable[[], float]) -> None:
        self._used = used
        self._n_requests = n_requests
        self._n_tokens = n_tokens
        self._monotonic = monotonic
        self._request_second: int | None = None
        self._reserved = 0
        self._reserved_second = 0

    @property
    def counts_tokens(self) -> bool:
        """Whether tokens are limited at all."""
        return self._n_tokens > 0

    def take_request(self) -> None:
        """Count this request. Raises `RateLimitError`."""
        now = self._monotonic()
        self._used.requests.forget(now)
        if self._n_requests:
            self._check("requests", self._used.requests, self._n_requests, wanted=1, now=now)
            self._request_second = self._used.requests.add(1, now)

    def reserve_tokens(self, n_input: int, n_output: int) -> None:
        """Reserve what this request will use; an answer that may be longer than the whole limit reserves all of it.

        Raises `RateLimitError`, and does not count the request then.
        """
        now = self._monotonic()
        window, wanted = self._used.tokens, max(n_input, min(n_input + n_output, self._n_tokens))
        window.forget(now)
        try:
            self._check("tokens", window, self._n_tokens, wanted=wanted, now=now)
        except RateLimitError:
            if self._request_second is not None:
                self._used.requests.give_back(1, self._request_second)
            raise
        self._reserved, self._reserved_second = wanted, window.add(wanted, now)

    def settle(self, n_tokens: int) -> None:
        """Put what was used in the place of what was reserved; what exceeds it counts from now on."""
        if not self.counts_tokens:
            return
        reserved, self._reserved = self._reserved, 0
        if n_tokens < reserved:
            self._used.tokens.give_back(reserved - n_tokens, self._reserved_second)
        elif n_tokens > reserved:
            self._used.tokens.add(n_tokens - reserved, self._monotonic())

    def headers(self) -> list[tuple[str, str]]:
        """Return OpenAI's rate limit headers, of the limits that there are."""
        now = self._monotonic()
        pairs: list[tuple[str, str]] = []
        kinds: tuple[tuple[Kind, _Window, int], ...] = (
            ("requests", self._used.requests, self._n_requests),
            ("tokens", self._used.tokens, self._n_tokens),
        )
        for kind, window, limit in kinds:
            if limit:
                window.forget(now)
                pairs.append((f"x-ratelimit-limit-{kind}", str(limit)))
                pairs.append((f"x-ratelimit-remaining-{kind}", str(max(0, limit - window.total))))
                pairs.append((f"x-ratelimit-reset-{kind}", duration(window.wait_s(window.total, now))))
        return pairs

    def _check(self, kind: Kind, window: _Window, limit: int, *, wanted: int, now: float) -> None:
        if window.total + wanted <= limit:
            return
        said = f"{kind} per min ({_SHORT[kind]}): Limit {limit}"
        if wanted > limit:
            raise RateLimitError(
                f"Request too large for this key on {said}, Requested {wanted}. The input must be reduced.",
                error_type=kind,
                headers={"x-should-retry": "false"},
            )
        wait_s = window.wait_s(window.total + wanted - limit, now)
        raise RateLimitError(
            f"Rate limit reached for this key on {said}, Used {window.total}, Requested {wanted}. "
            f"Please try again in {duration(wait_s)}.",
            error_type=kind,
            retry_after_s=wait_s,
        )


def duration(seconds: float) -> str:
    """Return seconds as OpenAI writes them in its reset headers: `12ms`, `1.5s`, `1m0s`."""
    if seconds < 1:
        return f"{math.ceil(seconds * 1000)}ms"
    minutes, rest = divmod(math.ceil(seconds * 1000) / 1000, 60)
    return f"{minutes:.0f}m{rest:g}s" if minutes else f"{rest:g}s"
