"""The traffic page's view of the house."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from config.events import Feed
    from config.types import DecisionRecord
    from proxy.house import House


class HouseTraffic:
    """A `TrafficDesk` over the running house."""

    def __init__(self, house: House) -> None:
        self._house = house

    @property
    def feed(self) -> Feed[DecisionRecord]:
        """Return who tells of finished requests."""
        return self._house.feed

    def in_flight(self) -> Mapping[str, int]:
        """Return the load of every deployment of the catalogue."""
        load = self._house.load
        return {each: load.in_flight(each) for each in sorted(self._house.catalog.deployment_ids())}

    def is_ending(self) -> bool:
        """Return whether a signal told us to stop."""
        return self._house.draining
