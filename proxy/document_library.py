"""The library of documents as the product wires it: where it lies, how it is indexed, who looks for changes."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING, Final

import structlog

from config.errors import DocumentError, LibraryBusyError, SettingsError, ThalamusError
from config.intents import NONE, load_intents
from proxy.daemon_thread import in_daemon_thread
from retrieval.changes import check_name
from retrieval.convert import SUFFIXES, suffix_of
from retrieval.converter_process import ConverterProcess
from retrieval.ingest import read_documents
from retrieval.sources import scan
from retrieval.store import DocumentStore
from retrieval.sync import SyncRules, rebuild, sync
from retrieval.tying import TyingRules

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

    from config.intents import IntentCatalogue
    from config.reranker_settings import RerankerSettings
    from config.settings import Settings
    from config.types import Json
    from retrieval.hybrid import Index
    from retrieval.ingest import Document
    from retrieval.manifest import DocumentRecord
    from retrieval.rerank import Reranker
    from retrieval.scoped import ScopedSearch
    from retrieval.searcher import HybridBuilder
    from retrieval.sources import Scan

FOLDER: Final = "library"
"""Below the data folder."""

log = structlog.stdlib.get_logger("thalamus.proxy.document_library")


class DocumentLibrary:
    """The documents of one running gateway: taken from disk, and looked after while it runs."""

    def __init__(self, settings: Settings, catalogue: IntentCatalogue | None = None) -> None:
        self.store = store_of(settings)
        self._settings = settings
        self._catalogue = catalogue
        self._made_rules: SyncRules | None = None
        self._taken: str | None = None
        self._index_folder: Path | None = None
        self._reason: str | None = None
        self._newest = ""
        self._seen: tuple[Scan, SyncRules, int, bool] | None = None
        self._reranker: tuple[RerankerSettings, Reranker | None] | None = None
        self._wake = asyncio.Event()

    def adopt(self, settings: Settings, catalogue: IntentCatalogue) -> None:
        """Look by other settings from now on; where the library lies stays."""
        self._settings, self._catalogue, self._made_rules = settings, catalogue, None
        self._wake.set()

    def documents(self) -> tuple[Document, ...] | None:
        """Return the documents as they were last taken in, and take them in where they never were.

        `None` where there is no place for documents of the user's: then the shipped guide is used. Where nothing can be
        written, the folder of the settings is read and nothing is kept. Raises `OSError`.
        """
        if not self.has_sources():
            self._taken, self._index_folder = self.store.manifest().index, None
            return None
        try:
            if not self.store.has_index(self.store.manifest().index):
                sync(self.store, self._rules(), what="first start")
            try:
                snapshot = self.store.snapshot()
            except DocumentError:
                rebuild(self.store, self._rules())
                snapshot = self.store.snapshot()
        except (OSError, ThalamusError) as error:
            self._tell(error)
            self._taken, self._index_folder = "", None
            folder = self._settings.retrieval.library
            return read_documents(folder) if folder is not None else ()
        self._taken, self._index_folder = snapshot.index.name if snapshot.index is not None else "", snapshot.index
        return snapshot.documents

    def index(self) -> Index | None:
        """Return the index over the documents that were taken last; `None` where there is none that can be read."""
        if self._index_folder is None:
            return None
        try:
            return index_builder(self._settings).load(self._index_folder)
        except (OSError, ThalamusError) as error:
            self._tell(error)
            return None

    def search(self, index: Index) -> ScopedSearch:
        """Return the search of requests over an index, with the reranker of the settings."""
        from retrieval.rerank import make_reranker  # noqa: PLC0415  # its HTTP client, likewise
        from retrieval.searcher import HybridScopedSearch  # noqa: PLC0415  # FAISS: only where there is an index

        settings = self._settings.retrieval.reranker
        if self._reranker is None or self._reranker[0] != settings:
            key = self._settings.secrets.get(settings.api_key_env or "")
            try:
                self._reranker = settings, make_reranker(settings, key=key)
            except SettingsError as error:
                self._tell(error)
                self._reranker = settings, None
        return HybridScopedSearch(index, self._reranker[1], settings.candidates)

    def look(self) -> bool:
        """Take in what changed; return whether there is another library than the one that was taken last.

        Does not wait where another process is at work, and keeps what is there where it cannot be brought up to date.
        """
        rules = self._rules()
        found = scan(self.store.sources(rules.folder))
        seen = (found, rules, self.store.stamp(), self.store.has_index(self._newest))
        if seen != self._seen:  # else some 0.1 s for 10,000 documents is all
            self._seen = None
            if self.has_sources() or self.store.manifest().documents:
                self._bring_up_to_date(found, rules)
            self._newest = self.store.manifest().index
        return self._taken is not None and self._newest != self._taken and self.store.has_index(self._newest)

    def _bring_up_to_date(self, found: Scan, rules: SyncRules) -> None:
        try:
            report = sync(self.store, rules, wait_s=0, what="gateway")
        except LibraryBusyError:  # what it makes is noticed with the next look
            return
        except (OSError, ThalamusError) as error:
            self._tell(error)
            return
        self._tell(None)
        self._seen = (found, rules, self.store.stamp(), self.store.has_index(report.manifest.index))
        if report.indexed:
            n = {"added": len(report.added), "changed": len(report.changed), "removed": len(report.removed)}
            log.info("documents_taken_in", documents=len(report.manifest.documents), **n)

    def look_soon(self) -> None:
        """Look at once instead of at the end of the usual wait. Call it on the loop."""
        self._wake.set()

    async def watch(self, changed: Callable[[], Awaitable[None]]) -> None:
        """Look for changes until cancelled, and tell of each library that is not the one that was taken last.

        Works in a thread of its own that a stop does not wait for: whatever it leaves half done is not used.
        """
        while True:
            self._wake.clear()
            if await in_daemon_thread(self.look):
                await changed()
            wait_s = self._settings.retrieval.watch_s
            with suppress(TimeoutError):
                async with asyncio.timeout(wait_s or None):
                    await self._wake.wait()

    def has_sources(self) -> bool:
        """Return whether there is a place for documents of the user's: a folder of the settings, or what was added."""
        return bool(self.store.sources(self._settings.retrieval.library))

    def _rules(self) -> SyncRules:
        self._made_rules = self._made_rules or sync_rules(self._settings, self._catalogue)
        return self._made_rules

    def _tell(self, error: Exception | None) -> None:
        """Log what keeps documents from being taken in, once while it lasts."""
        reason = None if error is None else str(error) or type(error).__name__
        if reason is not None and reason != self._reason:
            log.warning("documents_not_taken_in", reason=reason)
        self._reason = reason


