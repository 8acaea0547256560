"""Rates answers in the terminal: a person sees them without names, in drawn order, and gives each one to five stars."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Final

from proxy.cli.policy_label_words import sentence
from proxy.cli.printing import note, say
from router.labels.grading import blind_order, spread_grades

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from proxy.cli.languages import Told
    from router.labels.answering import AnswerBook
    from router.labels.prompts import Wanted
    from router.labels.rows import LabelBook

QUIT, SKIP = "q", "s"
STARS: Final = ("1", "2", "3", "4", "5")


def rate(
    prompts: Sequence[Wanted],
    models: Sequence[str],
    *,
    answers: AnswerBook,
    labels: LabelBook,
    seed: int,
    language: Told = "en",
    read: Callable[[], str] | None = None,
) -> int:
    """Let a person rate what is not rated yet, and return how many prompts they did; each is kept at once.

    `read` gives a line of what they say, empty at the end; the terminal's without it. Raises `OSError`.
    """
    line: Callable[[], str] = sys.stdin.readline if read is None else read
    waiting = [
        (each, found)
        for each in prompts
        if not labels.has(each, models) and (found := answers.all_of(each, models)) is not None
    ]
    n = 0
    for at, (wanted, found) in enumerate(waiting, 1):
        order = blind_order({name: each.text for name, each in found.items()}, prompt_id=wanted.id, seed=seed)
        say(sentence(language, "prompt", at=at, n=len(waiting), text=_shown(wanted.text)))
        stars = _rated(tuple(order), line, language)
        if stars is None:
            break
        if len(stars) == len(order):
            grades = [(each - 1) / 4 for each in stars]
            labels.put(wanted, spread_grades(grades, order, models), found, graded_by="rating")
            n += 1
    return n


def _rated(texts: Sequence[str], read: Callable[[], str], language: Told) -> list[int] | None:
    """Return the stars of each answer, fewer where the prompt was skipped, `None` at the end."""
    stars: list[int] = []
    for number, text in enumerate(texts, 1):
        say(sentence(language, "answer", at=number, n=len(texts), text=_shown(text)))
        while True:
            note(sentence(language, "stars", skip=SKIP, quit=QUIT))
            line = read()
            said = line.strip().lower()
            if not line or said == QUIT:
                return None
            if said == SKIP:
                return []
            if said in STARS:
                stars.append(int(said))
                break
            note(sentence(language, "no_stars", said=said[:20]))
    return stars


def _shown(text: str) -> str:
    """Return a text that cannot steer the terminal: control characters are dropped, line breaks and tabs stay."""
    return "".join(each for each in text if each.isprintable() or each in "\n\t")
