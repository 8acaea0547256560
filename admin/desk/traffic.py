"""What the traffic page may see: requests as they end, and answers under way."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping

    from config.events import Feed
    from config.types import DecisionRecord

__all__ = ["TrafficDesk"]


class TrafficDesk(Protocol):
    """The traffic of the running gateway."""

    @property
    def feed(self) -> Feed[DecisionRecord]:
        """Tells of each request when it is over."""
        ...

    def in_flight(self) -> Mapping[str, int]:
        """Return how many attempts are under way, by deployment, those that rest included."""
        ...

    def is_ending(self) -> bool:
        """Return whether the gateway stops: whoever looks is let go."""
        ...
