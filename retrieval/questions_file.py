"""Documents and questions as JSON lines, read with an error that names the line.

Documents: `{doc_id, title?, text}`. Questions: `{qid, question}`, and to measure also `{doc_id, spans, alternatives?}`
in code points of the document's text; all spans are needed, and any place of `alternatives[i]` is as good as
`spans[i]`. Unknown fields are passed over.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

import msgspec

from config.errors import CorpusError
from retrieval.ingest import Document

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

Row = TypeVar("Row", bound=msgspec.Struct)
Place = tuple[int, int]


@dataclass(frozen=True, slots=True)
class GoldQuestion:
    """A question with its places: every part is needed, any one place of a part will do."""

    qid: str
    text: str
    doc: str
    parts: tuple[tuple[Place, ...], ...]


class _DocumentRow(msgspec.Struct):
    doc_id: str
    text: str
    title: str = ""


class QuestionRow(msgspec.Struct):
    """A question that is only asked."""

    qid: str
    question: str


class _GoldRow(QuestionRow):
    doc_id: str
    spans: list[Place]
    alternatives: list[list[Place]] | None = None


def read_documents_file(path: Path) -> tuple[Document, ...]:
    """Return the documents in the order of the file. Raises `OSError` or `CorpusError`."""
    found: dict[str, Document] = {}
    for line, row in _rows(path, _DocumentRow):
        if row.doc_id in found:
            raise CorpusError(f"the doc_id {row.doc_id!r} stands here a second time", file=str(path), line=line)
        found[row.doc_id] = Document(row.doc_id, row.text, row.title)
    if not found:
        raise CorpusError("there is no document in it", file=str(path))
    return tuple(found.values())


def read_questions_file(path: Path) -> tuple[QuestionRow, ...]:
    """Return the questions in the order of the file. Raises `OSError` or `CorpusError`."""
    return tuple(row for _, row in _rows(path, QuestionRow))


def read_gold_file(path: Path, documents: Mapping[str, Document]) -> tuple[GoldQuestion, ...]:
    """Return the questions with their places in `documents`, by name. Raises `OSError` or `CorpusError`."""
    found: list[GoldQuestion] = []
    for line, row in _rows(path, _GoldRow):
        document = documents.get(row.doc_id)
        if document is None:
            raise CorpusError(f"no document has the doc_id {row.doc_id!r}", file=str(path), line=line)
        alternatives = row.alternatives or [[] for _ in row.spans]
        if not row.spans or len(alternatives) != len(row.spans):
            raise CorpusError("spans must not be empty, and alternatives as many as they", file=str(path), line=line)
        parts = tuple((span, *others) for span, others in zip(row.spans, alternatives, strict=True))
        if any(not 0 <= start < end <= len(document.text) for part in parts for start, end in part):
            raise CorpusError(f"a span lies outside the text of {row.doc_id!r}", file=str(path), line=line)
        found.append(GoldQuestion(row.qid, row.question, row.doc_id, parts))
    if not found:
        raise CorpusError("there is no question in it", file=str(path))
    return tuple(found)


def _rows(path: Path, kind: type[Row]) -> Iterator[tuple[int, Row]]:
    r"""Yield `(1-based line, row)`; lines end with `\n` alone, and empty ones are passed over."""
    decoder = msgspec.json.Decoder(kind)
    with path.open("rb") as file:
        for line, data in enumerate(file, start=1):
            bare = data.removeprefix(b"\xef\xbb\xbf").strip()
            if not bare:
                continue
            try:
                yield line, decoder.decode(bare)
            except (msgspec.DecodeError, UnicodeDecodeError) as error:
                raise CorpusError(
                    f"this line is not a row as it must be: {error}", file=str(path), line=line
                ) from error
