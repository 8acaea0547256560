"""How many passages a question gets, from where, and which of them are worth sending."""

from __future__ import annotations

from collections.abc import Collection

import pytest

from config.settings import RetrievalSettings
from config.types import Intent, Passage
from proxy.lookup import Library, believed, look_up
from retrieval.scoped import Looked, Shelf

SHELF = Shelf.of([("pay.md", "pay " * 50, ("payment",)), ("free.md", "free " * 50, ())])
TIED_ONLY = Shelf.of([("pay.md", "pay " * 50, ("payment",))])


class Search:
    """Finds ten passages, and remembers where it looked."""

    def __init__(self, scope: str = "kept") -> None:
        self.scope = scope
        self.asked: list[tuple[int, Collection[str] | None]] = []

    def look(self, question: str, *, most: int, scope: Collection[str] | None = None) -> Looked:
        """Return `most` of them."""
        del question
        self.asked.append((most, scope))
        found = tuple(Passage("pay.md", "", f"text {n}", n, n, 0, 6, 1.0) for n in range(1, 11))
        return Looked(found[:most], "none" if scope is None else self.scope)


def intent(*labels: str, confidence: float = 1.0, abstained: bool = False) -> Intent:
    """Return what a classifier said."""
    return Intent(labels, confidence, "micro", abstained=abstained)


@pytest.mark.parametrize(
    ("said", "holds", "shown", "sent", "scope"),
    [
        (intent("payment"), False, 4, 4, {"pay.md", "free.md"}),
        (intent("payment", "other"), False, 6, 6, {"pay.md", "free.md"}),
        (intent("payment", confidence=0.6, abstained=True), False, 4, 4, {"pay.md", "free.md"}),
        (intent("payment", confidence=0.4, abstained=True), False, 6, 6, None),
        (intent("other"), False, 4, 0, None),
        (intent("other"), True, 4, 4, None),
        (intent("none", confidence=0.9, abstained=True), True, 6, 6, None),
        (intent("none", confidence=0.9, abstained=True), False, 6, 0, None),
        (intent("none"), True, 2, 2, None),
        (intent("none"), False, 2, 0, None),
        (None, True, 6, 6, None),
        (None, False, 6, 0, None),
    ],
)
def test_what_is_asked_says_how_much_and_where(
    said: Intent | None, holds: bool, shown: int, sent: int, scope: set[str] | None
):
    """Intents with documents are sent without a further look; all else only where an answer stands in them."""
    search = Search()
    found = look_up(Library(search, SHELF, lambda _: holds), "q", intent=said, named={}, settings=RetrievalSettings())

    assert (shown, sent) == (len(found.passages), len(found.placed))
    assert scope == (None if search.asked[0][1] is None else set(search.asked[0][1]))
    assert (found.n_intent_tokens is None) == (scope is None)


@pytest.mark.parametrize(("shelf", "scope"), [(TIED_ONLY, "kept"), (SHELF, "weak")])
def test_none_gets_nothing_of_documents_that_belong_to_an_intent(shelf: Shelf, scope: str):
    """Not where all are tied, nor where those that are not have little to say."""
    library = Library(Search(scope), shelf, lambda _: True)

    assert () == look_up(library, "q", intent=intent("none"), named={}, settings=RetrievalSettings()).placed


def test_passages_stay_within_the_budget():
    """None at all where it is 0."""
    library = Library(Search(), SHELF, lambda _: True)
    settings = RetrievalSettings(token_budget=0)

    assert () == look_up(library, "q", intent=None, named={}, settings=settings).passages


def test_a_guess_below_a_half_is_not_told_as_an_intent():
    """An abstention from there on is."""
    assert () == believed(intent("payment", confidence=0.49, abstained=True)) == believed(None)
    assert ("payment",) == believed(intent("payment", confidence=0.5, abstained=True))
