"""The system page's view of the house."""

from __future__ import annotations

from typing import TYPE_CHECKING

from proxy.ops import health_report

if TYPE_CHECKING:
    from config.types import Json
    from proxy.house import House


class HouseSystem:
    """A `SystemDesk` over the running house."""

    def __init__(self, house: House) -> None:
        self._house = house

    async def report(self) -> Json:
        """Return what `/health` tells who has a key."""
        return health_report(self._house, await self._house.vitals.process())
