"""The gateway's learner in a simulation: what a rating is to it, and what it then expects."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

from typing_extensions import override

from router.choosing.starting import StartingExperience
from router.learning.experience import LearnedExperience
from router.learning.learner import Learner
from router.learning.told import Told
from router.simulation.players import Learned

if TYPE_CHECKING:
    from collections.abc import Sequence

    from router.choosing.choose import Terms
    from router.choosing.values import Experience, Lesson, Offer

MORNING: Final = datetime(2026, 1, 5, tzinfo=UTC)
"""Of the first day; a simulation asks no clock."""
HOUR: Final = timedelta(hours=1)


class Learning(Learned):
    """Chooses as the gateway does and learns as it does: an hour's lessons at a time, each key's word bounded."""

    def __init__(self, offers: Sequence[Offer], *, terms: Terms, prior: Experience | None = None) -> None:
        self._prior = prior or StartingExperience()
        super().__init__(offers, self._prior, terms=terms)
        self._learner = Learner()

    @override
    def learn(self, lessons: Sequence[Lesson], *, hour: int) -> None:
        now = MORNING + hour * HOUR
        self._learner.learn(
            Told(each, ts=now, said=now, prior=self._before(each), speaker=each.question.caller) for each in lessons
        )
        learner = self._learner
        self._experience = LearnedExperience(
            self._prior, learner.version(), learner.heads(), preferences=learner.preferences
        )

    def _before(self, lesson: Lesson) -> float:
        expected = self._prior.expect(lesson.question, self._offers)
        return expected[self._places[lesson.model]].quality
