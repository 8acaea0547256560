"""What a judge is shown, and what came of asking it. Nothing here does anything."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping

    from router.choosing.values import Expected, Offer, Question
    from router.similar.values import Record

Fault = Literal["empty", "no_json", "no_name", "not_eligible", "ambiguous"]
"""Why an answer is refused; each is described in `docs/judge.md`."""
MAX_CANDIDATES = 12
"""Most models that a judge is shown: those with the highest scores. More do not fit a small window with the query."""


@dataclass(frozen=True, slots=True)
class Case:
    """A question, and the models that may answer it with what is known of them."""

    question: Question
    offers: tuple[Offer, ...]
    expected: Mapping[str, Expected] = field(default_factory=dict[str, "Expected"])
    """By model; one without is shown without a record."""
    similar: Mapping[str, Record] = field(default_factory=dict[str, "Record"])
    """By model: how its answers to the questions most like this one were received."""

    @property
    def models(self) -> tuple[str, ...]:
        """The names that may be answered."""
        return tuple(each.model for each in self.offers)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a judge said, read."""

    model: str
    """One of the models that it was shown, by its own name."""
    confidence: float | None = None
    """0 to 1; `None` where it said none that is a number in range."""
    reasoning: str = ""
    """On one line, cut. It may quote the user."""


@dataclass(frozen=True, slots=True)
class Unread:
    """An answer that names no model that may be chosen."""

    fault: Fault
