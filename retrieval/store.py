"""The library on disk: texts by their hash, indexes in folders of their own, and the manifest that joins them.

    <home>/library.json    which documents there are, and which index is theirs
    <home>/sources.json    folders and files that were added by hand
    <home>/uploads/        documents that came over HTTP
    <home>/texts/          what documents say, as text
    <home>/indexes/        one folder an index
    <home>/lock            who is changing it

Nothing is changed in place, so that a reader and a crash find the old or the new. Changing it is `sync.py`'s.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from config.errors import DocumentError
from retrieval.ingest import Document
from retrieval.manifest import VERSION, DocumentRecord, Manifest, SourceList, read_json, write_json
from retrieval.sources import Source

if TYPE_CHECKING:
    from pathlib import Path

MANIFEST: Final = "library.json"
SOURCES: Final = "sources.json"
MAX_RACES: Final = 10
"""How often a reader begins again because the library was replaced twice while it read."""
_PART: Final = ".part-"


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A library at one moment, for whoever searches it."""

    documents: tuple[Document, ...]
    index: Path | None
    """Folder of the index over just these documents, named anew with each; `None` before the first one."""


class DocumentStore:
    """The library of one data folder; any number of processes may read it."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.lock_file = home / "lock"
        self.uploads = home / "uploads"
        self._texts = home / "texts"
        self._indexes = home / "indexes"

    def manifest(self) -> Manifest:
        """Return what the library holds: nothing where its manifest is gone, damaged or of another version."""
        found = read_json(self.home / MANIFEST, Manifest)
        return found if found is not None and found.version == VERSION else Manifest()

    def stamp(self) -> int:
        """Return what differs after every change; 0 before the first. Some microseconds."""
        try:
            status = (self.home / MANIFEST).stat()
        except OSError:
            return 0
        return hash((status.st_mtime_ns, status.st_ino)) or 1

    def added(self) -> tuple[Source, ...]:
        """Return the sources that were added by hand."""
        return (read_json(self.home / SOURCES, SourceList) or SourceList()).sources

    def save_added(self, sources: tuple[Source, ...]) -> None:
        """Replace them; under the lock."""
        self.home.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_json(self.home / SOURCES, SourceList(sources))

    def sources(self, folder: Path | None) -> tuple[Source, ...]:
        """Return every source: the folder of the settings, what was added, and what came over HTTP."""
        own = (Source(str(folder.absolute())),) if folder is not None else ()
        uploads = (Source(str(self.uploads)),) if _holds_files(self.uploads) else ()
        return (*own, *self.added(), *uploads)

    def snapshot(self) -> Snapshot:
        """Return the library as it is now. Raises `DocumentError` where a text is not there or damaged."""
        for _ in range(MAX_RACES):
            manifest = self.manifest()
            try:
                found = self._snapshot(manifest)
            except DocumentError:
                if self.manifest() == manifest:
                    raise
                continue  # it was replaced meanwhile, and the old one cleared away
            if found.index is not None or self.manifest() == manifest:
                return found
        return self._snapshot(self.manifest())

    def _snapshot(self, manifest: Manifest) -> Snapshot:
        documents = tuple(self.document(record) for record in manifest.documents)
        return Snapshot(documents, self.index_folder(manifest.index))

    def document(self, record: DocumentRecord) -> Document:
        """Return a document with its text. Raises `DocumentError` where that is not there or damaged."""
        text = self.text(record)
        if text is None:
            raise DocumentError(f"{record.name}: its stored text is gone or damaged; run: thalamus docs rebuild")
        return Document(record.name, text, record.title, record.intents, record.language)

    def text(self, record: DocumentRecord) -> str | None:
        """Return a document's text, in which offsets count, or `None` where it is not there or damaged."""
        try:
            data = (self._texts / record.text).read_bytes()
        except OSError:
            return None
        return data.decode() if hashlib.sha256(data).hexdigest() == record.text else None

    def has_text(self, record: DocumentRecord) -> bool:
        """Return whether a document's text is there, sound or not."""
        return (self._texts / record.text).is_file()

    def keep_text(self, text: str) -> str:
        """Keep a text and return its hash. A half-written one is noticed by its hash, so nothing is waited for."""
        data = text.encode("utf-8", errors="replace")
        name = hashlib.sha256(data).hexdigest()
        path = self._texts / name
        self._texts.mkdir(mode=0o700, parents=True, exist_ok=True)
        part = self._texts / f"{_PART}{os.getpid()}"
        part.write_bytes(data)
        part.replace(path)
        return name

    def new_index(self, name: str) -> tuple[Path, Path]:
        """Return the folder to build an index in, empty, and the one that it becomes by renaming."""
        part, place = self._indexes / f"{_PART}{name}", self._indexes / name
        part.mkdir(mode=0o700, parents=True)
        return part, place

    def has_index(self, name: str) -> bool:
        """Return whether an index is there."""
        return bool(name) and (self._indexes / name).is_dir()

    def index_folder(self, name: str) -> Path | None:
        """Return the folder of an index, `None` where it is not there."""
        return self._indexes / name if self.has_index(name) else None

    def publish(self, manifest: Manifest) -> None:
        """Make this what the library holds."""
        self.home.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_json(self.home / MANIFEST, manifest)

    def clear(self, *kept: Manifest) -> None:
        """Remove the indexes and texts of other manifests, and what a crash left; under the lock."""
        indexes = {manifest.index for manifest in kept}
        texts = {record.text for manifest in kept for record in manifest.documents}
        for path in _listed(self._indexes):
            if path.name not in indexes:
                shutil.rmtree(path, ignore_errors=True)
        for path in _listed(self._texts):
            if path.name not in texts:
                path.unlink(missing_ok=True)


def _holds_files(folder: Path) -> bool:
    return any(not path.name.startswith(".") and path.is_file() for path in folder.rglob("*"))


def _listed(folder: Path) -> list[Path]:
    return list(folder.iterdir()) if folder.is_dir() else []
