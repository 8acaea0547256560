"""Where documents lie: folders and single files, and what is found there now. Nothing is read here but directories.

No link leads out of a folder, hidden files are passed over, and so are files of other kinds.
"""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

from config.errors import DocumentError
from retrieval.convert import SUFFIXES, suffix_of

if TYPE_CHECKING:
    from collections.abc import Iterable

MAX_FILES: Final = 100_000
"""Most documents of one library; a folder such as `/` is a mistake."""


@dataclass(frozen=True, slots=True)
class Source:
    """A folder that is watched with all below it, or a single file."""

    path: str
    """Absolute."""
    name: str = ""
    """Of the document, or what the names of a folder's documents begin with; empty: they begin below the folder."""


@dataclass(frozen=True, slots=True)
class FoundFile:
    """A document's file as the folder tells of it."""

    name: str
    path: str
    size_bytes: int
    mtime_ns: int


@dataclass(frozen=True, slots=True)
class Trouble:
    """A file that could not be taken in, and why; `size_bytes` and `mtime_ns` tell whether it changed since."""

    path: str
    reason: str
    size_bytes: int = -1
    mtime_ns: int = -1


@dataclass(slots=True)
class Scan:
    """What lies in the sources now."""

    files: dict[str, FoundFile] = field(default_factory=dict[str, FoundFile])
    """By name."""
    troubles: list[Trouble] = field(default_factory=list[Trouble])
    unseen: list[str] = field(default_factory=list[str])
    """Paths that could not be looked into: what was known below them stays."""
    n_foreign: int = 0
    """Files of other kinds, which were passed over."""

    def add(self, file: FoundFile) -> None:
        """Take a file, unless another has its name already."""
        if file.name in self.files:
            other = self.files[file.name].path
            self.troubles.append(
                Trouble(file.path, f"has the name '{file.name}', as {other} has", file.size_bytes, file.mtime_ns)
            )
        else:
            self.files[file.name] = file


def scan(sources: Iterable[Source]) -> Scan:
    """Return what lies in the sources, the first of two files of one name."""
    found = Scan()
    for source in sources:
        root = Path(source.path)
        try:
            status = root.stat()
        except OSError as error:
            _unseen(found, source.path, error)
            continue
        if stat.S_ISDIR(status.st_mode):
            _walk(found, root, root.resolve(), source.name)
        else:
            found.add(FoundFile(source.name or root.name, source.path, status.st_size, status.st_mtime_ns))
    return found


def read_file(file: FoundFile, *, max_bytes: int) -> bytes:
    """Return a file's bytes. Raises `DocumentError` (without the file's name) where it is too large or not there."""
    if file.size_bytes > max_bytes:
        raise _too_large(file.size_bytes, max_bytes)
    try:
        # Not to wait for ever: what was a file a moment ago may be a pipe now.
        with os.fdopen(os.open(file.path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as opened:
            if not stat.S_ISREG(os.fstat(opened.fileno()).st_mode):
                raise DocumentError("is no file")
            data = opened.read(max_bytes + 1)
    except OSError as error:
        raise DocumentError(f"cannot be read: {error.strerror or type(error).__name__}") from error
    if len(data) > max_bytes:
        raise _too_large(len(data), max_bytes)
    return data


def _too_large(size_bytes: int, max_bytes: int) -> DocumentError:
    most = f"at most {max_bytes / 1e6:,.1f} MB are read, see retrieval.max_document_bytes"
    return DocumentError(f"is too large: {size_bytes / 1e6:,.1f} MB; {most}")


def _walk(found: Scan, folder: Path, root: Path, name: str) -> None:
    """Take what lies below a folder, in the order of names. `root` is the source, with no link on its way."""
    try:
        with os.scandir(folder) as entries:
            listed = sorted(entries, key=lambda entry: entry.name)
    except OSError as error:
        _unseen(found, str(folder), error)
        return
    for entry in listed:
        if entry.name.startswith("."):
            continue
        below = f"{name}/{entry.name}" if name else entry.name
        try:
            if entry.is_dir(follow_symlinks=False):
                _walk(found, Path(entry.path), root, below)
            elif suffix_of(entry.name) not in SUFFIXES:
                found.n_foreign += 1
            else:
                _take(found, entry, root, below)
        except OSError as error:
            found.troubles.append(Trouble(entry.path, f"cannot be read: {error.strerror or type(error).__name__}"))


def _take(found: Scan, entry: os.DirEntry[str], root: Path, name: str) -> None:
    if len(found.files) >= MAX_FILES:
        if len(found.files) == MAX_FILES and not any(each.path == str(root) for each in found.troubles):
            found.troubles.append(Trouble(str(root), f"holds more than {MAX_FILES:,} documents; the rest is left out"))
        return
    if entry.is_symlink() and not Path(entry.path).resolve().is_relative_to(root):
        found.troubles.append(Trouble(entry.path, "is a link out of its folder; put a copy there, or add its target"))
        return
    status = entry.stat()
    if not stat.S_ISREG(status.st_mode):
        found.troubles.append(Trouble(entry.path, "is no file"))
        return
    if "\n" in name or not name.isprintable():
        found.troubles.append(Trouble(ascii(entry.path), "has a name that cannot be printed"))
        return
    found.add(FoundFile(name, entry.path, status.st_size, status.st_mtime_ns))


def _unseen(found: Scan, path: str, error: OSError) -> None:
    found.unseen.append(path)
    found.troubles.append(Trouble(path, f"cannot be read: {error.strerror or type(error).__name__}"))
