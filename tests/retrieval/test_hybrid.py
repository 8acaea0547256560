"""Hybrid search: what is found, in which scope, within which limits; and each of its parts alone."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from config.errors import UpstreamError
from retrieval.building import build_index
from retrieval.choose import Candidate, Limits, Texts, choose
from retrieval.fusion import Best, convex, dense_weight, reciprocal_rank
from retrieval.hybrid import Index, Recipe
from retrieval.ingest import Document
from retrieval.vectors import FaissStore


@pytest.fixture(scope="module")
def library():
    return (
        Document("en/harbour.md", "# Harbour\n\n## Ferries\nThe ferry to Lindholm leaves at 07:40. Dogs travel free."),
        Document("zh/harbour.md", "# 港口\n\n## 渡轮\n开往林岛的渡轮每天早上出发。狗可以免费乘坐。"),
        Document("zh/spoonbill.md", "臺灣的黑面琵鷺每年冬天在七股濕地過冬。牠們以魚蝦為食。", "黑面琵鷺"),
        Document("en/bread.md", "# Bread\n\nKnead the dough for ten minutes. Let it rest for two hours."),
        Document("pay.md", "# Payment\n\nA refund takes three days. The ferry ticket is refunded by card."),
    )


@pytest.fixture(scope="module")
def hybrid(library):
    return build_index(library, intents={"pay.md": ("payment",), "en/bread.md": ("kitchen",)})


def docs(found):
    return [each.passage.doc for each in found.passages]


@pytest.mark.parametrize("leg", ["hybrid", "words", "dense"])
@pytest.mark.parametrize(
    ("question", "expected"),
    [
        ("When does the ferry leave?", "en/harbour.md"),
        ("渡轮几点出发？", "zh/harbour.md"),
        ("台湾黑面琵鹭在哪里过冬", "zh/spoonbill.md"),
        ("How long to knead dough", "en/bread.md"),
    ],
)
def test_the_right_document_comes_first(hybrid, leg, question, expected):
    """Both languages and both scripts find their document, with each leg alone and with both."""
    found = hybrid.search(question, Limits(1), leg=leg)

    assert [expected] == docs(found)
    assert 0 < found.passages[0].passage.score <= 1


@pytest.mark.parametrize("question", ["", "  ", "🙂\0", "quantum 🙂 xylophone"])
def test_what_shares_nothing_finds_nothing(hybrid, question):
    """No shared word and no shared n-gram gives nothing; it is no error."""
    assert [] == [doc for doc in docs(hybrid.search(question, Limits(3))) if question.strip("🙂\0 ") == ""]


def test_passages_are_the_documents_own_text_with_their_place(hybrid, library):
    """Offsets, lines and headings say where a passage stands, character for character."""
    texts = {document.name: document.text for document in library}
    for found in hybrid.search("ferry dogs refund", Limits(5)).passages:
        passage = found.passage

        assert passage.text == texts[passage.doc][passage.start : passage.end]
        assert passage.start_line == 1 + texts[passage.doc].count("\n", 0, passage.start)
        assert passage.end_line == 1 + texts[passage.doc][: passage.end].rstrip().count("\n")


def test_of_two_twins_the_readers_own_is_found(hybrid):
    """A document that exists in both languages is found in that of the question only."""
    assert "zh/harbour.md" not in docs(hybrid.search("ferry 渡轮 dogs travel free where does it leave", Limits(5)))


def test_a_scope_is_kept_where_it_is_strong(hybrid):
    """Documents of the intent, and those of none, are searched; the others are left out."""
    scope = hybrid.scope_of({"payment"})
    found = hybrid.search("How long does a refund take?", Limits(3), scope=scope)

    assert ("kept", "pay.md") == (found.scope, docs(found)[0])
    assert "en/bread.md" not in scope
    assert "zh/spoonbill.md" in scope


def test_a_weak_scope_gives_way_to_the_whole_library(hybrid):
    """Where the scope holds nothing like the question, everything is searched, and that is told."""
    found = hybrid.search("How long must dough rest?", Limits(1), scope={"pay.md", "unknown.md"})

    assert ("weak", ["en/bread.md"]) == (found.scope, docs(found))
    assert "weak" == hybrid.search("How long must dough rest?", Limits(1), scope=()).scope


def test_documents_are_told_with_the_best_score_of_each(hybrid):
    """`documents` holds each document once, best first."""
    found = hybrid.search("ferry refund dough", Limits(6))
    scores = list(found.documents.values())

    assert sorted(scores, reverse=True) == scores
    assert set(docs(found)) == set(found.documents)


class _Away:
    name, dimension, fingerprint = "ollama", 3, "away:1"

    def __init__(self):
        self.fails = False

    def embed(self, texts):
        if self.fails:
            raise UpstreamError("the embedder is away", failure_class="transient")
        return np.tile(np.float32([1, 0, 0]), (len(texts), 1))


def test_an_embedder_that_is_away_leaves_the_words(library):
    """A search goes on without vectors and says why."""
    away = _Away()
    index = build_index(library, embedder=away, recipe=Recipe(800, question_prefix="query: "))
    away.fails = True
    found = index.search("How long to knead dough", Limits(1))

    assert (["en/bread.md"], "the embedder is away") == (docs(found), found.degraded)


def test_an_empty_library_finds_nothing():
    """No documents, or none with a letter, is no error."""
    assert () == build_index([]).search("anything", Limits(3)).passages
    assert () == build_index([Document("a", " \n ")]).search("anything", Limits(3)).passages
    assert () == build_index([Document("a", "!!! ...")]).search("anything", Limits(3)).passages


def test_the_last_of_two_documents_with_one_name_counts():
    """A name stands for one document."""
    index = build_index([Document("a", "Old words about ferries."), Document("a", "New words about bread.")])

    assert ["New words about bread."] == [each.passage.text for each in index.search("words", Limits(5)).passages]


def test_building_tells_its_steps(library):
    """Who waits hears every step through to its end."""
    told = []
    build_index(library, told=lambda *step: told.append(step))

    assert ["read", "fit", "embed"] == list(dict.fromkeys(step for step, _, _ in told))
    assert all((name, n, n) in told for name, _, n in told)


def test_many_open_windows_are_asked_of_the_store(hybrid):
    """A scope beyond what is scanned is searched by the store and filtered; the result is the same."""
    parts = {name: getattr(hybrid, name) for name in ("words", "vectors", "embedder", "recipe")}
    asking = Index(hybrid.documents, hybrid.windows, **parts, max_scanned=0)
    scope = {"pay.md", "en/bread.md", "en/harbour.md"}

    assert hybrid.search("refund dough", Limits(3), scope=scope) == asking.search(
        "refund dough", Limits(3), scope=scope
    )


def test_a_large_store_walks_a_graph_and_loses_little():
    """Above the limit HNSW is taken; it finds nearly all of what comparing everything finds."""
    rng = np.random.default_rng(1)
    vectors = rng.standard_normal((2000, 16)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    flat, graph = FaissStore.build(vectors), FaissStore.build(vectors, flat_max=100)
    again = FaissStore.from_bytes(graph.to_bytes())
    exact, near = flat.search(vectors[5], n=50), again.search(vectors[5], n=50)

    assert (2000, 5, 5) == (len(again), exact[0][0], near[0][0])
    assert len(set(exact[0]) & set(near[0])) >= 45
    assert np.allclose(graph.scores(vectors[5], exact[0]), exact[1], atol=1e-5)
    assert (0,) == graph.scores(vectors[5], np.zeros(0, dtype=np.int64)).shape


def test_one_leg_that_found_nothing_leaves_the_whole_to_the_other():
    """A convex combination weighs shares of the best; without words or vectors the other counts alone."""
    words, dense, none = np.float32([4, 2]), np.float32([0.1, 0.2]), np.zeros(2, np.float32)

    assert np.allclose([0.75, 0.75], convex(words, dense, weight=0.5))
    assert np.allclose([1, 0.5], convex(words, none, weight=0.5))
    assert np.allclose([0.5, 1], convex(none, dense, weight=0.5))
    assert np.allclose([0, 0], convex(none, none, weight=0.5))
    assert np.allclose([0.5, 0.25], convex(words, none, weight=0.0, best=Best(8, 1)))


def test_rank_fusion_for_comparison():
    """Reciprocal ranks add up by weight."""
    fused = reciprocal_rank(np.float32([3, 2]), np.float32([1, 5]), weight=0.5)

    assert np.allclose(0.5 / 61 + 0.5 / 62, fused)


def test_vectors_count_less_in_chinese_with_the_built_in_embedder():
    """The weight follows the question's script, and only for the built-in embedder."""
    assert dense_weight("渡轮几点出发", "lsa") < dense_weight("when", "lsa")
    assert dense_weight("渡轮几点出发", "openai") == dense_weight("when", "openai")


