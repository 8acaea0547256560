"""What the learning page may see and do: how learning stands, its curve, its versions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    from config.types import Json

__all__ = ["LearningDesk"]


class LearningDesk(Protocol):
    """What the running gateway learned. Methods that wait raise `StorageError`."""

    def told(self) -> Json:
        """Return how learning stands, as `/health` shows it, with its `mode`."""
        ...

    async def curve(self) -> Sequence[Json]:
        """Return a point for each day with opinions, oldest first: `day, success_rate, low, high, n, static`."""
        ...

    async def versions(self) -> Sequence[Json]:
        """Return the versions, the newest first, as `thalamus policy list --json` does."""
        ...

    async def promote(self, version: str, *, by: str) -> str:
        """Put a version in force and return the active one. Raises `NotFoundError`, `ArtefactError`."""
        ...

    async def rollback(self, version: str | None, *, by: str) -> str:
        """Go back to a version, or the one before, and return the active one. Raises as `promote`."""
        ...
