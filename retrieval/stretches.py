"""Which of the found windows are sent as few, long passages: those that touch are joined, small gaps are filled.

`choose.py` takes windows one by one. Here a passage is a stretch that windows grow into, so a token budget is filled
with text, not with the headers of many small passages; and a document that is small enough comes whole.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from retrieval.choose import Chosen

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from retrieval.choose import Candidate, Limits, Texts

HEADER_TOKENS: Final = 20
"""About what a passage's place and headings cost."""
MAX_GAP_TOKENS: Final = 300
"""A window that lies further from what is chosen does not join it."""
MAX_PASSES: Final = 4
"""How often all windows are tried: what one of them adds may be what the next one joins."""
LEAST_LEFT: Final = 10
"""With fewer tokens left, nothing more is tried."""


def choose_stretches(candidates: Iterable[Candidate], texts: Texts, limits: Limits) -> tuple[Chosen, ...]:
    """Return pieces of text, best first, that join into at most `limits.most` stretches; what they cost is estimated.

    A piece that touches one before it belongs to the same stretch. Beyond `limits.least` a new stretch begins only with
    a window of `limits.extra_share` of the best score.
    """
    ranked = sorted((each for each in candidates if each.score > 0), key=lambda each: -each.score)
    if not ranked:
        return ()
    growing = _Stretches(texts, limits, best=ranked[0].score)
    for _ in range(MAX_PASSES):
        n_before = len(growing.pieces)
        for window in ranked:
            if growing.left < LEAST_LEFT:
                break
            growing.take(window)
        if len(growing.pieces) == n_before:
            break
    return tuple(growing.pieces)


@dataclass(slots=True)
class _Stretches:
    """What is chosen so far."""

    texts: Texts
    limits: Limits
    best: float
    left: float = field(init=False)
    pieces: list[Chosen] = field(default_factory=list[Chosen])
    n_stretches: int = 0
    _sent: dict[int, set[int]] = field(default_factory=dict[int, "set[int]"])
    _costs: dict[tuple[int, int], int] = field(default_factory=dict["tuple[int, int]", int])

    def __post_init__(self) -> None:
        budget = self.limits.token_budget
        self.left = float("inf") if budget is None else budget

    def take(self, window: Candidate) -> None:
        """Add what is new of a window and the gap to what it joins, where it fits."""
        mine = self._sent.get(window.document, set())
        new = set(range(window.first, window.last)) - mine
        if not new:
            return
        extra = 0
        if mine.isdisjoint(range(window.first - 1, window.last + 1)):
            if self._may_begin(window):
                extra = HEADER_TOKENS
            elif not mine or self._cost(window.document, gap := _between(window, mine)) > MAX_GAP_TOKENS:
                return
            else:
                new.update(gap)
        if self._cost(window.document, new) + extra <= self.left:
            self.left -= extra
            self._add(window, new)

    def _may_begin(self, window: Candidate) -> bool:
        """Return whether a window may begin a stretch of its own."""
        if self.n_stretches >= self.limits.most:
            return False
        return self.n_stretches < self.limits.least or window.score >= self.limits.extra_share * self.best

    def _add(self, window: Candidate, new: set[int]) -> None:
        """Add sentences, a piece for each run of them."""
        mine = self._sent.setdefault(window.document, set())
        starts = self.texts.starts(window.document)
        for run in _runs(sorted(new)):
            n_tokens = self._cost(window.document, run)
            self.pieces.append(Chosen(window.document, starts[run[0]], starts[run[-1] + 1], window.score, n_tokens))
            self.left -= n_tokens
        n_before = _n_runs(mine)
        mine |= new
        self.n_stretches += _n_runs(mine) - n_before

    def _cost(self, document: int, sentences: Iterable[int]) -> int:
        """Return about what the sentences cost; each is counted once a question."""
        starts, text = self.texts.starts(document), self.texts.text(document)
        total = 0
        for at in sentences:
            known = self._costs.get((document, at))
            if known is None:
                known = self._costs[document, at] = self.texts.count_tokens(text[starts[at] : starts[at + 1]])
            total += known
        return total


def _between(window: Candidate, mine: set[int]) -> range:
    """Return the sentences between a window and the nearest that are chosen."""
    before = max((at for at in mine if at < window.first), default=None)
    after = min((at for at in mine if at >= window.last), default=None)
    if before is None or (after is not None and after - window.last < window.first - before - 1):
        return range(window.last, window.last if after is None else after)
    return range(before + 1, window.first)


def _runs(sentences: Sequence[int]) -> list[list[int]]:
    """Return ascending sentences as runs without a gap."""
    runs: list[list[int]] = []
    for at in sentences:
        if runs and at == runs[-1][-1] + 1:
            runs[-1].append(at)
        else:
            runs.append([at])
    return runs


def _n_runs(sentences: set[int]) -> int:
    return sum(at - 1 not in sentences for at in sentences)
