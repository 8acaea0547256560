"""A learned version as a candidate: the same code that chooses in the gateway, asked again about recorded questions."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np

from router.choosing.choose import Terms, standing
from router.offpolicy.candidates import Wanted, bound

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from router.choosing.values import Experience, Offer
    from router.offpolicy.logged import Log


@dataclass(frozen=True, slots=True)
class LearnedPolicy:
    """What an experience would have drawn with. Questions of one kind, caller and dial are asked once."""

    name: str
    experience: Experience
    offers: Sequence[Offer]
    """What the catalogue says of models now."""
    terms: Terms = field(default_factory=Terms)
    dials: Mapping[str, float] = field(default_factory=dict[str, float])
    """By decision, where it was logged; else that of `terms`."""
    texts: Mapping[str, str] = field(default_factory=dict[str, str])
    """By decision, where the books keep any of it: a fitted prior reads the words. Without it, none are read."""

    def wanted(self, log: Log) -> Wanted:
        """Return the probabilities among the offers that were eligible."""
        offers = {each.model: each for each in self.offers}
        place = {model: at for at, model in enumerate(log.models)}
        wishes = np.zeros(log.probabilities.shape)
        seen: dict[object, tuple[tuple[str, ...], tuple[float, ...]]] = {}
        for at, stored in enumerate(log.questions):
            text = self.texts.get(log.ids[at])
            question = stored if text is None else replace(stored, text=text)
            eligible = tuple(model for model in log.models if log.eligible[at, place[model]] and model in offers)
            if not eligible:
                continue
            terms = self._terms(log.ids[at])
            key = (question, eligible, terms)
            if key not in seen:
                stood = standing(question, [offers[each] for each in eligible], self.experience, terms=terms, warm=None)
                seen[key] = (eligible, stood.probabilities)
            for model, share in zip(*seen[key], strict=True):
                wishes[at, place[model]] = share
        return bound(log, wishes, unknown=())

    def _terms(self, decision: str) -> Terms:
        dial = self.dials.get(decision)
        return self.terms if dial is None else replace(self.terms, taste=replace(self.terms.taste, dial=dial))
