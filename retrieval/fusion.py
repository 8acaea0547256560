"""How the two legs of hybrid search become one score: a convex combination, its weight by the question's script.

Rank fusion with equal weights is right only where both legs are about equally good; docs/decisions has the comparison.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from retrieval.segment import language_of

TITLE_WEIGHT = 0.4
"""A window is raised by this share of its word score where the question names all that one of its headings says."""
DENSE_WEIGHT = 0.5
"""What the vectors count of the whole for a question in words; also that of an embedder that was trained elsewhere."""
DENSE_WEIGHT_HAN = 0.25
"""The same for a question in Chinese by the built-in embedder: Han pairs meet nearly all that its n-grams meet."""


def dense_weight(question: str, embedder: str) -> float:
    """Return what the vectors of the named embedder count for a question, 0 to 1."""
    return DENSE_WEIGHT_HAN if embedder == "lsa" and language_of(question) == "zh" else DENSE_WEIGHT


class Best(NamedTuple):
    """The best score of each leg, 0 where it found nothing."""

    words: float
    dense: float

    @classmethod
    def of(cls, words: NDArray[np.float32], dense: NDArray[np.float32]) -> Best:
        """Return the best of these scores."""
        return cls(float(words.max(initial=0)), float(dense.max(initial=0)))


Rule = Callable[[NDArray[np.float32], NDArray[np.float32], Best], NDArray[np.float32]]
"""Scores of words and of vectors, and the best of each, to one score a candidate."""
Fuse = Callable[[str, str], Rule]
"""A question and the embedder's name to the rule for it."""


def by_script(question: str, embedder: str) -> Rule:
    """Return the shipped rule: a convex combination, its weight by the question's script."""
    return convex_by(dense_weight(question, embedder))


def convex_by(weight: float) -> Rule:
    """Return the convex combination in which the vectors count `weight`, 0 to 1."""
    return lambda words, dense, best: convex(words, dense, weight=weight, best=best)


def ranks_by(weight: float, *, rank_offset: float) -> Rule:
    """Return weighted reciprocal rank fusion, for comparison."""
    return lambda words, dense, _best: reciprocal_rank(words, dense, weight=weight, rank_offset=rank_offset)


def convex(
    words: NDArray[np.float32], dense: NDArray[np.float32], *, weight: float, best: Best | None = None
) -> NDArray[np.float32]:
    """Return one score a candidate, 0 to 1: each leg's scores divided by its best, added by the weight of `dense`.

    A leg that found nothing leaves the whole to the other. `best` is that of these scores unless given.
    """
    best = best or Best.of(words, dense)
    if not best.words or not best.dense:
        weight = float(not best.words)
    words_part = np.maximum(words, 0) * np.float32((1 - weight) / (best.words or 1))
    return words_part + np.maximum(dense, 0) * np.float32(weight / (best.dense or 1))


def reciprocal_rank(
    words: NDArray[np.float32], dense: NDArray[np.float32], *, weight: float, rank_offset: float = 60
) -> NDArray[np.float32]:
    """Return weighted reciprocal rank fusion (Cormack et al. 2009), for comparison: 1 / (offset + rank), by weight."""
    return ((1 - weight) / (rank_offset + _ranks(words)) + weight / (rank_offset + _ranks(dense))).astype(np.float32)


def _ranks(scores: NDArray[np.float32]) -> NDArray[np.int64]:
    """Return the rank of each, 1 for the best; ties in order."""
    return np.argsort(np.argsort(-scores, kind="stable")) + 1
