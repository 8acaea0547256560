"""Rows as files, made row by row: CSV that no spreadsheet executes, and JSON lines."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING, Final

from admin.page import Streamed
from config.columns import json_text

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

__all__ = ["CSV", "JSONL", "as_csv", "as_jsonl", "safe_cell"]

CSV: Final = "csv"
JSONL: Final = "jsonl"
CHUNK_CHARS: Final = 64_000
FORMULA_STARTS: Final = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
"""With these, full-width ones too, a spreadsheet takes a text for a formula (https://owasp.org/www-community/attacks/CSV_Injection)."""


def safe_cell(value: object) -> object:
    """Return a value as a cell: numbers stay numbers, a text that looks like a formula gets an apostrophe."""
    if value is None:
        return ""
    if isinstance(value, int | float):
        return value
    text = value if isinstance(value, str) else json_text(value)
    text = text.replace("\x00", "")
    return f"'{text}" if text.lstrip(" ").startswith(FORMULA_STARTS) else text


def as_csv(rows: AsyncIterator[Mapping[str, object]], *, filename: str) -> Streamed:
    """Return the rows as CSV; the first one's names are the header. Without rows the file is empty."""
    return Streamed(chunks=_csv(rows), media_type="text/csv", filename=filename)


def as_jsonl(rows: AsyncIterator[Mapping[str, object]], *, filename: str) -> Streamed:
    """Return the rows as one JSON object a line."""
    return Streamed(chunks=_jsonl(rows), media_type="application/x-ndjson", filename=filename)


async def _csv(rows: AsyncIterator[Mapping[str, object]]) -> AsyncIterator[bytes]:
    buffer = io.StringIO(newline="")
    writer = csv.writer(buffer)
    is_first = True
    async for row in rows:
        if is_first:
            buffer.write("\ufeff")  # else spreadsheets take UTF-8 for the local code page
            writer.writerow(row)
            is_first = False
        writer.writerow([safe_cell(each) for each in row.values()])
        if buffer.tell() >= CHUNK_CHARS:
            yield _taken(buffer)
    yield _taken(buffer)


async def _jsonl(rows: AsyncIterator[Mapping[str, object]]) -> AsyncIterator[bytes]:
    buffer = io.StringIO(newline="")
    async for row in rows:
        buffer.write(json_text(row))
        buffer.write("\n")
        if buffer.tell() >= CHUNK_CHARS:
            yield _taken(buffer)
    yield _taken(buffer)


def _taken(buffer: io.StringIO) -> bytes:
    text = buffer.getvalue()
    buffer.seek(0)
    buffer.truncate()
    return text.encode()
