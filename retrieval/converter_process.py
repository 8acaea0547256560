"""Reads HTML, PDF and docx files in a process of its own, bounded in time and memory: a hostile file ends only that.

The process stays for the next file; it is told a suffix and the bytes, and answers with the text or a reason.
"""

from __future__ import annotations

import resource
import subprocess
import sys
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Timer
from typing import TYPE_CHECKING, BinaryIO, Final, cast

import msgspec

from config.errors import DocumentError
from retrieval.convert import PAGE_SUFFIXES, Converted, convert

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

MAX_CONVERT_S: Final = 60.0
MAX_MEMORY_BYTES: Final = 2 * 1024**3
_ROOT: Final = str(Path(__file__).resolve().parents[1])
_PROGRAM: Final = f"import sys; sys.path.insert(0, {_ROOT!r}); from retrieval.converter_process import serve; serve()"


@dataclass(frozen=True, slots=True)
class _Question:
    suffix: str
    n_bytes: int
    """How many bytes follow the line."""


@dataclass(frozen=True, slots=True)
class _Answer:
    converted: Converted | None
    reason: str = ""


class ConverterProcess:
    """Converts one file at a time; begins its process with the first page and ends it with the `with` block."""

    def __init__(self, *, max_s: float = MAX_CONVERT_S) -> None:
        self._max_s = max_s
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end()

    def convert(self, data: bytes, suffix: str) -> Converted:
        """Return the text of a file, as `convert.convert`. Raises `DocumentError` (without the file's name)."""
        if suffix not in PAGE_SUFFIXES:
            return convert(data, suffix)
        process = self._process or self._begin()
        timed_out: list[bool] = []
        timer = Timer(self._max_s, lambda: (timed_out.append(True), process.kill()))
        timer.start()
        try:
            answer = _asked(process, data, suffix)
        finally:
            timer.cancel()
        if answer is None:
            self._end()
            kind = suffix.removeprefix(".")
            took = f"takes longer than {self._max_s:g} s to read"
            raise DocumentError(took if timed_out else f"is damaged, or no {kind} file")
        if answer.converted is None:
            raise DocumentError(answer.reason)
        return answer.converted

    def _begin(self) -> subprocess.Popen[bytes]:
        self._process = subprocess.Popen(  # noqa: S603  # our own program
            [sys.executable, "-I", "-c", _PROGRAM],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        return self._process

    def _end(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        process.kill()
        for pipe in (process.stdin, process.stdout):
            with suppress(OSError):
                cast("BinaryIO", pipe).close()
        process.wait()


def serve() -> None:
    """Answer questions on stdin until it ends. An error that nobody expected ends the process, which is an answer."""
    resource.setrlimit(resource.RLIMIT_AS, (MAX_MEMORY_BYTES, MAX_MEMORY_BYTES))
    source, sink = sys.stdin.buffer, sys.stdout.buffer
    sys.stdout = sys.stderr  # a library that prints must not garble the answers
    while head := source.readline():
        asked = msgspec.json.decode(head, type=_Question)
        try:
            answer = _Answer(convert(source.read(asked.n_bytes), asked.suffix))
        except DocumentError as error:
            answer = _Answer(None, str(error))
        sink.write(msgspec.json.encode(answer) + b"\n")
        sink.flush()


def _asked(process: subprocess.Popen[bytes], data: bytes, suffix: str) -> _Answer | None:
    """Return the answer, or `None` where the process ended instead."""
    assert process.stdin is not None, "it was begun with pipes"  # noqa: S101
    assert process.stdout is not None, "it was begun with pipes"  # noqa: S101
    try:
        process.stdin.write(msgspec.json.encode(_Question(suffix, len(data))) + b"\n")
        process.stdin.write(data)
        process.stdin.flush()
    except OSError:
        return None
    line = process.stdout.readline()
    return msgspec.json.decode(line, type=_Answer) if line.endswith(b"\n") else None
