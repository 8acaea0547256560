"""Takes found files in, one by one: reads only what changed, and keeps what was good where a file is not."""

from __future__ import annotations

import hashlib
import re
from dataclasses import replace
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from config.errors import DocumentError
from retrieval.convert import SUFFIXES, VERSION, suffix_of
from retrieval.converter_process import ConverterProcess
from retrieval.manifest import DocumentRecord
from retrieval.segment import language_of
from retrieval.sources import FoundFile, Scan, Trouble, read_file
from retrieval.tying import tie

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

    from retrieval.manifest import Manifest
    from retrieval.progress import Progress
    from retrieval.store import DocumentStore
    from retrieval.tying import TyingRules

MAX_LANGUAGE_CHARS = 20_000
"""How much of a text is looked at for its language."""
_HEADING = re.compile(r"^ {0,3}#{1,6}[ \t]+\S", re.MULTILINE)


class Intake:
    """Reads the files of one look into a store. A `with` block ends what converts them."""

    def __init__(self, store: DocumentStore, tying: TyingRules, known: Manifest, *, max_bytes: int) -> None:
        self._store = store
        self._tying = tying
        self._known = {each.name: each for each in known.documents}
        self._troubles = {each.path: each for each in known.troubles}
        self._max_bytes = max_bytes
        self._converter = ConverterProcess()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._converter.__exit__(kind, error, trace)

    def take(self, found: Scan, progress: Progress) -> tuple[tuple[DocumentRecord, ...], tuple[Trouble, ...]]:
        """Return the documents by name, and the troubles by path.

        A file that cannot be read any more leaves the document as it was, and so does a folder that cannot be looked
        into; a file that is gone takes its document away.
        """
        records: dict[str, DocumentRecord] = {}
        troubles = list(found.troubles)
        progress.begin("read", len(found.files))
        for name, file in found.files.items():
            record, trouble = self._one(file)
            if record is not None:
                records[name] = record
            if trouble is not None:
                troubles.append(trouble)
            progress.advance()
        for name, record in self._known.items():
            if name not in records and _is_below(record.path, found.unseen) and self._store.has_text(record):
                records[name] = record
        tied = [self._tied(record, troubles) for _, record in sorted(records.items())]
        return tuple(tied), tuple(sorted(set(troubles), key=lambda each: (each.path, each.reason)))

    def _one(self, file: FoundFile) -> tuple[DocumentRecord | None, Trouble | None]:
        """Return a file's document, and what is wrong with the file."""
        known = self._known.get(file.name)
        if known is not None and not self._store.has_text(known):
            known = None
        told = self._troubles.get(file.path)
        if told is not None and (told.size_bytes, told.mtime_ns) == (file.size_bytes, file.mtime_ns):
            return known, told
        if known is not None and _is_same_file(known, file):
            return known, None
        try:
            return self._read(file, known), None
        except DocumentError as error:
            kept = "; it stays as it was before" if known is not None else ""
            return known, Trouble(file.path, f"{error}{kept}", file.size_bytes, file.mtime_ns)

    def _read(self, file: FoundFile, known: DocumentRecord | None) -> DocumentRecord:
        suffix = suffix_of(file.path)
        if suffix not in SUFFIXES:
            raise DocumentError(f"is of a kind that is not read here; these are: {', '.join(sorted(SUFFIXES))}")
        data = read_file(file, max_bytes=self._max_bytes)
        sha256 = hashlib.sha256(data).hexdigest()
        if known is not None and (known.sha256, known.converter) == (sha256, VERSION):
            return replace(known, path=file.path, size_bytes=file.size_bytes, mtime_ns=file.mtime_ns)
        converted = self._converter.convert(data, suffix)
        return DocumentRecord(
            name=file.name,
            path=file.path,
            sha256=sha256,
            size_bytes=file.size_bytes,
            mtime_ns=file.mtime_ns,
            text=self._store.keep_text(converted.text),
            n_chars=len(converted.text),
            title=converted.title or _title(file.name, converted.text),
            language=converted.language or language_of(converted.text[:MAX_LANGUAGE_CHARS]),
            said_intents=converted.intents,
            encoding=converted.encoding,
            n_damaged=converted.n_damaged,
            converter=VERSION,
        )

    def _tied(self, record: DocumentRecord, troubles: list[Trouble]) -> DocumentRecord:
        wants_text = self._tying.classifier is not None and record.tied_by != self._tying.classifier.name
        found = tie(record, self._tying, (self._store.text(record) or "") if wants_text else "")
        if found.unknown:
            reason = f"names intents that nobody knows, which are passed over: {', '.join(found.unknown)}"
            troubles.append(Trouble(record.path, reason))
        return replace(record, intents=found.intents, tied_by=found.tied_by)


def _title(name: str, text: str) -> str:
    """Return what leads the headings of a text that has none: the words of its file's name."""
    return (
        "" if _HEADING.search(text) else " ".join(PurePosixPath(name).stem.replace("_", " ").replace("-", " ").split())
    )


def _is_same_file(known: DocumentRecord, file: FoundFile) -> bool:
    here = (file.path, file.size_bytes, file.mtime_ns, VERSION)
    return (known.path, known.size_bytes, known.mtime_ns, known.converter) == here


def _is_below(path: str, folders: list[str]) -> bool:
    return any(path == folder or path.startswith(f"{folder}/") for folder in folders)