def store_of(settings: Settings) -> DocumentStore:
    """Return the library of these settings; nothing is opened or made yet."""
    return DocumentStore(settings.state_dir / FOLDER)


def sync_rules(settings: Settings, catalogue: IntentCatalogue | None = None) -> SyncRules:
    """Return how these settings read and index a library.

    Raises `SettingsError` where the file of intents or the embedder is wrong.
    """
    catalogue = catalogue or load_intents(settings.classifier.intents_file)
    retrieval = settings.retrieval
    return SyncRules(
        folder=retrieval.library,
        builder=index_builder(settings),
        tying=TyingRules({each.name: each.documents for each in catalogue.intents if each.name != NONE}),
        max_document_bytes=retrieval.max_document_bytes,
    )


def index_builder(settings: Settings) -> HybridBuilder:
    """Return what makes and reads indexes by these settings. Raises `SettingsError`."""
    from retrieval.searcher import HybridBuilder  # noqa: PLC0415  # NumPy and FAISS: only where there is an index

    embedder = settings.retrieval.embedder
    return HybridBuilder.of(settings.retrieval, key=settings.secrets.get(embedder.api_key_env or ""))


def check_document(name: str, data: bytes, max_bytes: int) -> Json:
    """Return what a document would be read as. Raises `DocumentError` where its name or content is refused."""
    check_name(name)
    if suffix_of(name) not in SUFFIXES:
        raise DocumentError(f"the name must end with one of: {', '.join(sorted(SUFFIXES))}")
    if len(data) > max_bytes:
        raise DocumentError(f"is larger than {max_bytes:,} bytes (retrieval.max_document_bytes)")
    with ConverterProcess() as converter:
        converted = converter.convert(data, suffix_of(name))
    return {"characters": len(converted.text), "encoding": converted.encoding or None, "title": converted.title or None}


def library_json(store: DocumentStore, settings: Settings) -> Json:
    """Return the whole library for programs: documents, sources, troubles."""
    manifest = store.manifest()
    return {
        "documents": [document_json(each) for each in manifest.documents],
        "sources": [{"name": each.name, "path": each.path} for each in store.sources(settings.retrieval.library)],
        "troubles": [{"path": each.path, "reason": each.reason} for each in manifest.troubles],
        "changed": manifest.changed or None,
    }


def document_json(record: DocumentRecord) -> Json:
    """Return one document for programs."""
    return {
        "name": record.name,
        "title": record.title,
        "language": record.language,
        "intents": list(record.intents),
        "tied_by": record.tied_by or None,
        "encoding": record.encoding or None,
        "characters": record.n_chars,
        "damaged_characters": record.n_damaged,
        "size_bytes": record.size_bytes,
        "sha256": record.sha256,
        "path": record.path,
    }
