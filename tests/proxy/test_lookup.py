"""How many passages a question gets, from where, and which of them are worth sending."""

from __future__ import annotations

from dataclasses import replace

import pytest

from config.settings import RetrievalSettings
from config.types import Intent, Mention, Passage
from proxy.lookup import Library, believed, look_up
from retrieval.scoped import Lifted, Looked, Shelf, Wanted

SHELF = Shelf.of([("pay.md", "pay " * 50, ("payment",)), ("free.md", "free " * 50, ())])
TIED_ONLY = Shelf.of([("pay.md", "pay " * 50, ("payment",))])


class Search:
    """Finds ten passages, and remembers where it looked."""

    def __init__(self, scope: str = "kept") -> None:
        self.scope = scope
        self.asked: list[Wanted] = []

    def look(self, question: str, wanted: Wanted) -> Looked:
        """Return as many of them as wanted."""
        del question
        self.asked.append(wanted)
        found = tuple(Passage("pay.md", "", f"text {n}", n, n, 10 * n, 10 * n + 6, 1.0) for n in range(1, 11))
        return Looked(found[: wanted.most], "none" if wanted.scope is None else self.scope)


def intent(*labels: str, confidence: float = 1.0, abstained: bool = False) -> Intent:
    """Return what a classifier said."""
    return Intent(labels, confidence, "micro", abstained=abstained)


@pytest.mark.parametrize(
    ("said", "holds", "shown", "sent", "scope"),
    [
        (intent("payment"), False, 4, 4, {"pay.md", "free.md"}),
        (intent("payment", "other"), False, 6, 6, {"pay.md", "free.md"}),
        (intent("payment", confidence=0.6, abstained=True), False, 6, 6, {"pay.md", "free.md"}),
        (intent("payment", confidence=0.4, abstained=True), False, 6, 6, None),
        (intent("other"), False, 4, 0, None),
        (intent("other"), True, 4, 4, None),
        (intent("none", confidence=0.9, abstained=True), True, 6, 6, None),
        (intent("none", confidence=0.9, abstained=True), False, 6, 0, None),
        (intent("none"), True, 2, 2, None),
        (Intent(("none",), 0.9, "micro", probabilities={"none": 0.7}), False, 6, 0, None),
        (Intent(("none",), 0.9, "micro", probabilities={"none": 0.7, "payment": 0.2}), False, 6, 6, None),
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
    assert scope == (None if search.asked[0].scope is None else set(search.asked[0].scope))
    assert (found.n_intent_tokens is None) == (scope is None)


@pytest.mark.parametrize(
    ("said", "lean"),
    [
        (intent("payment", confidence=0.9), {"pay.md": 0.9, "free.md": 0.9}),
        (intent("payment", confidence=0.3, abstained=True), {"pay.md": 0.3, "free.md": 0.3}),
        (
            Intent(("none",), 0.6, "micro", abstained=True, probabilities={"none": 0.6, "payment": 0.2, "other": 0.3}),
            {"pay.md": 0.2, "free.md": 0.2},
        ),
        (intent("payment", confidence=0.01, abstained=True), None),
        (intent("other"), None),
        (intent("none"), None),
        (None, None),
    ],
)
def test_a_search_leans_towards_what_is_probably_asked(said: Intent | None, lean: dict[str, float] | None):
    """By the probability of each intent, were it only a guess; what is tied to none counts as the likeliest."""
    search = Search()
    look_up(Library(search, SHELF, lambda _: True), "q", intent=said, named={}, settings=RetrievalSettings())

    assert lean == search.asked[0].lean


@pytest.mark.parametrize(("shelf", "scope"), [(TIED_ONLY, "kept"), (SHELF, "weak")])
def test_none_gets_nothing_of_documents_that_belong_to_an_intent(shelf: Shelf, scope: str):
    """Not where all are tied, nor where those that are not have little to say."""
    library = Library(Search(scope), shelf, lambda _: True)

    assert () == look_up(library, "q", intent=intent("none"), named={}, settings=RetrievalSettings()).placed


@pytest.mark.parametrize(("lift", "sent"), [(0.1, 2), (0.0, 0)])
def test_none_is_not_believed_of_a_question_that_names_a_code_of_the_library(lift: float, sent: int):
    """Where few passages hold it: no classifier knows the codes of documents."""

    class Naming(Search):
        def look(self, question: str, wanted: Wanted) -> Looked:
            assert wanted.naming is not None
            lifted = tuple(Lifted(each, 1, lift) for each in wanted.naming.mentions)
            return replace(super().look(question, wanted), lifted=lifted)

    library = Library(Naming(), TIED_ONLY, lambda _: False)
    found = look_up(library, "what is PAY-3008", intent=intent("none"), named={}, settings=RetrievalSettings())

    assert sent == len(found.placed)
    assert ["PAY-3008"] == [each.mention.text for each in found.lifted]


def test_a_code_that_the_tagger_found_is_named_once():
    """With what it said of it; and none at all where names are not to count."""
    search, said = Search(), Mention("PAY-3008", "identifier", 0.9)
    library = Library(search, TIED_ONLY, lambda _: False)
    for boost in (0.1, 0.0):
        settings = RetrievalSettings(entity_boost=boost)
        look_up(library, "PAY-3008?", intent=None, named={}, settings=settings, mentions=(said,))

    assert [None if each.naming is None else each.naming.mentions for each in search.asked] == [(said,), None]


def test_passages_stay_within_the_budget():
    """None at all where it is 0."""
    library = Library(Search(), SHELF, lambda _: True)
    settings = RetrievalSettings(token_budget=0)

    assert () == look_up(library, "q", intent=None, named={}, settings=settings).passages


def test_a_guess_below_a_half_is_not_told_as_an_intent():
    """An abstention from there on is."""
    assert () == believed(intent("payment", confidence=0.49, abstained=True)) == believed(None)
    assert ("payment",) == believed(intent("payment", confidence=0.5, abstained=True))
