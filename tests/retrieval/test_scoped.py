"""Looking where the intents point first, and how large a library is."""

from __future__ import annotations

import pytest

from config.tokens import estimate_tokens
from config.types import Passage
from retrieval.scoped import LexicalScopedSearch, Looked, Shelf, Wanted

NAMED = {"payment": ("Server_Payment.md",), "none": ()}
SHELF = Shelf.of([
    ("en/Server_Payment.md", "pay " * 10, ()),
    ("zh/Server_Payment.md", "付款 " * 10, ()),
    ("en/orders.md", "order " * 5, ("orders",)),
    ("free.md", "free", ()),
])  # fmt: skip


class Ranking:
    """A search that found these scores, best first, in the documents `a`, `b`, ..."""

    def __init__(self, *scores: float, docs: str = "abcdef") -> None:
        self.found = tuple(Passage(doc, "", doc, 1, 1, 0, 1, score) for doc, score in zip(docs, scores, strict=False))

    def search(self, query: str, *, top_k: int) -> tuple[Passage, ...]:
        """Return what was found."""
        del query
        return self.found[:top_k]


@pytest.mark.parametrize(
    ("scores", "scope", "expected", "how"),
    [
        ((8, 4, 2), None, ["a", "b"], "none"),
        ((8, 4, 2), {"b", "c"}, ["b", "c"], "kept"),
        ((8, 3, 2), {"b", "c"}, ["a", "b"], "weak"),
        ((8, 3), {"nowhere"}, ["a", "b"], "weak"),
        ((), {"a"}, [], "weak"),
        ((0.0,), None, [], "none"),
    ],
)
def test_a_scope_is_kept_unless_it_is_weak(scores: tuple[float, ...], scope: set[str] | None, expected: list[str], how):
    """At half of the library's best it is kept; below, all is searched. Scores are shares of the best."""
    looked = LexicalScopedSearch(Ranking(*scores)).look("q", Wanted(2, scope=scope))

    assert (expected, how) == ([each.doc for each in looked.passages], looked.scope)
    assert all(0 < each.score <= 1 for each in looked.passages)


def test_nothing_found_is_nothing():
    """The empty answer is the default one."""
    assert Looked() == LexicalScopedSearch(Ranking()).look("q", Wanted(3))


def test_documents_serve_an_intent_by_their_word_or_the_catalogues():
    """What neither ties serves all."""
    assert {"en/Server_Payment.md", "zh/Server_Payment.md"} == SHELF.serving(["payment"], NAMED)
    assert {"en/orders.md"} == SHELF.serving(["orders"], NAMED)
    assert set() == SHELF.serving(["none"], NAMED)
    assert {"free.md"} == SHELF.untied(NAMED)


def test_twins_are_counted_once_in_the_questions_language():
    """Nobody would send both."""
    chinese = estimate_tokens("付款 " * 10)
    rest = estimate_tokens("order " * 5) + estimate_tokens("free")

    assert chinese + rest == SHELF.tokens("怎么付款？")
    assert estimate_tokens("pay " * 10) + rest == SHELF.tokens("How do I pay?")
    assert chinese == SHELF.tokens("怎么付款？", SHELF.serving(["payment"], NAMED))
