"""Passages for a question: BM25 and titles; of two twins only the one in the question's language.

The documents are loaded when first needed, or ahead of that in the background (`warm`); a reload swaps atomically.
"""

from __future__ import annotations

import threading
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from typing import TYPE_CHECKING

from retrieval.index import LexicalIndex
from retrieval.segment import language_of
from retrieval.terms import told

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    from config.types import Passage
    from retrieval.ingest import Document

TITLE_WEIGHT = 0.2
"""A passage is raised by this share of its score where the question names all that its own heading says."""
MAX_QUERY_CHARS = 4000
"""Only the end of a longer text is searched for: in chat the question comes last."""
LANGUAGE_FOLDERS = ("en", "zh")


class LibrarySearch:
    """Searches the documents that `load` gives; safe to share among threads."""

    def __init__(self, load: Callable[[], Sequence[Document]]) -> None:
        self._load = load
        self._lock = threading.Lock()
        self._index: Future[LexicalIndex] | None = None

    def warm(self) -> Future[LexicalIndex]:
        """Begin to load in a background thread, once; the future holds the index or what stopped the load."""
        with self._lock:
            if self._index is None:
                loader = ThreadPoolExecutor(1, thread_name_prefix="library")
                self._index = loader.submit(self._build)
                loader.shutdown(wait=False)
            return self._index

    def _build(self) -> LexicalIndex:
        return LexicalIndex.build(self._load())

    def index(self) -> LexicalIndex:
        """Return the current snapshot, waiting for the first load. Raises what `load` raised."""
        return self.warm().result()

    def reload(self) -> LexicalIndex:
        """Load again and swap; searches that run keep the snapshot they began with. Raises what `load` raised."""
        fresh: Future[LexicalIndex] = Future()
        fresh.set_result(self._build())
        with self._lock:
            self._index = fresh
        return fresh.result()

    def search(self, query: str, *, top_k: int) -> tuple[Passage, ...]:
        """Return at most `top_k` passages that share a term with the query, best first, with their scores."""
        index = self.index()
        return tuple(replace(index.entries[at].passage, score=score) for at, score in rank(index, query, top_k=top_k))


def rank(index: LexicalIndex, query: str, *, top_k: int) -> list[tuple[int, float]]:
    """Return `(position in index.entries, score)` of the best passages, best first; ties in document order."""
    import numpy as np  # noqa: PLC0415  # heavy: paid by the first search, not by the import

    wanted = told(query[-MAX_QUERY_CHARS:])
    scores = index.scores(wanted)
    n_candidates = min(len(scores), max(4 * top_k, 20))
    if not n_candidates:
        return []
    best = np.argpartition(scores, len(scores) - n_candidates)[len(scores) - n_candidates :]
    language, asked = language_of(query), frozenset(wanted)
    ranked = [(int(at), float(scores[at]) * _title_factor(index, int(at), asked)) for at in best if scores[at] > 0]
    own = [found for found in ranked if not _has_twin(index, found[0], language)]
    return sorted(own or ranked, key=lambda found: (-found[1], found[0]))[:top_k]


def _title_factor(index: LexicalIndex, at: int, asked: frozenset[str]) -> float:
    """Return what the passage's own heading makes of its score."""
    heading = index.entries[at].heading
    return 1 + TITLE_WEIGHT * sum(term in asked for term in heading) / len(heading) if heading else 1.0


def _has_twin(index: LexicalIndex, at: int, language: str) -> bool:
    """Return whether the document also exists in the question's language (`en/x.md` beside `zh/x.md`)."""
    folder, _, rest = index.entries[at].passage.doc.partition("/")
    return folder in LANGUAGE_FOLDERS and folder != language and f"{language}/{rest}" in index.documents


def twins(names: Collection[str], own: str) -> list[str]:
    """Return the documents of other languages that also exist in one's own (`en/x.md` beside `zh/x.md`)."""
    split = [(name, *name.partition("/")[::2]) for name in names]
    return [
        name
        for name, folder, rest in split
        if folder in LANGUAGE_FOLDERS and folder != own and f"{own}/{rest}" in names
    ]
