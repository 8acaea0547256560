"""What vectors alone would have sent: the fewest nearest windows that hold what was sent, and no more."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from config.tokens import estimate_tokens
from config.types import Passage
from retrieval.building import build_index
from retrieval.choose import Limits
from retrieval.equal_coverage import HELD_SHARE, dense_top_k
from retrieval.ingest import Document
from retrieval.scoped import Wanted
from retrieval.searcher import HybridScopedSearch

QUESTION = "When does the ferry leave the harbour?"
TEXTS = {
    "en/ferry.md": "The ferry leaves the harbour at 07:40.",
    "zh/ferry.md": "渡轮 07:40 离开港口。The ferry leaves the harbour at 07:40.",
    "harbour.md": "The harbour is deep. The ferry is old.",
    "bread.md": "Knead the dough for ten minutes. Let it rest for two hours.",
    "lamp.md": "The lamp in the hall is green.",
}


@pytest.fixture(scope="module")
def index():
    return build_index([Document(name, text) for name, text in TEXTS.items()])


@pytest.fixture(scope="module")
def vector(index):
    return index.embed_questions([QUESTION])[0]


def sent(doc: str, score: float = 1.0) -> Passage:
    """Return a document as a passage."""
    return Passage(doc, "", TEXTS[doc], 1, 1, 0, len(TEXTS[doc]), score)


def test_the_nearest_window_suffices_where_it_was_sent(index, vector):
    """Its tokens are those of its text."""
    found = dense_top_k(index, QUESTION, vector, [sent("en/ferry.md")])

    assert (1, estimate_tokens(TEXTS["en/ferry.md"]), 1.0, True) == (
        found.k,
        found.n_tokens,
        found.held,
        found.reached,
    )


def test_what_lies_far_from_the_question_takes_all_that_is_nearer(index, vector):
    """So a passage that only words found is dear by vectors; twins in another language are not sent."""
    found = dense_top_k(index, QUESTION, vector, [sent("en/ferry.md"), sent("bread.md")])
    rows = index.nearest(QUESTION, vector, n=9)
    names = [index.documents[index.windows[row][0]].name for row in rows]

    assert found.k == 1 + names.index("bread.md")
    assert found.n_tokens == sum(estimate_tokens(TEXTS[name]) for name in names[: found.k])
    assert "zh/ferry.md" not in names


def test_a_passage_of_little_worth_need_not_be_held(index, vector):
    """What was found to be good counts by its score."""
    passages = [sent("en/ferry.md", 1.0), sent("bread.md", 0.01)]
    found = dense_top_k(index, QUESTION, vector, passages)

    assert (1, True) == (found.k, found.reached)
    assert HELD_SHARE <= found.held < 1


@pytest.mark.parametrize("most", [1, 2])
def test_where_the_cap_comes_first_it_says_so(index, vector, most: int):
    """With what so many windows cost and hold: a lower bound."""
    found = dense_top_k(index, QUESTION, vector, [sent("en/ferry.md"), sent("bread.md")], most=most)

    assert (most, False) == (found.k, found.reached)
    assert 0 < found.held < HELD_SHARE


def test_a_sentence_that_several_windows_hold_is_paid_once():
    """Windows of a long text overlap; what is sent never holds a sentence twice."""
    words = ["harbour", "ferry", "dock", "pier", "boat", "quay", "mole", "wharf", "sail", "mast", "rope", "crew"]
    text = " ".join(f"The {a} of the {b} lies by the {c} today." for a in words for b in words[:6] for c in words[:3])
    long = build_index([Document("long.md", text)])
    vector = long.embed_questions([QUESTION])[0]
    whole = Passage("long.md", "", text, 1, 1, 0, len(text), 1.0)
    found = dense_top_k(long, QUESTION, vector, [whole], most=10_000)

    assert found.reached
    assert found.k > 20
    assert found.n_tokens <= 1.2 * estimate_tokens(text)


@pytest.mark.parametrize("passages", [[], [sent("bread.md", 0.0)]])
def test_nothing_sent_is_compared_with_nothing(index, vector, passages):
    """No share of nothing is taken."""
    assert dense_top_k(index, QUESTION, vector, passages) is None


def test_an_empty_index_is_never_enough(vector):
    """Nothing is near."""
    found = dense_top_k(build_index([]), QUESTION, vector, [sent("bread.md")])

    assert (0, 0, 0.0, False) == (found.k, found.n_tokens, found.held, found.reached)


def test_a_search_brings_its_own_reckoning(index):
    """With the vector that it was made with, and none where the vectors had no say."""
    search = HybridScopedSearch(index)
    looked = search.look(QUESTION, Wanted(2, 400))
    silent = HybridScopedSearch(index).look("\0 🙂", Wanted(2, 400))

    assert looked.dense is not None
    assert looked.dense(looked.passages) == dense_top_k(
        index, QUESTION, index.embed_questions([QUESTION])[0], looked.passages
    )
    assert silent.dense is None
    assert looked == replace(looked, dense=None), "two looks are the same, whatever reckons for them"
    assert np.array_equal(index.search(QUESTION, Limits(2)).vector, index.embed_questions([QUESTION])[0])
