"""The word leg of hybrid search: BM25 over windows, and how much of a heading the question names.

bm25s weighs the terms once, when the index is built; what is kept is plain arrays, so that an index can be written to
disk and read again without pickle. `index.py` is the extractive answerer's own index, over passages.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, cast

import numpy as np

from retrieval.chunk import TITLE_JOIN
from retrieval.terms import HAN_MARK, told

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray


class _Engine(Protocol):
    """The part of `bm25s.BM25` that is used."""

    scores: dict[str, NDArray[np.float32]]

    def index(
        self, corpus: tuple[list[list[int]], dict[str, int]], *, create_empty_token: bool, show_progress: bool
    ) -> None: ...


K1 = 1.2
B = 0.6
HAN_WEIGHT = 0.3
"""What a single Han character counts beside a pair."""


@dataclass(frozen=True, slots=True)
class Postings:
    """For each term, in which rows it stands and what it is worth there: `rows[bounds[t]:bounds[t + 1]]`."""

    bounds: NDArray[np.int64]
    rows: NDArray[np.int32]
    worth: NDArray[np.float32]

    def add_up(self, wanted: Sequence[int], n_rows: int) -> NDArray[np.float32]:
        """Return the summed worth of the wanted terms in each row."""
        total = np.zeros(n_rows, dtype=np.float32)
        for term in wanted:
            mine = slice(self.bounds[term], self.bounds[term + 1])
            total[self.rows[mine]] += self.worth[mine]  # a row stands once in a posting, so none is lost
        return total


@dataclass(frozen=True, slots=True)
class WordLeg:
    """Scores windows by the words they share with a question."""

    vocabulary: dict[str, int]
    windows: Postings
    """BM25; single Han characters at `HAN_WEIGHT`."""
    headings: Postings
    """Share of a heading's idf that a term bears; all terms of a heading add up to 1."""
    headings_of: NDArray[np.int32]
    """Window -> its headings, outermost first, `(n_windows, depth)`; the last heading, which is empty, fills up."""
    n_headings: int

    def known(self, question: str) -> list[int]:
        """Return the terms of a question that the library has and that say what it is about."""
        return [self.vocabulary[term] for term in told(question) if term in self.vocabulary]

    def scores(self, wanted: Sequence[int]) -> NDArray[np.float32]:
        """Return one BM25 score a window."""
        return self.windows.add_up(wanted, len(self.headings_of))

    def named(self, wanted: Sequence[int], rows: NDArray[np.int64]) -> NDArray[np.float32]:
        """Return for each of the windows `rows` how much of one of its headings is asked for, 0 to 1."""
        shares = self.headings.add_up(wanted, self.n_headings)
        return shares[self.headings_of[rows]].max(axis=1, initial=0.0)


def build_word_leg(bags: Sequence[Sequence[str]], titles: Sequence[str]) -> WordLeg:
    """Return the leg for windows with these terms and titles, whose headings are joined by `TITLE_JOIN`."""
    vocabulary: dict[str, int] = {}
    ids = [[vocabulary.setdefault(term, len(vocabulary)) for term in bag] for bag in bags]
    paths = {title: [_words(part) for part in title.split(TITLE_JOIN)] for title in dict.fromkeys(titles)}
    distinct = dict.fromkeys(heading for path in paths.values() for heading in path)
    headings = {heading: place for place, heading in enumerate(distinct)}
    for heading in headings:
        for term in told(heading):
            vocabulary.setdefault(term, len(vocabulary))
    depth = max((len(path) for path in paths.values()), default=1)
    table = {
        title: [headings[heading] for heading in path] + [len(headings)] * (depth - len(path))
        for title, path in paths.items()
    }
    idf = _idf(ids, vocabulary)
    return WordLeg(
        vocabulary=vocabulary,
        windows=_bm25(ids, vocabulary),
        headings=_heading_shares(list(headings), vocabulary, idf),
        headings_of=np.array([table[title] for title in titles], dtype=np.int32).reshape(len(titles), depth),
        n_headings=len(headings) + 1,
    )


def _words(heading: str) -> str:
    """Return a heading without what stands in brackets after it: nobody asks for `Mercury (planet)` so."""
    plain = heading.replace("（", "(")
    return plain.partition("(")[0] or plain


def _idf(ids: Sequence[Sequence[int]], vocabulary: dict[str, int]) -> NDArray[np.float64]:
    """Return Robertson's idf of every term, above 0; single Han characters at `HAN_WEIGHT`."""
    frequency = np.zeros(len(vocabulary))
    for bag in ids:
        frequency[list(set(bag))] += 1
    return np.log(1 + (len(ids) - frequency + 0.5) / (frequency + 0.5)) * _kind_weights(vocabulary)


def _kind_weights(vocabulary: dict[str, int]) -> NDArray[np.float64]:
    return np.array([HAN_WEIGHT if term.startswith(HAN_MARK) else 1.0 for term in vocabulary])


def _bm25(ids: list[list[int]], vocabulary: dict[str, int]) -> Postings:
    """Return what each term is worth in each window, by bm25s."""
    if not any(ids):
        return _no_postings(len(vocabulary))
    import bm25s  # noqa: PLC0415  # pyright: ignore[reportMissingTypeStubs]  # heavy: paid by the first build; no types

    engine = cast("_Engine", bm25s.BM25(k1=K1, b=B, method="lucene", backend="numpy"))
    engine.index((ids, dict(vocabulary)), create_empty_token=False, show_progress=False)
    bounds = np.asarray(engine.scores["indptr"], dtype=np.int64)
    worth = np.asarray(engine.scores["data"], dtype=np.float32) * np.repeat(_kind_weights(vocabulary), np.diff(bounds))
    return Postings(bounds, np.asarray(engine.scores["indices"], dtype=np.int32), worth.astype(np.float32))


def _no_postings(n_terms: int) -> Postings:
    return Postings(np.zeros(n_terms + 1, np.int64), np.zeros(0, np.int32), np.zeros(0, np.float32))


def _heading_shares(headings: Sequence[str], vocabulary: dict[str, int], idf: NDArray[np.float64]) -> Postings:
    """Return for each term the headings that hold it, and the share of their idf that it bears."""
    cells: list[tuple[int, int, float]] = []
    for place, heading in enumerate(headings):
        found = [vocabulary[term] for term in told(heading)]
        total = float(idf[found].sum())
        cells += [(term, place, float(idf[term]) / total) for term in found if total > 0]
    cells.sort()
    if not cells:
        return _no_postings(len(vocabulary))
    term_of, rows, worth = zip(*cells, strict=True)
    bounds = np.searchsorted(np.array(term_of), np.arange(len(vocabulary) + 1))
    return Postings(bounds.astype(np.int64), np.array(rows, dtype=np.int32), np.array(worth, dtype=np.float32))
