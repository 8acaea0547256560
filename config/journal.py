"""A bounded file for what the database could not take yet: one line a record, each with its checksum.

A line is removed only after its record is committed, so a crash in between makes the record come again, never get
lost: who reads the journal must bear that. Lines survive a kill of the process; only `sync` makes them survive a
power cut, as with SQLite's `synchronous=NORMAL`.
"""

from __future__ import annotations

import fcntl
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from zlib import crc32

from config.errors import StorageError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from io import FileIO

MAX_FILES = 16
"""Processes that may share a folder, each with a file of its own."""
CHECKSUM_LENGTH = 9
"""Eight hexadecimal digits and a space."""
MAX_CHUNK_BYTES = 8 * 1024 * 1024
"""Reading stops at the line that goes beyond this, so that a journal of large bodies is not taken into memory."""


@dataclass(frozen=True, slots=True)
class Chunk:
    """Lines that were read: the intact payloads, where the next chunk begins, and how many lines there were."""

    payloads: tuple[bytes, ...]
    end: int
    n_lines: int


class Journal:
    """Append-only lines below `folder`, at most `max_bytes` of them; not for several threads.

    Each process locks a file of its own and takes over what a dead process left in its file.
    """

    def __init__(self, folder: Path, *, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._offset = 0
        self.n_corrupt = 0
        """Lines that a crash or the disk broke; they are passed over."""
        self.last_error: str | None = None
        """Why the last append failed, `None` when it did not."""
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._file, self._path = _lock_first_free(folder)
        except OSError as error:
            raise StorageError(f"the journal cannot be opened: {error.strerror or error}") from error
        self.size_bytes = self._end_last_line()
        self._take_over(folder)
        self.n_waiting = self._count()

    def append(self, payloads: Sequence[bytes]) -> int:
        """Add lines in order and return how many were taken: fewer when the bound is reached, none on a disk error.

        A payload holds no line break.
        """
        lines: list[bytes] = []
        size = self.size_bytes
        for payload in payloads:
            size += CHECKSUM_LENGTH + len(payload) + 1
            if size > self._max_bytes:
                break
            lines.append(_line(payload))
        if not lines or not self._write(b"".join(lines)):
            return 0
        self.n_waiting += len(lines)
        return len(lines)

    def read(self, limit: int) -> Chunk:
        """Return at most `limit` lines that wait, oldest first; they stay until `consume`."""
        payloads: list[bytes] = []
        n_lines = 0
        with self._path.open("rb") as reader:
            reader.seek(self._offset)
            while n_lines < limit and reader.tell() - self._offset < MAX_CHUNK_BYTES and (line := reader.readline()):
                n_lines += 1
                payload = _checked(line)
                if payload is not None:
                    payloads.append(payload)
            return Chunk(tuple(payloads), reader.tell(), n_lines)

    def consume(self, chunk: Chunk) -> None:
        """Forget the lines of a chunk; the file is emptied once all are forgotten."""
        self.n_corrupt += chunk.n_lines - len(chunk.payloads)
        self.n_waiting -= chunk.n_lines
        self._offset = chunk.end
        if self._offset >= self.size_bytes:
            self._cut(0)
            self._offset = self.n_waiting = 0

    def sync(self) -> None:
        """Make what was appended survive a power cut."""
        os.fsync(self._file.fileno())

    def close(self) -> None:
        """Give the file to the next process."""
        self._file.close()

    def _write(self, data: bytes) -> bool:
        try:
            self._file.seek(self.size_bytes)
            n_written = self._file.write(data)
        except OSError as error:
            self.last_error = error.strerror or type(error).__name__
            return False  # the next append begins where this one did
        if n_written != len(data):
            self.last_error = "the disk is full"
            self._cut(self.size_bytes)
            return False
        self.last_error = None
        self.size_bytes += len(data)
        return True

    def _cut(self, size: int) -> None:
        self._file.truncate(size)
        self.size_bytes = size

    def _end_last_line(self) -> int:
        size = self._file.seek(0, os.SEEK_END)
        if size == 0:
            return 0
        self._file.seek(size - 1)
        if self._file.read(1) == b"\n":
            return size
        self._file.write(b"\n")  # a crash tore the last line; its checksum will tell
        return size + 1

    def _take_over(self, folder: Path) -> None:
        for path in sorted(folder.glob("journal-*.jsonl")):
            if path == self._path:
                continue
            other = _opened(path)
            try:
                if _locked(other):
                    left = other.read()
                    if left and self._write(left if left.endswith(b"\n") else left + b"\n"):
                        self.sync()
                        other.truncate(0)
            finally:
                other.close()

    def _count(self) -> int:
        with self._path.open("rb") as reader:
            return sum(1 for _ in reader)


def _line(payload: bytes) -> bytes:
    return b"%08x %b\n" % (crc32(payload), payload)


def _checked(line: bytes) -> bytes | None:
    payload = line[CHECKSUM_LENGTH:-1]
    return payload if line == _line(payload) else None


def _opened(path: Path) -> FileIO:
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    return os.fdopen(descriptor, "r+b", buffering=0)


def _locked(file: FileIO) -> bool:
    try:
        fcntl.flock(file.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _lock_first_free(folder: Path) -> tuple[FileIO, Path]:
    for number in range(MAX_FILES):
        path = folder / f"journal-{number:02}.jsonl"
        file = _opened(path)
        if _locked(file):
            return file, path
        file.close()
    raise StorageError(f"{MAX_FILES} processes use this journal already")
