"""An experience that learns where it stands, without books: for simulations, and for who embeds the library."""

from __future__ import annotations

from typing import TYPE_CHECKING

from router.learning.experience import LearnedExperience
from router.learning.learner import Learner
from router.learning.told import Told

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from router.choosing.values import Expected, Experience, Lesson, Offer, Question


class OnlineExperience:
    """An `Experience` with the gateway's own learner beneath. `offers` are those that are chosen among."""

    def __init__(self, prior: Experience, offers: Sequence[Offer], *, learner: Learner | None = None) -> None:
        self._prior, self._offers = prior, tuple(offers)
        self.learner = learner or Learner()
        self._now = self._seen()

    @property
    def version(self) -> str:
        """Name what was learned."""
        return self._now.version

    def expect(self, question: Question, offers: Sequence[Offer]) -> tuple[Expected, ...]:
        """Return what is expected of each offer, in their order."""
        return self._now.expect(question, offers)

    def learn(self, lessons: Sequence[Lesson], *, at: datetime, speaker: str | None = None) -> int:
        """Learn from lessons of a moment, and return how many were new; `speaker` is capped, `None` is trusted."""
        told: list[Told] = []
        for lesson in lessons:
            before = self._prior.expect(lesson.question, self._offers)
            prior = next((each.quality for each in before if each.model == lesson.model), None)
            if prior is not None:
                told.append(Told(lesson, at, at, prior, speaker))
        n = self.learner.learn(told)
        if n:
            self._now = self._seen()
        return n

    def _seen(self) -> LearnedExperience:
        learner = self.learner
        return LearnedExperience(
            self._prior,
            learner.version(),
            learner.heads(),
            learner.profiles.cells,
            learner.preferences,
            width=learner.width,
            settled=learner.settled,
        )
