"""The route cache answers a question asked again, and no other; it stays within its bounds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from router.choosing.choose import Terms
from router.choosing.scoring import Taste
from router.choosing.standings import Standings
from router.choosing.starting import StartingExperience
from router.choosing.values import Expected, Offer, Question
from tests.router.balancing import Clock

QUESTION = Question("Why?", n_tokens=50, caller="sk-1")
OFFERS = (Offer("a"), Offer("b"))


class Counting:
    """An experience that counts how often it is asked."""

    def __init__(self) -> None:
        self.n = 0
        self.version = "v1"

    def expect(self, question: Question, offers: Sequence[Offer]) -> tuple[Expected, ...]:
        self.n += 1
        return StartingExperience().expect(question, offers)


def kept(**bounds: int) -> tuple[Standings, Counting, Clock]:
    clock = Clock()
    return Standings(clock=clock, **({"max_entries": 10} | bounds)), Counting(), clock  # type: ignore[arg-type]


def test_a_question_asked_again_is_not_computed_again() -> None:
    """Within a minute the same standing comes back; after it, a new one."""
    standings, experience, clock = kept()
    first = standings.of(QUESTION, OFFERS, experience, terms=Terms())
    assert standings.of(QUESTION, OFFERS, experience, terms=Terms()) is first
    clock.now += 60

    again = standings.of(QUESTION, OFFERS, experience, terms=Terms())

    assert again == first
    assert (experience.n, len(standings), standings.n_hits) == (2, 1, 1)


@pytest.mark.parametrize("changed", ["text", "caller", "complexity", "offers", "dial", "version", "warm", "method"])
def test_whatever_matters_makes_another_entry(changed: str) -> None:
    """The key holds policy version, caller, eligible offers, dial and the whole question."""
    standings, experience, _ = kept()
    standings.of(QUESTION, OFFERS, experience, terms=Terms())
    question, offers, terms, warm = QUESTION, OFFERS, Terms(), None
    match changed:
        case "offers":
            offers = OFFERS[:1]
        case "dial":
            terms = Terms(Taste(0.7))
        case "method":
            terms = Terms(method="softmax")
        case "version":
            experience.version = "v2"
        case "warm":
            warm = "a"
        case _:
            question = replace(QUESTION, **{changed: 9 if changed == "complexity" else "other"})

    standings.of(question, offers, experience, terms=terms, warm=warm)

    assert experience.n == 2


def test_entries_and_bytes_are_bounded() -> None:
    """The one that was asked longest ago goes; nothing is left where nothing may be kept."""
    standings, experience, _ = kept(max_entries=3)
    small, _, _ = kept(max_bytes=9_000)
    for n in range(5):
        standings.of(replace(QUESTION, n_tokens=n), OFFERS, experience, terms=Terms())
        small.of(replace(QUESTION, n_tokens=n), OFFERS, experience, terms=Terms())

    assert (len(standings), len(small)) == (3, 2)
    assert small.n_bytes <= 9_000
    standings.adopt(0)
    assert (len(standings), standings.n_bytes) == (0, 0)


def test_with_no_entries_nothing_is_kept() -> None:
    """Each question is computed anew."""
    standings, experience, _ = kept(max_entries=0)

    for _ in range(2):
        standings.of(QUESTION, OFFERS, experience, terms=Terms())

    assert (experience.n, len(standings)) == (2, 0)


def test_a_text_that_is_no_text_is_hashed_all_the_same() -> None:
    """Lone surrogates come from broken clients."""
    standings, experience, _ = kept()

    standings.of(replace(QUESTION, text="\ud800"), OFFERS, experience, terms=Terms())

    assert len(standings) == 1
