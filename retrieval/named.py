"""A small lift for windows that hold what the question names: an entity's form, where that is rare enough to tell.

A window holds a form where it has all its words, and of Han characters all their pairs; so width, case, endings and
Chinese script are folded as in the index. What came of each form is told, for the trace.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from config.types import Citation
from retrieval.scoped import Lifted
from retrieval.terms import HAN_MARK, terms

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from config.types import Mention, Passage
    from retrieval.lexical import WordLeg
    from retrieval.scoped import Naming

MAX_MENTIONS: Final = 8
"""Of a longer list the surest are taken."""
MAX_FORM_CHARS: Final = 64
"""A longer form is no name."""
COMMON_SHARE: Final = 0.05
"""A form that stands in a larger share of the windows tells nothing apart, and lifts none; one window always may."""

_NO_ROWS: Final = np.zeros(0, dtype=np.int64)


@dataclass(frozen=True, slots=True)
class _Held:
    """What one mention does to the windows that came near."""

    mention: Mention
    n_windows: int
    lift: float
    rows: NDArray[np.int64]
    """Those of them that it lifts."""


@dataclass(frozen=True, slots=True)
class Lift:
    """What all mentions of a question do to the windows that came near."""

    factors: NDArray[np.float32]
    """What the score of each is multiplied with, `(n_rows,)`: 1 for the most lifted."""
    held: tuple[_Held, ...]

    def told(self, passages: Sequence[Passage], place_of: Callable[[int], tuple[str, int, int]]) -> tuple[Lifted, ...]:
        """Return what came of each mention; `place_of` gives document, start and end of a window."""
        found: list[Lifted] = []
        for each in self.held:
            places = [place_of(row) for row in each.rows.tolist()]
            mine = tuple(
                Citation(at.doc, at.start_line, at.end_line)
                for at in passages
                if any(doc == at.doc and start < at.end and at.start < end for doc, start, end in places)
            )
            found.append(Lifted(each.mention, each.n_windows, each.lift, mine))
        return tuple(found)


def lift_of(naming: Naming, words: WordLeg, rows: NDArray[np.int64]) -> Lift:
    """Return what the mentions do to the windows `rows`: at most `naming.boost` for all of them together."""
    shares = np.zeros(len(rows), dtype=np.float32)
    held: list[_Held] = []
    surest = sorted(naming.mentions, key=lambda each: -each.confidence)[:MAX_MENTIONS]
    for mention in surest:
        holds = _holding(mention.text, words)
        n_all, n_holding = len(holds), int(np.count_nonzero(holds))
        if not n_holding or n_holding > max(1, COMMON_SHARE * n_all):
            held.append(_Held(mention, n_holding, 0.0, _NO_ROWS))
            continue
        share = mention.confidence * _rarity(n_holding, n_all)
        lifted = holds[rows]
        shares += share * lifted
        held.append(_Held(mention, n_holding, naming.boost * share, rows[lifted]))
    factors = 1 + np.float32(naming.boost) * np.minimum(shares, 1)
    return Lift(factors / factors.max(initial=1), tuple(held))


def _holding(form: str, words: WordLeg) -> NDArray[np.bool_]:
    """Return for each window whether it holds all words of a form; none holds one without any."""
    n = len(words.headings_of)
    wanted = {words.vocabulary.get(term, -1) for term in _terms(form)}
    if not wanted or -1 in wanted:
        return np.zeros(n, dtype=bool)
    counts = np.zeros(n, dtype=np.uint8)
    for term in wanted:
        counts[words.windows.rows[words.windows.bounds[term] : words.windows.bounds[term + 1]]] += 1
    return counts == len(wanted)


def _terms(form: str) -> list[str]:
    """Return the terms that say a form: no single character, whose pairs say more, and nothing of a long text."""
    return [] if len(form) > MAX_FORM_CHARS else [term for term in terms(form) if not term.startswith(HAN_MARK)]


def _rarity(n_holding: int, n_all: int) -> float:
    """Return the idf of a form as a share of the idf of one that a single window holds."""
    return _idf(n_holding, n_all) / _idf(1, n_all)


def _idf(n_holding: int, n_all: int) -> float:
    return math.log(1 + (n_all - n_holding + 0.5) / (n_holding + 0.5))
