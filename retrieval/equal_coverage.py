"""What plain search by vectors would have had to send to hold what was sent: the third measure of savings.

A live request has no gold answer. What is known is what was sent, and how good each passage was found to be. So dense
top-k is at equal coverage where its k nearest windows hold `HELD_SHARE` of the letters that were sent, each counted by
its passage's score. `bench.py` compares this with the k that covers as much of marked answers: it asks for fewer.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from config.tokens import estimate_tokens
from retrieval.search import MAX_QUERY_CHARS

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray

    from config.types import Passage
    from retrieval.hybrid import Index

HELD_SHARE: Final = 0.9
"""Where marked answers are covered equally, the vectors' windows hold 0.93 to 0.98 of what is sent; less is asked."""
MOST_WINDOWS: Final = 120
"""Nobody sends more windows; beyond them it is told that they do not reach, and their tokens are a lower bound."""


@dataclass(frozen=True, slots=True)
class DenseTopK:
    """Dense top-k at equal coverage for one request."""

    k: int
    """Windows."""
    n_tokens: int
    """Of their text, each sentence once though windows overlap, estimated."""
    held: float
    """Share of what was sent that they hold, by score, 0 to 1."""
    reached: bool
    """Whether that is enough; else this is what as many windows as are looked at hold and cost."""


def dense_top_k(
    index: Index,
    question: str,
    vector: NDArray[np.float32],
    passages: Sequence[Passage],
    *,
    most: int = MOST_WINDOWS,
) -> DenseTopK | None:
    """Return the fewest windows nearest to the question's vector that hold what was sent; `None` where nothing was.

    All documents are open, whatever the intent, but for twins in another language. There is no budget.
    """
    wanted: dict[str, list[tuple[int, int, float]]] = defaultdict(list)
    for each in passages:
        wanted[each.doc].append((each.start, each.end, each.score))
    total = sum((end - start) * score for spans in wanted.values() for start, end, score in spans)
    if total <= 0:
        return None
    read: dict[int, set[int]] = defaultdict(set)
    held, n_tokens, k = 0.0, 0, 0
    for row in index.nearest(question[-MAX_QUERY_CHARS:], vector, n=most).tolist():
        k += 1
        place, first, last = (int(each) for each in index.windows[row])
        document, starts = index.documents[place], index.documents[place].sentences.starts
        for at in set(range(first, last)) - read[place]:
            n_tokens += estimate_tokens(document.text[starts[at] : starts[at + 1]])
            held += _shared(starts[at], starts[at + 1], wanted.get(document.name, ()))
        read[place].update(range(first, last))
        if held >= HELD_SHARE * total:
            return DenseTopK(k, n_tokens, min(1.0, held / total), reached=True)
    return DenseTopK(k, n_tokens, held / total, reached=False)


def _shared(start: int, end: int, wanted: Sequence[tuple[int, int, float]]) -> float:
    """Return the letters of a stretch that were sent, by score."""
    return sum(max(0, min(end, last) - max(start, first)) * score for first, last, score in wanted)
