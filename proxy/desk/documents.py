"""The documents page's view of the house."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from config.tokens import estimate_tokens
from proxy.document_library import library_json
from proxy.documents_api import keep_document, remove_document

if TYPE_CHECKING:
    from collections.abc import Sequence

    from config.types import Json
    from proxy.house import House


class HouseDocuments:
    """A `DocumentsDesk` over the running house. Files are read and searched off the loop."""

    def __init__(self, house: House) -> None:
        self._house = house

    def state(self) -> Json:
        """Return how the documents are."""
        return self._house.documents.state()

    async def library(self) -> Json:
        """Return the whole library."""
        house = self._house
        return await asyncio.to_thread(library_json, house.documents.library.store, house.settings)

    async def search(self, question: str) -> Sequence[Json] | None:
        """Return what a request with this question and no known intent would find."""
        house = self._house
        found = await asyncio.to_thread(house.documents.look_up, question, None, house.understanding.catalogue)
        if found is None:
            return None
        placed = set(found.placed)
        return [
            {
                "doc": each.doc,
                "title": each.title,
                "start_line": each.start_line,
                "end_line": each.end_line,
                "score": each.score,
                "tokens": estimate_tokens(each.text),
                "text": each.text,
                "placed": each in placed,
            }
            for each in found.passages
        ]

    async def add(self, name: str, data: bytes, *, by: str) -> Json:
        """Keep a document; it is searched some seconds later."""
        return await keep_document(self._house, name, data, actor=by)

    async def remove(self, name: str, *, by: str) -> Json:
        """Take a document or a source away."""
        return await remove_document(self._house, name, actor=by)
