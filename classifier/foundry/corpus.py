"""Reads rows: texts with the labels that hold for them, from JSONL in any of the three shapes people have.

`{"text", "labels"}`, `{"text", "intents"}` and `{"prompt", "output"}`; `lang` and `tags` are taken along where given.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

import numpy as np

from classifier.text import HALF_PAIR, language_of
from config.errors import CorpusError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

TEXT_KEYS = ("text", "prompt")
LABEL_KEYS = ("labels", "intents", "output")
LARGEST_LINE_BYTES = 16 * 1024 * 1024
"""A text of a million Chinese characters, each escaped, has room."""
TEXT_MEND = 'a row looks like {"text": "我要退款"}'
HALF_LABEL = "has a label with half of a surrogate pair, which is no text; write the label whole"
"""What is wrong with such a label; a text may hold one."""
ROW_MEND = 'a row looks like {"text": "我要退款", "labels": ["payment"]}'


@dataclass(frozen=True, slots=True)
class Row:
    """One text and the labels that hold for it."""

    text: str
    labels: tuple[str, ...]
    lang: str
    tags: tuple[str, ...] = ()
    file: str = ""
    line: int = 0


def read_rows(paths: Iterable[Path]) -> tuple[Row, ...]:
    """Return the rows of JSONL files, blank lines left out. Raises `CorpusError` naming file and line."""
    return tuple(_row(found, path.name, at) for path in paths for at, found in _objects(path, ROW_MEND))


def read_texts(path: Path) -> tuple[str, ...]:
    """Return the texts of a JSONL file whose rows need no labels. Raises `CorpusError` naming file and line."""
    return tuple(_text(found, path.name, at) for at, found in _objects(path, TEXT_MEND))


def read_texts_or_errors(path: Path) -> tuple[str | CorpusError, ...]:
    """Return the texts of a JSONL file; a row without one is its error, which names file and line.

    Raises `CorpusError` where the file cannot be read.
    """
    return tuple(_text_or_error(line, path.name, at) for at, line in _lines(path))


def write_rows(path: Path, rows: Iterable[Row]) -> None:
    """Write rows in the shape `{"text", "labels", "lang", "tags"}`; halves of surrogate pairs as escapes."""
    lines = (
        json.dumps(
            {"text": row.text, "labels": list(row.labels), "lang": row.lang, "tags": list(row.tags)}, ensure_ascii=False
        )
        for row in rows
    )
    path.write_text("".join(f"{line}\n" for line in lines), "utf-8", "backslashreplace")


def gold_matrix(rows: Sequence[Row], labels: Sequence[str], *, out_of_scope: str = "") -> NDArray[np.bool_]:
    """Return which labels hold, (rows, labels); a row without any holds `out_of_scope`, where that is a label.

    Raises `CorpusError` for a label that is not in `labels`.
    """
    column = {label: at for at, label in enumerate(labels)}
    gold = np.zeros((len(rows), len(labels)), np.bool_)
    for at, row in enumerate(rows):
        for label in row.labels or ((out_of_scope,) if out_of_scope else ()):
            if label not in column:
                raise CorpusError(
                    f"unknown label {label!r}; known are {', '.join(labels)}", file=row.file, line=row.line
                )
            gold[at, column[label]] = True
    return gold


def data_hash(paths: Iterable[Path]) -> str:
    """Return the SHA-256, in hex, over the bytes of files in the order given."""
    whole = hashlib.sha256()
    for path in paths:
        whole.update(path.read_bytes())
    return whole.hexdigest()


def _objects(path: Path, mend: str) -> Iterable[tuple[int, dict[str, object]]]:
    return ((at, _object(line, path.name, at, mend)) for at, line in _lines(path))


def _text_or_error(line: bytes, file: str, at: int) -> str | CorpusError:
    try:
        return _text(_object(line, file, at, TEXT_MEND), file, at)
    except CorpusError as error:
        return error


def _lines(path: Path) -> list[tuple[int, bytes]]:
    try:
        data = path.read_bytes()
    except OSError as error:
        raise CorpusError(f"cannot be read: {error.strerror}", file=str(path)) from error
    lines = enumerate(data.removeprefix(b"\xef\xbb\xbf").split(b"\n"), start=1)
    return [(at, line) for at, line in lines if line.strip()]


def _object(line: bytes, file: str, at: int, mend: str) -> dict[str, object]:
    if len(line) > LARGEST_LINE_BYTES:
        raise CorpusError(f"is longer than {LARGEST_LINE_BYTES} bytes; cut its text", file=file, line=at)
    try:
        found: object = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise CorpusError(f"is no JSON object in UTF-8; {mend}", file=file, line=at) from error
    if not isinstance(found, dict):
        raise CorpusError(f"is JSON, but no object; {mend}", file=file, line=at)
    return cast("dict[str, object]", found)


def _text(found: dict[str, object], file: str, line: int) -> str:
    for key in TEXT_KEYS:
        if isinstance(value := found.get(key), str):
            return value
    raise CorpusError(f"has no text under {' or '.join(TEXT_KEYS)}; {TEXT_MEND}", file=file, line=line)


def _row(found: dict[str, object], file: str, line: int) -> Row:
    text = _text(found, file, line)
    value = next((found[key] for key in LABEL_KEYS if key in found), None)
    items = [value] if isinstance(value, str) else cast("list[object]", value) if isinstance(value, list) else None
    if items is None or not all(isinstance(item, str) and item for item in items):
        raise CorpusError(f"has no list of labels under {' or '.join(LABEL_KEYS)}; {ROW_MEND}", file=file, line=line)
    if any(HALF_PAIR.search(item) for item in cast("list[str]", items)):
        raise CorpusError(HALF_LABEL, file=file, line=line)
    tags = found.get("tags", [])
    lang = found.get("lang")
    return Row(
        text=text,
        labels=tuple(dict.fromkeys(cast("list[str]", items))),
        lang=lang if isinstance(lang, str) and lang else language_of(text),
        tags=tuple(str(tag) for tag in cast("list[object]", tags)) if isinstance(tags, list) else (),
        file=file,
        line=line,
    )
