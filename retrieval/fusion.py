"""How the two legs of hybrid search become one score: a convex combination, its weight by the question's script.

Rank fusion with equal weights is right only where both legs are about equally good; docs/decisions has the comparison.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from retrieval.segment import language_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

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
