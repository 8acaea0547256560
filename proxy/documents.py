"""The documents as the pipeline uses them: loaded in the background, asked for passages, answered from."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

import retrieval
from config.errors import StorageError, UpstreamError
from retrieval.answer import ExtractiveAnswerer
from retrieval.context import fit_passages
from retrieval.ingest import read_documents
from retrieval.search import LibrarySearch

if TYPE_CHECKING:
    from config.settings import RetrievalSettings
    from config.types import ExtractedAnswer, Json, Passage

SHIPPED = Path(retrieval.__file__).parent / "library"
"""The product's own guide, in Chinese and English."""


class Documents:
    """Search and answers over one library. An `Answerer`.

    Everything but `load` and `state` is CPU work of milliseconds: call it in a thread.
    """

    def __init__(self, settings: RetrievalSettings) -> None:
        self._settings = settings
        self._folder = settings.library or SHIPPED
        self._search = LibrarySearch(lambda: read_documents(self._folder) if settings.enabled else ())
        self._answerer = ExtractiveAnswerer(self._search.index)
        self._error: str | None = None

    async def load(self) -> None:
        """Read and index the documents in a thread; after a failure, again. Raises `StorageError`."""
        try:
            if self._error is None:
                await asyncio.wrap_future(self._search.warm())
            else:
                await asyncio.to_thread(self._search.reload)
        except OSError as error:
            self._error = error.strerror or type(error).__name__
            raise StorageError(f"the documents cannot be read: {self._error}") from error
        self._error = None

    def answer(self, question: str, *, max_tokens: int) -> ExtractedAnswer:
        """Answer with sentences of the documents, or refuse. Raises `UpstreamError` where they cannot be read."""
        try:
            return self._answerer.answer(question, max_tokens=max_tokens)
        except OSError as error:
            raise UpstreamError("The documents cannot be read.", failure_class="transient") from error

    def relevant_passages(self, question: str) -> tuple[Passage, ...]:
        """Return passages worth placing before the question, or none where the documents hold no answer.

        The shipped guide is never placed: a question about reverse proxies is not a question about this one.
        Raises `StorageError` where the documents cannot be read.
        """
        settings = self._settings
        if not settings.enabled or settings.inject == "never" or settings.library is None:
            return ()
        try:
            if not self._answerer.holds(question):
                return ()
            return fit_passages(self._search.search(question, top_k=settings.top_k), settings.token_budget)
        except OSError as error:
            raise StorageError("the documents cannot be read") from error

    def state(self) -> Json:
        """Return how the documents are, for `/health`."""
        if not self._folder.is_dir():
            return {"status": "unreadable", "passages": 0, "error": "the folder of the documents is not there"}
        loading = self._search.warm()
        if not loading.done():
            return {"status": "loading", "passages": 0}
        if self._error is not None or loading.exception() is not None:
            return {"status": "unreadable", "passages": 0, "error": self._error}
        return {"status": "ok" if self._settings.enabled else "off", "passages": len(self._search.index())}
