"""Documents in: the Markdown and text files of a folder, in a fixed order."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

SUFFIXES = frozenset({".md", ".markdown", ".txt", ".rst"})
MAX_DOCUMENT_BYTES = 8 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Document:
    """One text. `name` is its path below the library with `/`; `title` leads its headings where it has no own one."""

    name: str
    text: str
    title: str = ""
    intents: tuple[str, ...] = ()
    """Names of the intents that it serves; empty: every one."""
    language: str = ""
    """Such as `zh` or `en`; empty: not known."""


def read_documents(folder: Path) -> tuple[Document, ...]:
    r"""Return the documents below `folder`, by name; hidden, foreign and over-long files are passed over.

    Bytes that are no UTF-8 become U+FFFD, and line ends become `\n`. Raises `OSError` where a file cannot be read.
    """
    files = sorted(path for path in folder.rglob("*") if _is_document(path, folder))
    return tuple(
        Document(path.relative_to(folder).as_posix(), path.read_text(encoding="utf-8-sig", errors="replace"))
        for path in files
    )


def _is_document(path: Path, folder: Path) -> bool:
    """Return whether the file is read: by its suffix and size, and with no hidden folder on its way."""
    if path.suffix.lower() not in SUFFIXES or not path.is_file():
        return False
    hidden = any(part.startswith(".") for part in path.relative_to(folder).parts)
    return not hidden and path.stat().st_size <= MAX_DOCUMENT_BYTES
