"""The learning page's view of the house."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from router.learning.versions import version_json

if TYPE_CHECKING:
    from collections.abc import Sequence

    from config.types import Json
    from proxy.house import House


class HouseLearning:
    """A `LearningDesk` over the running house."""

    def __init__(self, house: House) -> None:
        self._house = house

    def told(self) -> Json:
        """Return how learning stands."""
        settings = self._house.settings.learning
        return {**self._house.learning.told(settings), "mode": settings.mode}

    async def curve(self) -> Sequence[Json]:
        """Return the curve of what is in force."""
        return await asyncio.to_thread(self._curve)

    async def versions(self) -> Sequence[Json]:
        """Return the versions, the newest first."""
        return [version_json(each) for each in await self._house.learning.store.all()]

    async def promote(self, version: str, *, by: str) -> str:
        """Put a version in force; the next look of the learning, within a second, takes it up."""
        return await self._house.learning.store.promote(version, by=by)

    async def rollback(self, version: str | None, *, by: str) -> str:
        """Go back, and keep beside what is in force now."""
        learning = self._house.learning
        is_live = self._house.settings.learning.mode == "live" and learning.active is not None
        return await learning.store.rollback(version, by=by, now=learning.state if is_live else None)

    def _curve(self) -> Sequence[Json]:
        learner = self._house.learning.live
        with learner.lock:
            return learner.profiles.curve()
