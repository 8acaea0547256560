"""What the documents page may see and do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    from config.types import Json

__all__ = ["DocumentsDesk"]


class DocumentsDesk(Protocol):
    """The documents of the running gateway."""

    def state(self) -> Json:
        """Return how the documents are, as `/health` shows it: `status`, `passages`, `error`."""
        ...

    async def library(self) -> Json:
        """Return `documents`, `sources`, `troubles` and when it `changed`. Raises `OSError`."""
        ...

    async def search(self, question: str) -> Sequence[Json] | None:
        """Return the passages for a question, best first, `{doc, start_line, end_line, score, tokens, text, placed}`.

        `None` where there are no documents of the operator's. Raises `StorageError`.
        """
        ...

    async def add(self, name: str, data: bytes, *, by: str) -> Json:
        """Keep a document and return what it was read as. Raises `DocumentError`, `OSError`."""
        ...

    async def remove(self, name: str, *, by: str) -> Json:
        """Delete one that was sent, or watch a source no longer. Raises `DocumentError`, `LibraryBusyError`."""
        ...
