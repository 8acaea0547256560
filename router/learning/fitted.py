"""A fitted policy as the prior: what it expects of the models it knows, by the words of the question."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from router.policy.rows import Prompt

if TYPE_CHECKING:
    from collections.abc import Sequence

    from router.choosing.values import Expected, Experience, Offer, Question
    from router.policy.model import Policy


@dataclass(frozen=True, slots=True)
class FittedExperience:
    """An `Experience` over a policy; of models that it does not know another one speaks."""

    policy: Policy
    otherwise: Experience

    @property
    def version(self) -> str:
        """Name policy and rest."""
        return f"{self.otherwise.version}+fitted-{self.policy.manifest.get('version', '')}"

    def expect(self, question: Question, offers: Sequence[Offer]) -> tuple[Expected, ...]:
        """Return what is expected of each offer, in their order. Costs stay those of the catalogue's prices."""
        before = self.otherwise.expect(question, offers)
        places = {model: at for at, model in enumerate(self.policy.models)}
        if not any(offer.model in places for offer in offers):
            return before
        intent = question.intents[0] if question.intents else question.domain or None
        quality, _ = self.policy.predict([Prompt(question.text, intent=intent)])
        earned = quality[0].tolist()
        return tuple(
            replace(
                each, quality=float(earned[places[each.model]]), reasons=("by a policy fitted to labelled prompts",)
            )
            if each.model in places
            else each
            for each in before
        )
