"""What a library holds: one JSON file that says which texts and which index belong together, replaced in one step."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import msgspec

from retrieval.sources import Source, Trouble

if TYPE_CHECKING:
    from pathlib import Path
    from typing import TypeVar

    T = TypeVar("T")

VERSION: Final = 1


@dataclass(frozen=True, slots=True)
class DocumentRecord:
    """One document as it was last taken in."""

    name: str
    path: str
    sha256: str
    """Of the file's bytes."""
    size_bytes: int
    mtime_ns: int
    text: str
    """SHA-256 of its text, under which the text is kept."""
    n_chars: int
    title: str = ""
    language: str = ""
    intents: tuple[str, ...] = ()
    """Intents that it serves; empty: every one."""
    tied_by: str = ""
    """What tied it to them: `document`, `catalogue`, `folder` or the classifier's name; empty where nothing did."""
    said_intents: tuple[str, ...] | None = None
    """What the document itself says, before anybody checked the names."""
    encoding: str = ""
    n_damaged: int = 0
    converter: int = 0
    """`convert.VERSION` that made the text."""


@dataclass(frozen=True, slots=True)
class Manifest:
    """A whole library at one moment."""

    documents: tuple[DocumentRecord, ...] = ()
    """By name."""
    troubles: tuple[Trouble, ...] = ()
    index: str = ""
    """Folder of the index; empty before the first one."""
    index_of: str = ""
    """Tells of which texts, and by which builder, the index is."""
    changed: str = ""
    """When, ISO 8601 in UTC."""
    n_foreign: int = 0
    version: int = VERSION


@dataclass(frozen=True, slots=True)
class SourceList:
    """The sources that were added by hand, in order."""

    sources: tuple[Source, ...] = ()


def read_json(path: Path, kind: type[T]) -> T | None:
    """Return a file's content, or `None` where it is not there, damaged or of another version."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=kind)
    except (OSError, msgspec.MsgspecError, UnicodeDecodeError):
        return None


def write_json(path: Path, value: object) -> None:
    """Replace a file in one step: whoever reads it finds the old or the new, also after a power cut."""
    part = path.with_name(f".{path.name}.{os.getpid()}")
    with part.open("wb") as file:
        file.write(msgspec.json.encode(value))
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
