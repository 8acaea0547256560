"""Who chooses in a simulation: the real choice and the real learner through their public functions, and plain ones."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Protocol

from router.choosing.choose import Terms, choose
from router.choosing.values import Lesson

if TYPE_CHECKING:
    from collections.abc import Sequence

    from router.choosing.values import Experience, Offer, Question


class Player(Protocol):
    """Chooses a model for each question, and may learn from what comes of it."""

    def choose(self, question: Question, *, seed: int) -> tuple[int, float]:
        """Return the place of the chosen model among the offers, and with which probability it was drawn."""
        ...

    def best(self, question: Question) -> int:
        """Return the place of the model that would be chosen without exploring."""
        ...

    def learn(self, lessons: Sequence[Lesson]) -> None:
        """Take what came of some choices."""
        ...


class Learned:
    """The gateway's own choice: `router/choosing` over an experience, which learns or, frozen, does not."""

    def __init__(self, offers: Sequence[Offer], experience: Experience, *, terms: Terms) -> None:
        self._offers = tuple(offers)
        self._places = {each.model: at for at, each in enumerate(self._offers)}
        self._experience = experience
        self._terms = terms

    def choose(self, question: Question, *, seed: int) -> tuple[int, float]:
        """Choose as the server does."""
        first = choose(question, self._offers, self._experience, seed=seed, terms=self._terms).ranked[0]
        return self._places[first.model], first.probability

    def best(self, question: Question) -> int:
        """Choose without exploring."""
        found = choose(question, self._offers, self._experience, seed=0, terms=self._terms, explores=False)
        return self._places[found.ranked[0].model]

    def learn(self, lessons: Sequence[Lesson]) -> None:
        """Learn nothing: what was known at the start is all that is known."""


class Always:
    """Takes one model whatever is asked."""

    def __init__(self, place: int) -> None:
        self._place = place

    def choose(self, question: Question, *, seed: int) -> tuple[int, float]:
        """Take it."""
        del question, seed
        return self._place, 1.0

    def best(self, question: Question) -> int:
        """Take it."""
        del question
        return self._place

    def learn(self, lessons: Sequence[Lesson]) -> None:
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
