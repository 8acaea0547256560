"""The lexical index: BM25 over passages and their titles, as an immutable snapshot that threads may share.

bm25s does the scoring, in numpy; its own tokenizer makes one token of a whole Chinese run, so it is given our terms.
"""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, cast

from retrieval.chunk import chunk
from retrieval.segment import sentences
from retrieval.terms import HAN_MARK, terms

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from config.types import Passage
    from retrieval.ingest import Document

K1 = 1.2
B = 0.6
HAN_WEIGHT = 0.3
"""What a single Han character counts beside a pair."""


@dataclass(frozen=True, slots=True)
class Sentence:
    """A sentence of a passage, with offsets into its document, and its terms in order."""

    start: int
    end: int
    terms: tuple[str, ...]


class _Engine(Protocol):
    """The part of `bm25s.BM25` that is used."""

    def get_scores(self, query_tokens_single: list[str]) -> NDArray[np.float32]: ...


class LexicalIndex:
    """Passages with their sentences and BM25 scores; never changes once built."""

    __slots__ = ("_engine", "_frequency", "documents", "passages", "sentences", "title_terms")

    def __init__(self, passages: Sequence[Passage]) -> None:
        self.passages = tuple(passages)
        self.documents = frozenset(passage.doc for passage in self.passages)
        self.title_terms = tuple(tuple(terms(passage.title)) for passage in self.passages)
        self.sentences = tuple(_sentences(passage) for passage in self.passages)
        bags = [
            [*title, *(term for sentence in found for term in sentence.terms)]
            for title, found in zip(self.title_terms, self.sentences, strict=True)
        ]
        self._frequency: Mapping[str, int] = Counter(term for bag in bags for term in set(bag))
        self._engine = _engine(bags)

    @classmethod
    def build(cls, documents: Iterable[Document]) -> LexicalIndex:
        """Return the index of all passages of `documents`."""
        return cls([passage for document in documents for passage in chunk(document)])

    def __len__(self) -> int:
        return len(self.passages)

    def idf(self, term: str) -> float:
        """Return how much a term tells: Robertson's idf over passages, above 0, highest for a term that is nowhere."""
        n_with = self._frequency.get(term, 0)
        return math.log(1 + (len(self.passages) - n_with + 0.5) / (n_with + 0.5))

    def scores(self, query: Iterable[str]) -> NDArray[np.float32]:
        """Return one BM25 score a passage for the query's distinct terms."""
        import numpy as np  # noqa: PLC0415  # heavy: paid by the first search, not by the import

        known = [term for term in dict.fromkeys(query) if term in self._frequency]
        if self._engine is None or not known:
            return np.zeros(len(self.passages), dtype=np.float32)
        singles = [term for term in known if term.startswith(HAN_MARK)]
        others = [term for term in known if not term.startswith(HAN_MARK)]
        total = np.zeros(len(self.passages), dtype=np.float32)
        if others:
            total += self._engine.get_scores(others)
        if singles:
            total += HAN_WEIGHT * self._engine.get_scores(singles)
        return total


def _sentences(passage: Passage) -> tuple[Sentence, ...]:
    """Return the passage's sentences; their offsets are the document's."""
    return tuple(
        Sentence(passage.start + start, passage.start + end, tuple(terms(passage.text[start:end])))
        for start, end in sentences(passage.text)
    )


def _engine(bags: list[list[str]]) -> _Engine | None:
    """Return BM25 over the bags, or `None` where there is not one term."""
    if not any(bags):
        return None
    import bm25s  # noqa: PLC0415  # pyright: ignore[reportMissingTypeStubs]  # heavy, see above; has no types

    engine = bm25s.BM25(k1=K1, b=B, method="lucene", backend="numpy")
    engine.index(bags, show_progress=False)  # pyright: ignore[reportUnknownMemberType]  # bm25s is untyped here
    return cast("_Engine", engine)
