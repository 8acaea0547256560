"""Reads labelled prompts: JSON Lines with the names that people use for the two fields.

`{"prompt", "output"}`, `{"text", "labels"}` and `{"text", "intents"}` are all taken; `lang` is optional.
An empty list of labels means `none`.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING, cast

import msgspec

from classifier.text import HALF_PAIR, language_of
from config.errors import CorpusError
from config.intents import NONE

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    from config.types import Json, Language

TEXT_FIELDS = ("prompt", "text")
LABEL_FIELDS = ("output", "labels", "intents")
MEND = 'a row looks like {"prompt": "我要退款", "output": ["payment"]}'


@dataclass(frozen=True, slots=True)
class Row:
    """One prompt and everything it asks for."""

    text: str
    labels: tuple[str, ...]
    lang: Language
    file: str = ""
    line: int = 0


def read_rows(path: Path) -> tuple[Row, ...]:
    """Return the rows of a file, or of all `*.jsonl` of a folder in the order of their names. Raises `CorpusError`."""
    files = sorted(path.rglob("*.jsonl")) if path.is_dir() else [path]
    rows = tuple(row for file in files for row in _rows_of(file))
    if not rows:
        raise CorpusError(f"no rows here; {MEND}", file=str(path))
    return rows


def read_prompts(path: Path) -> tuple[str, ...]:
    """Return the prompts of a file whose rows need no labels. Raises `CorpusError`."""
    return tuple(_prompt_of(data, path, number) for number, data in _objects_of(path))


def data_hash(rows: Iterable[Row]) -> str:
    """Return the sha256 of what the rows say, whatever their files looked like."""
    digest = sha256()
    for row in rows:
        digest.update(msgspec.json.encode((row.text, row.labels)) + b"\n")
    return digest.hexdigest()


def labels_of(rows: Iterable[Row]) -> tuple[str, ...]:
    """Return every label of the rows, sorted: the order of a model whose labels nobody listed."""
    return tuple(sorted({label for row in rows for label in row.labels}))


def require_labels(rows: Sequence[Row], labels: Sequence[str], *, file: Path) -> None:
    """Raise `CorpusError` where a row has a label that the model does not know."""
    known = set(labels)
    for number, row in enumerate(rows, 1):
        strange = sorted(set(row.labels) - known)
        if strange:
            means = ", which an empty list means," if strange[0] == NONE else ""
            raise CorpusError(
                f"label {strange[0]!r}{means} is none of {', '.join(labels)}; correct the row or add the label",
                file=row.file or str(file),
                line=row.line or number,
            )


def _rows_of(file: Path) -> list[Row]:
    return [_row_of(data, file, number) for number, data in _objects_of(file)]


def _objects_of(file: Path) -> Iterator[tuple[int, Json]]:
    try:
        lines = file.read_bytes().splitlines()
    except FileNotFoundError as error:
        raise CorpusError(f"there is no such file; {MEND}", file=str(file)) from error
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            found: object = json.loads(line)  # msgspec refuses half of a surrogate pair, which cut texts hold
        except (ValueError, RecursionError) as error:
            raise CorpusError(f"no JSON object; {MEND}", file=str(file), line=number) from error
        yield number, cast("Json", found) if isinstance(found, dict) else {}


def _prompt_of(data: Json, file: Path, number: int) -> str:
    text = next((data[name] for name in TEXT_FIELDS if name in data), None)
    if not isinstance(text, str) or not text.strip():
        raise CorpusError(f"no prompt; {MEND}", file=str(file), line=number)
    return HALF_PAIR.sub("?", text)  # as `encoding.py` gives it to the library


def _row_of(data: Json, file: Path, number: int) -> Row:
    text = _prompt_of(data, file, number)
    labels = next((data[name] for name in LABEL_FIELDS if name in data), None)
    names = cast("list[object]", labels) if isinstance(labels, list) else []
    words = [name for name in names if isinstance(name, str) and name]
    if labels == []:
        words, names = [NONE], [NONE]
    if not words or len(words) != len(names):
        raise CorpusError(f"labels are no list of words; {MEND}", file=str(file), line=number)
    if any(HALF_PAIR.search(word) for word in words):
        raise CorpusError(
            f"has a label with half of a surrogate pair, which is no text; {MEND}", file=str(file), line=number
        )
    lang = data.get("lang")
    known = "zh" if lang == "zh" else "en" if lang == "en" else language_of(text)
    return Row(text, tuple(dict.fromkeys(words)), known, file=str(file), line=number)
