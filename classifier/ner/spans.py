r"""Rows with marked entities: read from JSONL or from inline marks, and turned into BIO tags and back.

A row is `{"text", "entities": [{"start", "end", "type"}]}`; places count characters, the end is exclusive. Inline,
the same is written `[张伟|person]明天到[杭州|place]`, and a bracket of the text itself `\[`.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from classifier.text import language_of
from config.errors import CorpusError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from classifier.ner.tokens import Token

OUTSIDE = "O"
TYPE_KEYS = ("type", "label")
_MARK = re.compile(r"\\\[|\[([^\[\]|]+)\|([^\[\]|]+)\]")


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """Where an entity stands and what it is."""

    start: int
    end: int
    type: str


@dataclass(frozen=True, slots=True)
class SpanRow:
    """One text with its entities, in order; they do not overlap."""

    text: str
    spans: tuple[Span, ...]
    lang: str
    file: str = ""
    line: int = 0


def read_span_rows(paths: Iterable[Path]) -> tuple[SpanRow, ...]:
    """Return the rows of JSONL files, blank lines left out. Raises `CorpusError` naming file and line."""
    return tuple(row for path in paths for row in _rows_of(path))


def marked(line: str, *, file: str = "inline") -> SpanRow:
    """Return the row that inline marks say. Raises `CorpusError` naming `file` where a mark is cut short."""
    text, spans, at = "", list[Span](), 0
    for found in _MARK.finditer(line):
        text += line[at : found.start()]
        at = found.end()
        if found.group(1) is None:
            text += "["
            continue
        spans.append(Span(len(text), len(text) + len(found.group(1)), found.group(2)))
        text += found.group(1)
    rest = _MARK.sub("", line)
    if "[" in rest or "|" in rest:
        raise CorpusError(f"a mark is not [words|type]: {line[:60]!r}", file=file)
    text += line[at:]
    return SpanRow(text, tuple(spans), language_of(text))


def write_span_rows(path: Path, rows: Iterable[SpanRow]) -> None:
    """Write rows as JSONL; halves of surrogate pairs, which no encoding has, as escapes."""
    lines = (json.dumps(_as_object(row), ensure_ascii=False) for row in rows)
    path.write_text("".join(f"{line}\n" for line in lines), "utf-8", "backslashreplace")


def tags_of(types: Sequence[str]) -> tuple[str, ...]:
    """Return the BIO tags of entity types: outside first, then the beginning and the inside of each."""
    return (OUTSIDE, *(f"{part}-{each}" for each in types for part in "BI"))


def bio(row: SpanRow, read: Sequence[Token]) -> list[str]:
    """Return one tag a token; a token that an entity only touches belongs to it."""
    tags = [OUTSIDE] * len(read)
    for span in row.spans:
        inside = [at for at, token in enumerate(read) if token.start < span.end and token.end > span.start]
        for at in inside:
            tags[at] = f"{'B' if at == inside[0] else 'I'}-{span.type}"
    return tags


def spans_of(tags: Sequence[str], read: Sequence[Token]) -> tuple[Span, ...]:
    """Return the entities that tags say; an inside tag without its beginning begins one."""
    found: list[Span] = []
    before = OUTSIDE
    for tag, token in zip(tags, read, strict=True):
        name = tag[2:]
        if tag.startswith("I-") and before[2:] == name:
            found[-1] = Span(found[-1].start, token.end, name)
        elif tag != OUTSIDE:
            found.append(Span(token.start, token.end, name))
        before = tag
    return tuple(found)


def _as_object(row: SpanRow) -> dict[str, object]:
    entities = [{"start": each.start, "end": each.end, "type": each.type} for each in row.spans]
    return {"text": row.text, "entities": entities, "lang": row.lang}


def _rows_of(path: Path) -> Iterable[SpanRow]:
    try:
        lines = path.read_text("utf-8").split("\n")
    except OSError as error:
        raise CorpusError(f"cannot be read: {error.strerror}", file=str(path)) from error
    except UnicodeDecodeError as error:
        raise CorpusError("is no UTF-8", file=str(path)) from error
    for at, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            found: object = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise CorpusError("is no JSON object", file=path.name, line=at) from error
        yield _row(found, path.name, at)


def _row(found: object, file: str, line: int) -> SpanRow:
    if not isinstance(found, dict):
        raise CorpusError("is JSON, but no object", file=file, line=line)
    row = cast("dict[str, object]", found)
    text, entities, lang = row.get("text"), row.get("entities"), row.get("lang")
    if not isinstance(text, str) or not isinstance(entities, list):
        raise CorpusError("has no text and entities", file=file, line=line)
    spans = sorted(_span(each, file, line) for each in cast("list[object]", entities))
    at = 0
    for span in spans:
        if not at <= span.start < span.end <= len(text):
            raise CorpusError("has an entity that overlaps another or ends outside its text", file=file, line=line)
        at = span.end
    known = lang if isinstance(lang, str) and lang else language_of(text)
    return SpanRow(text, tuple(spans), known, file, line)


def _span(found: object, file: str, line: int) -> Span:
    entity = cast("dict[str, object]", found) if isinstance(found, dict) else {}
    start, end = entity.get("start"), entity.get("end")
    name = next((entity[key] for key in TYPE_KEYS if key in entity), None)
    if isinstance(start, int) and isinstance(end, int) and isinstance(name, str) and name:
        return Span(start, end, name)
    raise CorpusError("has an entity without start, end and type", file=file, line=line)
