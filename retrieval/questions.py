"""Offline: measured questions, the documents that hold their answers, and how they are split and judged."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec

from retrieval.evidence import gather
from retrieval.index import LexicalIndex
from retrieval.ingest import Document

if TYPE_CHECKING:
    from pathlib import Path

    from config.types import Citation
    from retrieval.evidence import Evidence, Unit

FOLDERS = ("en", "zh", "zh_hant")
FEW_DOCUMENTS = 2
"""A folder of so few long documents is split with one on either side, in an order drawn by the seed."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A question with its places: every part of `parts` is needed, any one place of a part will do."""

    folder: str
    qid: str
    text: str
    doc: str
    parts: tuple[tuple[tuple[int, int], ...], ...]


@dataclass(frozen=True, slots=True)
class Case:
    """A question with what is found for it in all documents, and in all but the one that holds its answer."""

    asked: Asked
    held: Evidence
    removed: Evidence


@dataclass(frozen=True, slots=True)
class Collection:
    """All documents in one pool, their questions, and a hash of the files they were read from."""

    documents: dict[str, Document]
    asked: tuple[Asked, ...]
    data_hash: str


class _DocumentRow(msgspec.Struct):
    doc_id: str
    title: str
    text: str


class _QuestionRow(msgspec.Struct):
    qid: str
    question: str
    doc_id: str
    spans: list[tuple[int, int]]
    alternatives: list[list[tuple[int, int]]] | None = None


def read_collection(root: Path) -> Collection:
    """Return the folders of `root` (their format is in its README). Raises `OSError`, `ValueError` or `KeyError`."""
    documents: dict[str, Document] = {}
    asked: list[Asked] = []
    digest = hashlib.sha256()
    for folder in FOLDERS:
        for name in ("documents.jsonl", "questions.jsonl"):
            data = (root / folder / name).read_bytes()
            digest.update(data)
            for line in data.splitlines():
                if name == "documents.jsonl":
                    document = msgspec.json.decode(line, type=_DocumentRow)
                    documents[document.doc_id] = Document(document.doc_id, document.text, document.title)
                else:
                    question = msgspec.json.decode(line, type=_QuestionRow)
                    asked.append(_asked(folder, question, documents[question.doc_id].text))
    return Collection(documents, tuple(asked), digest.hexdigest()[:16])


def _asked(folder: str, row: _QuestionRow, text: str) -> Asked:
    """Return a question; white space at the edges of its places is no part of the answer."""
    alternatives = row.alternatives or [[] for _ in row.spans]
    parts = tuple(
        tuple(_stripped(text, start, end) for start, end in [span, *others])
        for span, others in zip(row.spans, alternatives, strict=True)
    )
    return Asked(folder, row.qid, row.question, row.doc_id, parts)


def _stripped(text: str, start: int, end: int) -> tuple[int, int]:
    """Return the place without outer white space."""
    inner = text[start:end]
    return start + len(inner) - len(inner.lstrip()), end - len(inner) + len(inner.rstrip())


def gather_cases(collection: Collection) -> tuple[Case, ...]:
    """Return the evidence for every question, with its document in the pool and without; takes minutes."""
    index = LexicalIndex.build(collection.documents.values())
    cases: list[Case] = []
    for doc in dict.fromkeys(asked.doc for asked in collection.asked):
        rest = index.without(doc)
        cases += [
            Case(asked, gather(index, asked.text), gather(rest, asked.text))
            for asked in collection.asked
            if asked.doc == doc
        ]
    return tuple(cases)


def on_first_side(asked: Asked, seed: int, docs_of_folder: list[str]) -> bool:
    """Return on which side of the split the question's document falls."""
    if len(docs_of_folder) <= FEW_DOCUMENTS:
        return (sorted(docs_of_folder).index(asked.doc) + seed) % 2 == 0
    return hashlib.sha256(f"{seed}:{asked.doc}".encode()).digest()[0] % 2 == 0


def holds(unit: Unit, asked: Asked, part: int) -> bool:
    """Return whether the unit overlaps a place of the part."""
    return unit.passage.doc == asked.doc and any(
        unit.sentence.start < end and unit.sentence.end > start for start, end in asked.parts[part]
    )


def contains_all(text: str, citations: tuple[Citation, ...], asked: Asked, document: Document) -> tuple[bool, bool]:
    """Return whether an answer's text holds every part word for word, and whether it also cites the right document."""
    said = all(any(document.text[start:end] in text for start, end in part) for part in asked.parts)
    return said, said and any(citation.doc == asked.doc for citation in citations)
