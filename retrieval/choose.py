"""Which of the found windows are sent: greedily by what each adds, never the same sentence twice.

A window that overlaps what is chosen already is worth the part that is new, and only that part is sent: so small gaps
between chosen windows are filled, and no token is paid twice.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from config.tokens import estimate_tokens

SHARE_POWER = 0.5
"""A window's worth is its score times its new share to this power: 0 fills gaps first, 2 avoids neighbours."""
MIN_NEW_SHARE = 0.05
"""A window with less that is new is passed over."""
MAX_MISFITS = 20
"""After so many windows that did not fit the budget, the rest is not tried."""


class Candidate(NamedTuple):
    """A window that was found: sentences `first` to `last` (exclusive) of a document."""

    document: int
    first: int
    last: int
    score: float


@dataclass(frozen=True, slots=True)
class Chosen:
    """A stretch of a document that is sent, `text[start:end]`."""

    document: int
    start: int
    end: int
    score: float
    """That of the window it is part of."""
    n_tokens: int


@dataclass(frozen=True, slots=True)
class Limits:
    """How much may be sent."""

    most: int
    least: int = 0
    """Up to here, passages are taken whatever their score; beyond it only those of `extra_share` of the best."""
    extra_share: float = 0.0
    token_budget: int | None = None


@dataclass(frozen=True, slots=True)
class Texts:
    """What is looked up while choosing: texts and where their sentences begin, by document, and what tokens cost."""

    text: Callable[[int], str]
    starts: Callable[[int], Sequence[int]]
    count_tokens: Callable[[str], int] = estimate_tokens


Choosing = Callable[[Sequence[Candidate], Texts, Limits], "tuple[Chosen, ...]"]
"""Candidates, where their texts are, and limits, to what is sent."""


def choose(candidates: Sequence[Candidate], texts: Texts, limits: Limits) -> tuple[Chosen, ...]:
    """Return what is sent, best first. Two stretches with the same words, wherever they stand, are sent once."""
    heap = [(-candidate.score, place) for place, candidate in enumerate(candidates) if candidate.score > 0]
    heapq.heapify(heap)
    best = -heap[0][0] if heap else 0.0
    sent: dict[int, set[int]] = {}
    said: set[str] = set()
    chosen: list[Chosen] = []
    left = limits.token_budget
    n_misfits = 0
    while heap and len(chosen) < limits.most and n_misfits < MAX_MISFITS:
        worth, place = heapq.heappop(heap)
        candidate = candidates[place]
        if len(chosen) >= limits.least and candidate.score < limits.extra_share * best:
            continue
        starts = texts.starts(candidate.document)
        mine = sent.setdefault(candidate.document, set())
        first, last, share = _new_part(candidate, starts, mine)
        if share < MIN_NEW_SHARE:
            continue
        now = -candidate.score * share**SHARE_POWER
        if now > worth and heap and now > heap[0][0]:
            heapq.heappush(heap, (now, place))  # worth less than when it was put there: its turn comes later
            continue
        found = _stretch(texts, candidate, starts[first], starts[last])
        words = texts.text(found.document)[found.start : found.end].strip()
        if left is not None and found.n_tokens > left:
            n_misfits += 1
            continue
        mine.update(range(first, last))
        if words in said or not words:
            continue
        said.add(words)
        chosen.append(found)
        left = None if left is None else left - found.n_tokens
    return tuple(chosen)


def _new_part(candidate: Candidate, starts: Sequence[int], sent: set[int]) -> tuple[int, int, float]:
    """Return the longest run of sentences that were not sent, and its share of the window's letters."""
    if not sent:
        return candidate.first, candidate.last, 1.0
    longest, run_from = (candidate.first, candidate.first), candidate.first
    for at in range(candidate.first, candidate.last + 1):
        if at < candidate.last and at not in sent:
            continue
        if starts[at] - starts[run_from] > starts[longest[1]] - starts[longest[0]]:
            longest = (run_from, at)
        run_from = at + 1
    whole = starts[candidate.last] - starts[candidate.first]
    return *longest, (starts[longest[1]] - starts[longest[0]]) / whole


def _stretch(texts: Texts, candidate: Candidate, start: int, end: int) -> Chosen:
    """Return the stretch with the white space after it, so that neighbours touch; who counts, counts its words."""
    words = texts.text(candidate.document)[start:end]
    return Chosen(candidate.document, start, end, candidate.score, texts.count_tokens(words.rstrip()))
