"""What the outcomes of one decision come to: a reward, how much it weighs, and whose word it is. Pure.

What a person said stands before every sign; an admin's word stands before the user's of the same kind.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

USER, ADMIN, IMPLICIT = "user", "admin", "implicit"
CORRECTED: Final = "corrected_model"
SPOKEN: Final = frozenset({"rating", "thumbs", CORRECTED})


@dataclass(frozen=True, slots=True)
class Sign:
    """An implicit outcome: what it is taken for, and how much that weighs beside a person's word."""

    score: float
    weight: float


ASKED_AGAIN, DISSATISFIED, WENT_ON = "asked_again", "dissatisfied", "went_on"
ABANDONED, FAILED, TRUNCATED = "abandoned", "failed", "truncated"
SIGNS: Final[Mapping[str, Sign]] = {
    ASKED_AGAIN: Sign(0.1, 0.25),
    DISSATISFIED: Sign(0.1, 0.25),
    WENT_ON: Sign(0.75, 0.1),
    ABANDONED: Sign(0.3, 0.1),
    FAILED: Sign(0.0, 0.25),
    TRUNCATED: Sign(0.3, 0.1),
}
"""By the source under which each is written. None of them weighs more than a quarter of a rating; docs/learning.md
says how each is seen."""


@dataclass(frozen=True, slots=True)
class Word:
    """One outcome as the books have it."""

    source: str
    kind: str
    score: float | None
    comment: str | None
    ts: datetime


@dataclass(frozen=True, slots=True)
class Verdict:
    """All outcomes of a decision together."""

    reward: float
    """0 to 1."""
    weight: float
    source: str
    """`user`, `admin` or `implicit`."""
    said: datetime
    """When the last word was said."""


def verdict_of(words: Iterable[Word], *, served: str) -> Verdict | None:
    """Return what was made of the answer of the model that served, `None` where nobody said anything of it.

    A person's rating, thumb and corrected model count alike, their mean is the reward; a corrected model is 1 where it
    is the one that served, else 0. Signs count only where no person spoke, each by its weight.
    """
    known = sorted(words, key=lambda word: (word.ts, word.source))
    if not known:
        return None
    said = known[-1].ts
    spoken: dict[str, tuple[float, bool]] = {}
    for word in known:
        score = _spoken(word, served)
        is_admin = word.source == ADMIN
        if score is not None and (is_admin or not spoken.get(word.kind, (0.0, False))[1]):
            spoken[word.kind] = (score, is_admin)
    if spoken:
        source = ADMIN if any(is_admin for _, is_admin in spoken.values()) else USER
        return Verdict(sum(score for score, _ in spoken.values()) / len(spoken), 1.0, source, said)
    signs = [SIGNS[word.source] for word in known if word.kind == IMPLICIT and word.source in SIGNS]
    if not signs:
        return None
    total = sum(sign.weight for sign in signs)
    reward = sum(sign.weight * sign.score for sign in signs) / total
    return Verdict(reward, max(sign.weight for sign in signs), IMPLICIT, said)


def _spoken(word: Word, served: str) -> float | None:
    """Return what a person's word is worth, `None` where it is none or no number."""
    if word.kind not in SPOKEN or word.source not in {USER, ADMIN}:
        return None
    if word.kind == CORRECTED:
        return None if not word.comment else float(word.comment == served)
    if word.score is None or not math.isfinite(word.score):
        return None
    return min(1.0, max(0.0, word.score))
