"""What a question names lifts the windows that hold it: a little, where it is rare, and the trace can say why."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.types import Citation, Mention
from retrieval.building import build_index
from retrieval.choose import Limits
from retrieval.ingest import Document
from retrieval.named import COMMON_SHARE, MAX_FORM_CHARS, MAX_MENTIONS
from retrieval.scoped import Naming, Wanted
from retrieval.searcher import HybridScopedSearch

QUESTION = "How is a parcel sent back?"
NAMED = {
    3: "Maria Lindqvist sends parcels back.",
    5: "臺灣的倉庫退回包裹。",
    7: "Error PAY-3008 sends a parcel back.",
    9: "A parcel of Biden's is sent back.",
}


@pytest.fixture(scope="module")
def index():
    return build_index(
        [Document(f"{n:02}.md", NAMED.get(n, f"A parcel is sent back from town {n}.")) for n in range(40)]
    )


def mention(text: str, confidence: float = 1.0) -> Mention:
    """Return something that is named."""
    return Mention(text, "identifier", confidence)


def searched(index, *mentions: Mention, question: str = QUESTION, boost: float = 0.5):
    """Return what is found."""
    return index.search(question, Limits(40), naming=Naming(mentions, boost))


def score_of(found, doc: str) -> float:
    """Return the score of a document beside that of one that is not named."""
    scores = found.documents
    return scores[doc] / scores["11.md"]


@pytest.mark.parametrize(
    ("form", "doc"),
    [
        ("PAY-3008", "07.md"),
        ("ＰＡＹ－3008", "07.md"),
        ("pay 3008", "07.md"),
        ("MARIA lindqvist", "03.md"),
        ("Biden", "09.md"),
        ("台湾", "05.md"),
        ("臺灣", "05.md"),
    ],
)
def test_a_rare_form_lifts_who_holds_it_however_it_is_written(index, form: str, doc: str):
    """Width, case, endings and Chinese script meet in one form, as in the index."""
    question = QUESTION + "退回包裹"
    plain, lifted = (searched(index, mention(form), question=question, boost=boost) for boost in (0.0, 0.5))

    assert score_of(lifted, doc) == pytest.approx(1.5 * score_of(plain, doc), rel=1e-3)
    assert (doc, 1, 0.5) == (lifted.lifted[0].passages[0].doc, lifted.lifted[0].n_windows, lifted.lifted[0].lift)


@pytest.mark.parametrize(
    "form", ["parcel", "Atlantis", "PAY-4444", "吗", "", "🙂", "the", "PAY-3008 " * (MAX_FORM_CHARS // 8)]
)
def test_what_tells_nothing_apart_lifts_nothing(index, form: str):
    """A form that many hold, or nobody, or that is no form at all, leaves the order and the scores as they were."""
    found = searched(index, mention(form))

    assert searched(index).documents == found.documents
    assert (0.0, ()) == (found.lifted[0].lift, found.lifted[0].passages)


def test_a_form_in_a_share_of_the_windows_is_common(index):
    """At most one window in twenty may hold it; in a tiny library, one window."""
    assert COMMON_SHARE * len(index) >= 2
    tiny = build_index([Document("a.md", "PAY-3008 is an error."), Document("b.md", "A parcel is sent back.")])

    assert ["a.md"] == [each.doc for each in searched(tiny, mention("PAY-3008"), question="error").lifted[0].passages]


def test_all_mentions_together_lift_no_more_than_the_boost(index):
    """Many forms in one window are worth what one sure and rare one is."""
    many = searched(index, *[mention(form) for form in ("Maria Lindqvist", "Maria", "Lindqvist")])

    assert score_of(many, "03.md") == pytest.approx(1.5 * score_of(searched(index), "03.md"), rel=1e-3)


def test_a_doubtful_mention_lifts_less(index):
    """By its confidence, and only the surest of many are heeded."""
    doubtful = searched(index, mention("PAY-3008", 0.2), boost=0.5)
    crowded = searched(index, *[mention("Atlantis", 0.9)] * MAX_MENTIONS, mention("PAY-3008", 0.2))

    assert doubtful.lifted[0].lift == pytest.approx(0.1)
    assert searched(index).documents == crowded.documents


def test_the_trace_knows_the_lines_of_what_was_lifted(index):
    """Only passages that were found are told, with the mention that lifted each."""
    naming = Naming((mention("PAY-3008"),), 0.5)
    looked = HybridScopedSearch(index).look("Which error sends a parcel back?", Wanted(4, naming=naming))

    assert ((Citation("07.md", 1, 1),), "07.md") == (looked.lifted[0].passages, looked.passages[0].doc)


def test_without_words_of_the_library_nothing_is_asked_of_it():
    """An empty index names nothing."""
    assert () == searched(build_index([]), mention("PAY-3008")).lifted


@given(st.lists(st.tuples(st.text(max_size=30), st.floats(0, 1)), max_size=12), st.floats(0, 1))
def test_any_mentions_keep_scores_within_bounds(index, forms: list[tuple[str, float]], boost: float):
    """Scores stay 0 to 1 whatever a tagger says."""
    found = searched(index, *[mention(text, sure) for text, sure in forms], boost=boost)

    assert all(0 <= each.passage.score <= 1 for each in found.passages)
