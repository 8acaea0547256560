"""A file of JSON objects, a line each, that is only ever appended to: what a run that broke off had done is kept.

A last line without its end was torn by a crash and is left out; the next line is written after it all the same.
"""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, cast

from config.errors import CorpusError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from config.types import Json


def read_lines(path: Path) -> list[Json]:
    """Return the objects of a file, none where there is no file. Raises `CorpusError` for a line that is none."""
    if not path.exists():
        return []
    raw = path.read_bytes()
    whole = raw[: raw.rfind(b"\n") + 1]
    found: list[Json] = []
    for number, line in enumerate(whole.split(b"\n"), 1):
        if not line.strip():
            continue
        try:
            row: object = json.loads(line.decode("utf-8"))
        except (ValueError, RecursionError) as error:
            raise CorpusError("is no JSON in UTF-8; name another file", file=str(path), line=number) from error
        if not isinstance(row, dict):
            raise CorpusError("is no JSON object; name another file", file=str(path), line=number)
        found.append(cast("Json", row))
    return found


def append_line(path: Path, row: Json) -> None:
    """Write an object at the end of a file that only its owner may read; the folder is made. Raises `OSError`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    with os.fdopen(descriptor, "r+b") as file:
        raw_end = file.seek(0, os.SEEK_END)
        file.seek(_end_of_last_line(file.fileno(), raw_end))
        file.truncate()
        file.write(_line(row))


def replace_lines(path: Path, rows: Iterable[Json]) -> None:
    """Write a file anew, whole or not at all. Raises `OSError`."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.writelines(map(_line, rows))
    draft.replace(path)


def _line(row: Json) -> bytes:
    """Return an object as a line; halves of surrogate pairs, which no encoding has, as escapes."""
    try:
        return json.dumps(row, ensure_ascii=False).encode() + b"\n"
    except UnicodeEncodeError:
        return json.dumps(row).encode() + b"\n"


def _end_of_last_line(descriptor: int, size: int) -> int:
    """Return where the last whole line ends, looking back from the end."""
    at, step = size, 64 * 1024
    while at > 0:
        start = max(0, at - step)
        found = os.pread(descriptor, at - start, start).rfind(b"\n")
        if found >= 0:
            return start + found + 1
        at = start
    return 0
