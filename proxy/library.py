"""The library of documents as the product wires it: where it lies, by which rules it is read, how it is shown."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from config.intents import NONE, load_intents
from retrieval.store import DocumentStore
from retrieval.sync import SyncRules
from retrieval.tying import TyingRules

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from config.intents import IntentCatalogue
    from config.settings import Settings
    from config.types import Json
    from retrieval.ingest import Document
    from retrieval.manifest import DocumentRecord

FOLDER: Final = "library"
"""Below the data folder."""


class LexicalBuilder:
    """The lexical index is made from the stored texts when they are loaded, so nothing of it is stored."""

    fingerprint = "lexical 1"

    def build(self, documents: Sequence[Document], folder: Path) -> None:
        """Write nothing."""


def store_of(settings: Settings) -> DocumentStore:
    """Return the library of these settings; nothing is opened or made yet."""
    return DocumentStore(settings.state_dir / FOLDER)


def sync_rules(settings: Settings, catalogue: IntentCatalogue | None = None) -> SyncRules:
    """Return how these settings read a library. Raises `SettingsError` where the file of intents is wrong."""
    catalogue = catalogue or load_intents(settings.classifier.intents_file)
    retrieval = settings.retrieval
    return SyncRules(
        folder=retrieval.library,
        builder=LexicalBuilder(),
        tying=TyingRules({each.name: each.documents for each in catalogue.intents if each.name != NONE}),
        max_document_bytes=retrieval.max_document_bytes,
    )


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
