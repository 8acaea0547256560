"""The documents as the pipeline uses them: loaded in the background, asked for passages, answered from."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

import retrieval
from config.errors import StorageError, UpstreamError
from proxy.daemon_thread import in_daemon_thread
from proxy.lookup import Library, look_up
from proxy.weighing import Weigher
from retrieval.answer import ExtractiveAnswerer
from retrieval.clauses import parts_of
from retrieval.ingest import read_documents
from retrieval.scoped import LexicalScopedSearch, Shelf
from retrieval.search import LibrarySearch

if TYPE_CHECKING:
    from config.intents import IntentCatalogue
    from config.settings import RetrievalSettings
    from config.types import ExtractedAnswer, Intent, Json, Mention
    from proxy.document_library import DocumentLibrary
    from proxy.lookup import Lookup
    from retrieval.ingest import Document
    from retrieval.scoped import ScopedSearch

SHIPPED = Path(retrieval.__file__).parent / "library"
"""The product's own guide, in Chinese and English."""


class Documents:
    """Search and answers over one library. An `Answerer`.

    Everything but `load` and `state` is CPU work of milliseconds: call it in a thread.
    """

    def __init__(self, settings: RetrievalSettings, library: DocumentLibrary) -> None:
        self._settings = settings
        self.library = library
        self._is_own = settings.library is not None
        self._shelf = Shelf({})
        self._search = LibrarySearch(self._read)
        self._words = LexicalScopedSearch(self._search)
        self._scoped: ScopedSearch = self._words
        self._answerer = ExtractiveAnswerer(self._search.index, parts=self._parts)
        self._error: str | None = None
        self.weigher = Weigher()

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

    async def watch(self) -> None:
        """Load the documents, and load them anew whenever they change, until cancelled. Raises `StorageError`."""
        await self.load()
        if self._settings.enabled:
            await self.library.watch(self._load_again)

    async def _load_again(self) -> None:
        await in_daemon_thread(self._search.reload)

    def answer(self, question: str, *, max_tokens: int) -> ExtractedAnswer:
        """Answer with sentences of the documents, or refuse. Raises `UpstreamError` where they cannot be read."""
        try:
            return self._answerer.answer(question, max_tokens=max_tokens)
        except OSError as error:
            raise UpstreamError("The documents cannot be read.", failure_class="transient") from error

    def _parts(self, text: str) -> tuple[str, ...]:
        """Return the parts of an order for several things, where the library says how such things are done.

        Documents of intents are such a library. Elsewhere, as in the shipped guide, it would answer strangers' orders.
        """
        return parts_of(text) if any(each.intents for each in self._shelf.documents.values()) else ()

    def look_up(
        self, question: str, intent: Intent | None, catalogue: IntentCatalogue, mentions: tuple[Mention, ...] = ()
    ) -> Lookup | None:
        """Return what your documents have for a question that names `mentions`; `None` where there are none of yours.

        The shipped guide is never looked into: a question about reverse proxies is not a question about this one.
        Raises `StorageError` where the documents cannot be read.
        """
        settings = self._settings
        if not settings.enabled:
            return None
        named = {each.name: each.documents for each in catalogue.intents}
        try:
            self._search.index()  # the first one waits for the load, which fills the shelf
            library = Library(self._scoped, self._shelf, self._answerer.holds)
            if not self._is_own or not self._shelf.documents:
                return None
            return look_up(library, question, intent=intent, named=named, settings=settings, mentions=mentions)
        except OSError as error:
            raise StorageError("the documents cannot be read") from error

    def _read(self) -> tuple[Document, ...]:
        """Read the documents, and note how large they are and what they serve."""
        own = self.library.documents() if self._settings.enabled else ()
        found = read_documents(SHIPPED) if own is None else own
        index = self.library.index() if own else None
        self._scoped = self._words if index is None else self.library.search(index)
        self._is_own, self._shelf = own is not None, Shelf.of((each.name, each.text, each.intents) for each in found)
        return found

    @property
    def has_own(self) -> bool:
        """Whether there are documents of yours to look into, as far as they are read."""
        return self._settings.enabled and self._is_own

    def state(self) -> Json:
        """Return how the documents are, for `/health`."""
        folder = self._settings.library
        if folder is not None and not folder.is_dir():
            return {"status": "unreadable", "passages": 0, "error": "the folder of the documents is not there"}
        loading = self._search.warm()
        if not loading.done():
            return {"status": "loading", "passages": 0}
        if self._error is not None or loading.exception() is not None:
            return {"status": "unreadable", "passages": 0, "error": self._error}
        return {"status": "ok" if self._settings.enabled else "off", "passages": len(self._search.index())}
