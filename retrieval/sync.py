"""Brings a library up to date: reads what changed, keeps the rest, builds an index beside the old one and swaps.

A crash anywhere leaves the library as it was: texts and indexes get new names, and the manifest is replaced last.
"""

from __future__ import annotations

import hashlib
import os
import time
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Protocol

import msgspec

from config.errors import DocumentError
from retrieval.intake import Intake
from retrieval.library_lock import library_lock
from retrieval.manifest import Manifest
from retrieval.progress import Silence
from retrieval.sources import scan

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from retrieval.ingest import Document
    from retrieval.manifest import DocumentRecord
    from retrieval.progress import Progress
    from retrieval.sources import Scan
    from retrieval.store import DocumentStore
    from retrieval.tying import TyingRules

WAIT_S = 600.0
"""How long a command waits for another that changes the library; a gateway does not wait, it looks again later."""


class IndexBuilder(Protocol):
    """Builds the index of a library in a folder."""

    @property
    def fingerprint(self) -> str:
        """What differs wherever the same documents would give another index: embedder, sizes, versions."""
        ...

    def build(self, documents: Sequence[Document], folder: Path, *, before: Path | None = None) -> None:
        """Write the index of all `documents` into the empty `folder`; what still holds of the one `before` may be used.

        May raise `DocumentError`, `OSError`.
        """
        ...


@dataclass(frozen=True, slots=True)
class SyncRules:
    """How a library is read and indexed."""

    folder: Path | None
    """The folder of the settings; `None` has none."""
    builder: IndexBuilder
    tying: TyingRules
    max_document_bytes: int


@dataclass(frozen=True, slots=True)
class SyncReport:
    """What one look changed."""

    manifest: Manifest
    added: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    indexed: bool = False
    """Whether an index was built."""


def sync(
    store: DocumentStore,
    rules: SyncRules,
    *,
    wait_s: float = WAIT_S,
    what: str = "sync",
    progress: Progress | None = None,
    told: Callable[[str], object] = lambda _: None,
) -> SyncReport:
    """Take in what changed, and index it. Every file that cannot be read is a trouble of the manifest, no error.

    Raises `LibraryBusyError` where another process changes the library all the while, `DocumentError` and `OSError`
    where the index cannot be built or written; then the library stays as it was.
    """
    with library_lock(store.lock_file, what, wait_s=wait_s, told=told):
        return locked_sync(store, rules, progress=progress or Silence())


def rebuild(
    store: DocumentStore,
    rules: SyncRules,
    *,
    wait_s: float = WAIT_S,
    progress: Progress | None = None,
    told: Callable[[str], object] = lambda _: None,
) -> SyncReport:
    """Read every file and build the index anew; otherwise as `sync`."""
    with library_lock(store.lock_file, "rebuild", wait_s=wait_s, told=told):
        return locked_sync(store, rules, progress=progress or Silence(), known=_doubted(store.manifest()))


def locked_sync(
    store: DocumentStore, rules: SyncRules, *, progress: Progress, known: Manifest | None = None
) -> SyncReport:
    """Do it for who holds the lock. `known` is what need not be read again; `None`: all that the library holds."""
    before = store.manifest()
    known = before if known is None else known
    found = scan(store.sources(rules.folder))
    manifest = _taken(store, rules, found, known=known, progress=progress)
    stands = known.index_of == manifest.index_of and store.has_index(before.index)
    if stands and replace(manifest, index=before.index, changed=before.changed) == before:
        return SyncReport(before)
    index = before.index
    if not stands:
        documents = _documents(store, manifest)
        if documents is None:  # a text was damaged on disk: nothing that is stored is believed
            manifest = _taken(store, rules, found, known=Manifest(), progress=progress)
            documents = [store.document(record) for record in manifest.documents]
        old = store.index_folder(before.index) if known.index_of else None  # a rebuild takes nothing over
        progress.begin("index", 1)
        index = _index(store, rules.builder, documents, index_of=manifest.index_of, old=old)
        progress.advance()
    manifest = replace(manifest, index=index, changed=datetime.now(UTC).isoformat())
    store.publish(manifest)
    store.clear(before, manifest)
    return _report(before, manifest, indexed=not stands)


def _taken(store: DocumentStore, rules: SyncRules, found: Scan, *, known: Manifest, progress: Progress) -> Manifest:
    """Return what the library holds once the files are taken in, without an index yet."""
    with Intake(store, rules.tying, known, max_bytes=rules.max_document_bytes) as intake:
        records, troubles = intake.take(found, progress)
    return Manifest(records, troubles, index_of=_digest(records, rules.builder.fingerprint), n_foreign=found.n_foreign)


def _doubted(manifest: Manifest) -> Manifest:
    """Return it so that every file is read again; what cannot be read stays as it was."""
    records = tuple(replace(each, sha256="", mtime_ns=-1) for each in manifest.documents)
    return replace(manifest, documents=records, troubles=(), index_of="")


def _documents(store: DocumentStore, manifest: Manifest) -> list[Document] | None:
    """Return the documents with their texts, or `None` where one is not there or damaged."""
    try:
        return [store.document(record) for record in manifest.documents]
    except DocumentError:
        return None


def _index(
    store: DocumentStore, builder: IndexBuilder, documents: list[Document], *, index_of: str, old: Path | None
) -> str:
    """Build the index and return the name of its folder; a name is never used twice."""
    name = f"{index_of[:16]}-{time.time_ns():x}-{os.getpid():x}"
    part, place = store.new_index(name)
    builder.build(documents, part, before=old)
    for path in (*part.rglob("*"), part):
        _to_disk(path)
    part.rename(place)
    return name


def _to_disk(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _digest(records: tuple[DocumentRecord, ...], fingerprint: str) -> str:
    """Return what tells whether an index is of these documents; where and when they lay does not matter."""
    parts = [(each.name, each.text, each.title, each.language, each.intents) for each in records]
    return hashlib.sha256(msgspec.json.encode([fingerprint, parts])).hexdigest()


def _report(before: Manifest, after: Manifest, *, indexed: bool) -> SyncReport:
    old = {each.name: each for each in before.documents}
    new = {each.name: each for each in after.documents}
    return SyncReport(
        after,
        added=tuple(name for name in new if name not in old),
        changed=tuple(name for name in new if name in old and new[name].text != old[name].text),
        removed=tuple(name for name in old if name not in new),
        indexed=indexed,
    )
