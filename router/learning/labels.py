"""Labelled prompts as lessons: every model's answer was graded, so each of them is credited, and none was drawn.

They come in by the learner's own door, like ratings of somebody who is trusted: one lesson a prompt and model, under an
id of its own, so that the same labels do not count twice and other grades of the same answer replace those before.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from router.choosing.values import Lesson
from router.learning.told import LABEL, Told

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime

    from router.choosing.values import Question
    from router.policy.rows import Prompt

MOST_LESSONS: Final = 2_000
"""Lessons that one set of labels may hold: as many as a version remembers, so that labels can be told from new ones."""


@dataclass(frozen=True, slots=True)
class Labelled:
    """A prompt with its grades, and what is known of it as of a request."""

    id: str
    question: Question
    quality: Mapping[str, float]
    """By model, 0 to 1."""
    prior: Mapping[str, float]
    """By model, what was expected before anything was learned."""


def lessons_of(labelled: Iterable[Labelled], *, now: datetime) -> list[Told]:
    """Return what labelled prompts teach: a lesson for each prompt and model."""
    return [
        Told(
            Lesson(
                f"label-{each.id}-{model}",
                replace(each.question, text="", caller=None),
                model,
                grade,
                source=LABEL,
            ),
            now,
            now,
            prior=each.prior[model],
        )
        for each in labelled
        for model, grade in each.quality.items()
    ]


def id_of(prompt: Prompt) -> str:
    """Return the id under which a labelled prompt is learned, the same wherever its file lies."""
    return hashlib.sha256(prompt.text.encode("utf-8", "surrogatepass")).hexdigest()[:16]


def digest_of(prompts: Sequence[Prompt]) -> str:
    """Return what names a set of labels, whatever the order of its rows."""
    whole = sorted((id_of(each), sorted(each.quality.items())) for each in prompts)
    return hashlib.blake2b(repr(whole).encode("utf-8", "surrogatepass"), digest_size=4).hexdigest()
