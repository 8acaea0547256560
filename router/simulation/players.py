"""Who chooses in a simulation: the real choice and the real learner through their public functions, and plain ones."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol

from router.choosing.choose import Terms, choose
from router.choosing.values import Lesson

if TYPE_CHECKING:
    from collections.abc import Sequence

    from router.choosing.values import Experience, Offer, Question


@dataclass(frozen=True, slots=True)
class Picked:
    """A choice; models by their places among the offers."""

    place: int
    """Who serves."""
    probability: float
    """With which it was drawn."""
    favourite: int
    """Who would serve if nothing was explored."""


class Player(Protocol):
    """Chooses a model for each question, and may learn from what comes of it."""

    def choose(self, question: Question, *, seed: int) -> Picked:
        """Return who serves."""
        ...

    def learn(self, lessons: Sequence[Lesson], *, hour: int) -> None:
        """Take what was said of some answers by the end of an hour, counted from the first day's first."""
        ...


class Learned:
    """The gateway's own choice: `router/choosing` over an experience, which learns or, frozen, does not."""

    def __init__(self, offers: Sequence[Offer], experience: Experience, *, terms: Terms) -> None:
        self._offers = tuple(offers)
        self._places = {each.model: at for at, each in enumerate(self._offers)}
        self._experience = experience
        self._terms = terms

    def choose(self, question: Question, *, seed: int) -> Picked:
        """Choose as the server does."""
        ranked = choose(question, self._offers, self._experience, seed=seed, terms=self._terms).ranked
        favourite = max(ranked, key=lambda each: each.score).model
        return Picked(self._places[ranked[0].model], ranked[0].probability, self._places[favourite])

    def learn(self, lessons: Sequence[Lesson], *, hour: int) -> None:
        """Learn nothing: what was known at the start is all that is known."""


class Always:
    """Takes one model whatever is asked."""

    def __init__(self, place: int) -> None:
        self._place = place

    def choose(self, question: Question, *, seed: int) -> Picked:
        """Take it."""
        del question, seed
        return Picked(self._place, 1.0, self._place)

    def learn(self, lessons: Sequence[Lesson], *, hour: int) -> None:
        """Learn nothing."""


def lesson_of(decision_id: str, question: Question, model: str, stars: int, probability: float) -> Lesson:
    """Return what a rating of 1 to 5 teaches; like the books, it keeps no text."""
    return Lesson(
        decision_id=decision_id,
        question=replace(question, text=""),
        model=model,
        reward=(stars - 1) / 4,
        probability=probability,
    )