TEXT = "Aa bb. Cc dd. Ee ff. Gg hh. Ii jj."
STARTS = (0, 7, 14, 21, 28, 34)
ONE = Texts(text=lambda _: TEXT, starts=lambda _: STARTS, count_tokens=len)


def stretches(candidates, limits):
    return [TEXT[each.start : each.end].strip() for each in choose(candidates, ONE, limits)]


def test_only_what_is_new_of_a_window_is_sent():
    """A window that overlaps a chosen one gives its new sentences, and a gap is filled."""
    found = stretches([Candidate(0, 0, 2, 1.0), Candidate(0, 1, 4, 0.9), Candidate(0, 1, 2, 0.8)], Limits(5))

    assert ["Aa bb. Cc dd.", "Ee ff. Gg hh."] == found


def test_a_window_elsewhere_goes_before_the_rest_of_one_nearby():
    """What a window adds decides, not its score alone."""
    found = stretches([Candidate(0, 0, 2, 1.0), Candidate(0, 1, 3, 0.9), Candidate(0, 4, 5, 0.8)], Limits(2))

    assert ["Aa bb. Cc dd.", "Ii jj."] == found


def test_a_budget_is_kept_and_what_does_not_fit_is_passed_over():
    """A long window gives way to a shorter one behind it; nothing fits into nothing."""
    candidates = [Candidate(0, 0, 1, 1.0), Candidate(0, 1, 4, 0.9), Candidate(0, 4, 5, 0.8)]

    assert ["Aa bb.", "Ii jj."] == stretches(candidates, Limits(5, token_budget=12))
    assert [] == stretches(candidates, Limits(5, token_budget=0))


