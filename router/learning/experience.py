"""What is expected of models: a prior, and beside it what was learned from outcomes. An `Experience` of `values.py`."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final

from router.learning.cap import LEAST_DEVIATION, Width
from router.learning.encoding import encoded, topic_of
from router.learning.preferences import Preferences
from router.learning.profiles import Cell

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from router.choosing.values import Expected, Experience, Offer, Question
    from router.learning.heads import Head
    from router.learning.usage import Usages

LEAST, MOST = 0.02, 0.98
"""Nothing is expected to fail always, or never."""


@dataclass(frozen=True, slots=True)
class LearnedExperience:
    """A prior and what was learned, as it stands. It is replaced whole when more was learned."""

    prior: Experience
    learned: str
    """Version of what was learned."""
    heads: Mapping[str, Head] = field(default_factory=dict[str, "Head"])
    cells: Mapping[tuple[str, str, str], Cell] = field(default_factory=dict[tuple[str, str, str], Cell])
    preferences: Preferences = field(default_factory=Preferences)
    usages: Usages | None = None
    width: Width = field(default_factory=Width)
    """Of the draw that it is for: a key's own taste counts the less, the steeper that is."""
    settled: frozenset[str] | None = None
    """Models that were there from the start; each other one is new. `None` where that is not known: then none is."""
    outcomes: Mapping[str, float] | None = None
    """Weight of all outcomes of each new model, where another learner counts them than the one in force: in shadow."""

    @property
    def version(self) -> str:
        """Name the prior and what was learned."""
        counted = "" if not self.outcomes else f".{_digest(self.outcomes)}"
        return f"{self.prior.version}+{self.learned}{counted}"

    def expect(self, question: Question, offers: Sequence[Offer]) -> tuple[Expected, ...]:
        """Return what is expected of each offer, in their order."""
        x, topic = encoded(question), topic_of(question)
        found: list[Expected] = []
        for before, offer in zip(self.prior.expect(question, offers), offers, strict=True):
            head = self.heads.get(offer.model)
            shift, left = (0.0, 1.0) if head is None else head.expect(x, topic)
            widest = max(LEAST_DEVIATION, before.deviation)
            own = self.preferences.offset(question.caller, offer.model, self.width.of(widest * left))
            found.append(
                replace(
                    self.usages.told(question, offer, before) if self.usages is not None else before,
                    quality=min(MOST, max(LEAST, before.quality + shift + own)),
                    deviation=widest * left,
                    n=0.0 if head is None else round(head.n(topic), 3),
                    prior=before.quality,
                    reasons=self._reasons(question, offer, before, own),
                    newcomer=self._outcomes_of_new(offer.model),
                )
            )
        return tuple(found)

    def _outcomes_of_new(self, model: str) -> float | None:
        if self.settled is None or model in self.settled:
            return None
        if self.outcomes is not None:
            return round(self.outcomes.get(model, 0.0), 3)
        head = self.heads.get(model)
        return 0.0 if head is None else round(head.n(), 3)

    def _reasons(self, question: Question, offer: Offer, before: Expected, own: float) -> tuple[str, ...]:
        cell = self.cells.get((offer.model, question.domain, question.language))
        told: list[str] = []
        if cell is not None and cell.mean is not None and cell.n > 0:
            where = "/".join(each or _UNKNOWN for each in (question.language, question.domain))
            told.append(f"{cell.n} ratings in {where}: {cell.mean:.2f}")
        if abs(own) >= _SHOWN:
            told.append(f"this key's own taste: {own:+.2f}")
        if not told and self._outcomes_of_new(offer.model) == 0.0 and offer.description:
            return (f"its description: {offer.description[:MAX_DESCRIPTION_CHARS]}", *before.reasons)
        return tuple(told) or before.reasons


def _digest(outcomes: Mapping[str, float]) -> str:
    told = repr(sorted(outcomes.items())).encode("utf-8", "surrogatepass")
    return hashlib.blake2b(told, digest_size=5).hexdigest()


MAX_DESCRIPTION_CHARS: Final = 160
_UNKNOWN: Final = "any"
_SHOWN: Final = 0.005
