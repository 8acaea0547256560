"""What the foundry page may see and do: micro-models, live and in shadow, and forging them anew."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    from config.types import Json

__all__ = ["FoundryDesk"]


class FoundryDesk(Protocol):
    """The micro-models of the running gateway. Methods that change raise `ArtefactError`, `OSError`."""

    async def artefacts(self) -> Sequence[Json]:
        """Return a row for each blueprint or artefact: its figures, versions, what was forged, how a shadow compares.

        Raises `StorageError`.
        """
        ...

    def forging(self, name: str) -> tuple[str, ...] | None:
        """Return the command that forges one anew, `None` where there is no such blueprint."""
        ...

    def cannot_forge(self) -> bool:
        """Return whether what forging needs is missing here (the extra `ml`)."""
        ...

    async def shadow(self, name: str) -> str:
        """Let what was forged run in shadow, and return its version."""
        ...

    async def end_shadow(self, name: str) -> str:
        """Let nothing run in shadow any more, and return the live version."""
        ...

    async def promote(self, name: str) -> str:
        """Make the version in shadow live, and return it."""
        ...

    async def rollback(self, name: str) -> str:
        """Make the version before live again, and return it."""
        ...
