from __future__ import annotations

import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from classifier.text import terms
from classifier.vectorise import MOST_WORDS_KEPT, Vectoriser

TERMS = ("=pay", " pa", "支付", "=?", "=pay now")
IDF = (1.0, 2.0, 3.0, 4.0, 5.0)


def plainly(text: str, unknown_idf: float) -> dict[str, float]:
    """The weights, from the words of docs/foundry.md, without a shortcut."""
    found = terms(text)
    known = {term: (1 + np.log(found.count(term))) * IDF[TERMS.index(term)] for term in set(found) & set(TERMS)}
    n_unknown = sum(term not in TERMS for term in found)
    length = np.sqrt(sum(weight**2 for weight in known.values()) + unknown_idf**2 * n_unknown)
    return {term: weight / length for term, weight in known.items()}


@given(st.text(alphabet="pay now?支付 x", max_size=40), st.sampled_from([0.0, 6.0]))
def test_weights_are_what_the_words_say(text, unknown_idf) -> None:
    """The shortcuts change nothing: kept words, numbers instead of terms."""
    vectoriser = Vectoriser(TERMS, IDF, unknown_idf=unknown_idf)
    for _ in range(2):  # the second time from what was kept
        numbers, weights = vectoriser.features(text)
        got = {TERMS[at]: weight for at, weight in zip(numbers.tolist(), weights.tolist(), strict=True)}

        assert plainly(text, unknown_idf) == pytest.approx(got, abs=1e-5)
        assert sorted(set(numbers.tolist())) == numbers.tolist()


def test_unknown_terms_make_the_known_ones_lighter() -> None:
    """A text that is mostly strange is close to nothing that was learnt."""
    vectoriser = Vectoriser(TERMS, IDF, unknown_idf=6.0)

    assert np.linalg.norm(vectoriser.features("pay xyzzy")[1]) < np.linalg.norm(vectoriser.features("pay")[1]) < 1


def test_terms_of_the_edges_count_only_where_they_are_known() -> None:
    """A model that never learnt them reads as it did before there were any."""
    vectoriser = Vectoriser((*TERMS, "=^ pay"), (*IDF, 2.0), unknown_idf=6.0)
    expected = plainly("now pay", 6.0)

    assert [True, False] == [5 in vectoriser.features(text)[0].tolist() for text in ("pay now", "now pay")]
    assert sorted(expected.values()) == pytest.approx(sorted(vectoriser.features("now pay")[1].tolist()), abs=1e-5)


def test_memory_stays_bounded_under_ever_new_words() -> None:
    """What is kept of words is dropped before it fills the memory; long ones are never kept."""
    vectoriser = Vectoriser(TERMS, IDF)
    for at in range(MOST_WORDS_KEPT + 10):
        vectoriser.features(f"w{at}")
    vectoriser.features("a" * 3000)

    assert len(vectoriser._words) <= MOST_WORDS_KEPT
    assert not [word for word in vectoriser._words if len(word) > 40]


def test_time_grows_with_length_and_not_with_its_square() -> None:
    """Eight times the text takes no more than about eight times the time."""
    vectoriser = Vectoriser(TERMS, IDF, unknown_idf=6.0)

    def taken(n_words: int) -> float:
        best = 9.0
        for turn in range(5):
            text = " ".join(f"w{turn}x{at}" for at in range(n_words))
            began = time.process_time()
            vectoriser.features(text[: n_words * 6])
            best = min(best, time.process_time() - began)
        return best

    assert taken(640) < 40 * max(taken(80), 1e-5)