def test_beyond_the_least_only_good_ones_are_taken():
    """Up to `least` any will do, beyond it those of a share of the best."""
    candidates = [Candidate(0, 0, 1, 1.0), Candidate(0, 1, 2, 0.2), Candidate(0, 2, 3, 0.19), Candidate(0, 3, 4, 0)]

    assert 2 == len(stretches(candidates, Limits(4, least=2, extra_share=0.5)))


def test_the_same_words_are_sent_once():
    """A paragraph that stands in two documents costs its tokens once."""
    candidates = [Candidate(0, 0, 1, 1.0), Candidate(1, 0, 1, 0.9), Candidate(1, 1, 2, 0.8)]

    assert [(0, 0), (1, 7)] == [(each.document, each.start) for each in choose(candidates, ONE, Limits(5))]


@given(st.lists(st.tuples(st.integers(0, 4), st.integers(1, 3), st.floats(0, 1)), max_size=12), st.integers(0, 30))
@settings(max_examples=60)
def test_nothing_is_sent_twice_and_no_limit_is_passed(rows, budget):
    """Whatever is found: stretches do not overlap, and tokens stay within the budget."""
    candidates = [Candidate(0, first, min(5, first + n), score) for first, n, score in rows]
    chosen = sorted(choose(candidates, ONE, Limits(4, token_budget=budget)), key=lambda each: each.start)

    assert len(chosen) <= 4
    assert sum(each.n_tokens for each in chosen) <= budget
    assert all(one.end <= two.start for one, two in pairwise(chosen))


class Cone:
    """An embedder whose vectors lie in a narrow cone; it knows that a boat is as good as a ferry."""

    name = "openai"
    fingerprint = "cone"
    dimension = 2

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return nearly the same vector for all."""
        found = np.array([[1.0, "ferry" in each or "boat" in each] for each in texts], dtype=np.float32)
        return found / np.linalg.norm(found, axis=1, keepdims=True)


def test_what_all_vectors_have_in_common_makes_nothing_likely():
    """Their cosines with a question are all above 0.7; only the one that stands out is worth something."""
    texts = [f"Number {n} is a note about nothing. It says what it says." for n in range(40)]
    index = build_index(
        [Document(f"{n}.md", text) for n, text in enumerate([*texts, "The ferry calls at Lindholm."])], embedder=Cone()
    )

    found = index.search("boat", Limits(2))

    assert ["40.md"] == docs(found)[:1]
    assert 1 == pytest.approx(found.passages[0].passage.score)
    assert 0.2 > max((each.passage.score for each in found.passages[1:]), default=0.0)


def test_of_few_vectors_nothing_common_is_known():
    """A library of one passage is still found by its vector alone."""
    index = build_index([Document("a.md", "The ferry calls at noon.")], embedder=Cone())

    assert ["a.md"] == docs(index.search("boat?", Limits(1)))
