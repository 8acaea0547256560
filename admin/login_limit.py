"""Limits how many wrong passwords are tried, for a name and from an address; kept in memory, and bounded there."""

from __future__ import annotations

import math
from collections import OrderedDict, deque
from ipaddress import IPv6Address, IPv6Network, ip_address
from typing import TYPE_CHECKING, Final

from admin.page import Refused

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["LoginLimit"]

WINDOW_S: Final = 300.0
PER_ADDRESS: Final = 10
PER_NAME: Final = 30
"""Greater than of one address: who knows a name and has one address cannot lock its owner out."""
MAX_KEPT: Final = 10_000
IPV6_PREFIX: Final = 64
"""A household or a rented machine has that many addresses; they count as one."""


class LoginLimit:
    """Attempts of the last five minutes. One counts from its begin, so that many at once do not slip through."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._tried: OrderedDict[tuple[str, str], deque[float]] = OrderedDict()

    def begin(self, name: str, address: str) -> None:
        """Count an attempt. Raises `Refused` (429), with the seconds to wait, where there were too many."""
        now = self._clock()
        keys = (("name", name, PER_NAME), ("address", _network(address), PER_ADDRESS))
        wait_s = max(self._wait_s((kind, value), limit, now) for kind, value, limit in keys)
        if wait_s > 0:
            raise Refused("login.too_many", status=429, seconds=math.ceil(wait_s))
        for kind, value, _limit in keys:
            self._tried.setdefault((kind, value), deque()).append(now)
            self._tried.move_to_end((kind, value))
        while len(self._tried) > MAX_KEPT:
            self._tried.popitem(last=False)

    def forgive(self, name: str, address: str) -> None:
        """Count the last attempt as none: the password was right, or nobody could say."""
        for key in (("name", name), ("address", _network(address))):
            tried = self._tried.get(key)
            if tried:
                tried.pop()

    def _wait_s(self, key: tuple[str, str], limit: int, now: float) -> float:
        tried = self._tried.get(key)
        if tried is None:
            return 0.0
        while tried and tried[0] <= now - WINDOW_S:
            tried.popleft()
        return tried[0] + WINDOW_S - now if len(tried) >= limit else 0.0


def _network(address: str) -> str:
    try:
        parsed = ip_address(address)
    except ValueError:
        return address
    if isinstance(parsed, IPv6Address):
        mapped = parsed.ipv4_mapped
        return str(mapped) if mapped else str(IPv6Network((parsed, IPV6_PREFIX), strict=False))
    return str(parsed)
