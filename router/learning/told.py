"""A lesson as it comes from the books, with what is needed to learn from it: who spoke, when, and what was known."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Final

from router.learning.encoding import encoded, topic_of

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from router.choosing.values import Lesson
    from router.learning.cap import Subject
    from router.learning.encoding import Vector

LABEL: Final = "label"
"""Source of a lesson that is no word about an answer somebody got, but a grade of one that was asked for to learn."""


SLOT_S: Final = 6 * 3_600
"""Lessons of one key within this time are weighed together."""


@dataclass(frozen=True, slots=True)
class Told:
    """One decision and what became of it."""

    lesson: Lesson
    ts: datetime
    """When the decision was made."""
    said: datetime
    """When the last word about it was said."""
    prior: float
    """Quality that was expected of the model before anything was learned."""
    speaker: str | None = None
    """The key whose word it is; `None` for who is trusted: the owner of a gateway without keys, and admins."""
    odds: float | None = None
    """Probability of the served model under the static policy, over the one with which it was drawn; `None` where
    nothing was drawn or another model served than was drawn."""

    @property
    def explicit(self) -> bool:
        """Whether a person said it."""
        return self.lesson.source != "implicit"

    @property
    def reward(self) -> float:
        """0 to 1, whatever was written."""
        return min(1.0, max(0.0, self.lesson.reward))

    @property
    def usable(self) -> bool:
        """Whether its numbers are numbers, and it weighs anything."""
        lesson = self.lesson
        return all(map(math.isfinite, (lesson.reward, lesson.weight, self.prior))) and lesson.weight > 0

    def vector(self) -> Vector:
        """Return its question as the heads see it, (40,)."""
        return encoded(self.lesson.question)

    def about(self, subject: Subject) -> Told:
        """Return the same as if its question had been about this subject."""
        question = replace(self.lesson.question, **asdict(subject))
        return replace(self, lesson=replace(self.lesson, question=question))

    @property
    def topic(self) -> str:
        """What it was about."""
        return topic_of(self.lesson.question)


def in_order(lessons: Iterable[Told]) -> list[Told]:
    """Return lessons as they were said, those of one key within a slot together, so that they are weighed once.

    Where two speak of one decision the later one's word must stay: then all are in the order of time.
    """
    speakers: dict[str, str | None] = {}
    by_time = sorted(lessons, key=lambda told: told.said)
    if any(speakers.setdefault(each.lesson.decision_id, each.speaker) != each.speaker for each in by_time):
        return by_time
    return sorted(by_time, key=lambda told: (int(told.said.timestamp() // SLOT_S), told.speaker or ""))


def slot_of(told: Told) -> tuple[int, str | None]:
    """Return what a lesson is weighed with: all of a key's within a slot, or all of those who are trusted."""
    return int(told.said.timestamp() // SLOT_S) if told.speaker is not None else 0, told.speaker
