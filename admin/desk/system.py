"""What the system page may see."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from config.types import Json

__all__ = ["SystemDesk"]


class SystemDesk(Protocol):
    """How the process and its parts are."""

    async def report(self) -> Json:
        """Return what `/health` tells who has a key; no secret and no address of an upstream stands in it."""
        ...
