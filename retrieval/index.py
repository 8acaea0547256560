"""The lexical index: BM25 over passages and their titles, as an immutable snapshot that threads may share.

bm25s does the scoring, in numpy; its own tokenizer makes one token of a whole Chinese run, so it is given our terms.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, cast

from retrieval.chunk import TITLE_JOIN, chunk
from retrieval.segment import clauses
from retrieval.terms import HAN_MARK, normalize, terms, told

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    import numpy as np
    from numpy.typing import NDArray

    from config.types import Passage
    from retrieval.ingest import Document

K1 = 1.2
B = 0.6
MIN_PASSAGES = 500
HAN_WEIGHT = 0.3
"""What a single Han character counts beside a pair."""

_FENCES = re.compile(r"^ {0,3}(`{3,}|~{3,}).*?(?:^ {0,3}\1[`~]*[ \t]*$|\Z)", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True, slots=True)
class Sentence:
    """A sentence of a passage, with offsets into its document."""

    start: int
    end: int
    plain: str
    """Its text as `terms.normalize` makes it: for comparing only."""
    terms: tuple[str, ...]
    """In the order of the text, repeated where repeated."""
    bag: frozenset[str]


class _Engine(Protocol):
    """The part of `bm25s.BM25` that is used."""

    def get_scores(self, query_tokens_single: list[str]) -> NDArray[np.float32]: ...


@dataclass(frozen=True, slots=True)
class Entry:
    """A passage as the index reads it."""

    passage: Passage
    title_terms: tuple[str, ...]
    heading: tuple[str, ...]
    """What the innermost heading is about: its terms without function words."""
    sentences: tuple[Sentence, ...]


class LexicalIndex:
    """Passages with their sentences and BM25 scores; never changes once built."""

    __slots__ = ("_engine", "_frequency", "documents", "entries")

    def __init__(self, entries: Iterable[Entry]) -> None:
        self.entries = tuple(entries)
        self.documents = frozenset(entry.passage.doc for entry in self.entries)
        bags = [
            [*entry.title_terms, *(term for sentence in entry.sentences for term in sentence.terms)]
            for entry in self.entries
        ]
        self._frequency: Mapping[str, int] = Counter(term for bag in bags for term in set(bag))
        self._engine = _engine(bags)

    @classmethod
    def build(cls, documents: Iterable[Document]) -> LexicalIndex:
        """Return the index of all passages of `documents`."""
        return cls(_entry(passage) for document in documents for passage in chunk(document))

    def without(self, document: str) -> LexicalIndex:
        """Return an index of everything but one document; nothing is read again."""
        return LexicalIndex(entry for entry in self.entries if entry.passage.doc != document)

    def __len__(self) -> int:
        return len(self.entries)

    def idf(self, term: str) -> float:
        """Return how much a term tells: Robertson's idf over passages, above 0, highest for a term that is nowhere.

        A small library is scaled to `MIN_PASSAGES`: in 50 passages, one that has a word does not make the word rare.
        """
        scale = max(1.0, MIN_PASSAGES / max(1, len(self.entries)))
        n_with, n_passages = self._frequency.get(term, 0) * scale, len(self.entries) * scale
        return math.log(1 + (n_passages - n_with + 0.5) / (n_with + 0.5))

    def knows(self, term: str) -> bool:
        """Return whether any passage or title has the term."""
        return term in self._frequency

    def scores(self, query: Iterable[str]) -> NDArray[np.float32]:
        """Return one BM25 score a passage for the query's distinct terms."""
        import numpy as np  # noqa: PLC0415  # heavy: paid by the first search, not by the import

        known = [term for term in dict.fromkeys(query) if term in self._frequency]
        if self._engine is None or not known:
            return np.zeros(len(self.entries), dtype=np.float32)
        singles = [term for term in known if term.startswith(HAN_MARK)]
        others = [term for term in known if not term.startswith(HAN_MARK)]
        total = np.zeros(len(self.entries), dtype=np.float32)
        if others:
            total += self._engine.get_scores(others)
        if singles:
            total += HAN_WEIGHT * self._engine.get_scores(singles)
        return total


def _entry(passage: Passage) -> Entry:
    """Return the passage with its terms; the sentences' offsets are the document's."""
    return Entry(
        passage,
        tuple(terms(passage.title)),
        tuple(told(passage.title.rpartition(TITLE_JOIN)[2])),
        tuple(_sentence(passage, start, end) for start, end in _units(passage.text)),
    )


def _sentence(passage: Passage, start: int, end: int) -> Sentence:
    """Return a stretch of a passage as it is searched."""
    text = passage.text[start:end]
    found = tuple(terms(text))
    return Sentence(passage.start + start, passage.start + end, normalize(text), found, frozenset(found))


def _units(text: str) -> Iterator[tuple[int, int]]:
    """Yield the clauses of a passage; a code fence is one, for half of it is no answer."""
    at = 0
    for fence in _FENCES.finditer(text):
        yield from clauses(text, at, fence.start())
        yield fence.span()
        at = fence.end()
    yield from clauses(text, at)


def _engine(bags: list[list[str]]) -> _Engine | None:
    """Return BM25 over the bags, or `None` where there is not one term."""
    if not any(bags):
        return None
    import bm25s  # noqa: PLC0415  # pyright: ignore[reportMissingTypeStubs]  # heavy, see above; has no types

    engine = bm25s.BM25(k1=K1, b=B, method="lucene", backend="numpy")
    engine.index(bags, show_progress=False)  # pyright: ignore[reportUnknownMemberType]  # bm25s is untyped here
    return cast("_Engine", engine)
