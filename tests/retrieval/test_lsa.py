"""The built-in embedder: n-grams, its fit, its vectors."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from retrieval.lsa import LsaEmbedder, fit_lsa
from retrieval.ngrams import N_BUCKETS, count_ngrams

TEXTS = [
    "The ferry leaves the harbour in the morning.",
    "Ferries leave every morning from the old harbour.",
    "Knead the bread dough and let it rest.",
    "Bread dough is kneaded, then it rests.",
    "渡轮每天早上从港口出发。",
    "港口的渡轮早上出发。",
    "揉面团，然后让面团休息。",
    "面团要揉，也要休息。",
]


@pytest.fixture(scope="module")
def embedder():
    return fit_lsa(TEXTS, dimension=6)


def test_words_are_cut_within_their_ends():
    """`cat` gives ` ca`, `cat`, `at `, ` cat`, `cat ` and ` cat `; nothing crosses two words."""
    assert 6 == count_ngrams(["cat"]).counts.sum()
    assert 12 == count_ngrams(["cat dog"]).counts.sum()


def test_han_runs_are_cut_by_one_to_three():
    """Three characters give three singles, two pairs and one triple; a word beside them stays apart."""
    assert 6 == count_ngrams(["渡轮港"]).counts.sum()
    assert 12 == count_ngrams(["渡轮港cat"]).counts.sum()


def test_scripts_and_case_give_the_same_ngrams():
    """Traditional and simplified, wide and narrow, capital and small letters count as one."""
    one, two = count_ngrams(["國際 ＡＢＣ"]), count_ngrams(["国际 abc"])

    assert one.buckets.tolist() == two.buckets.tolist()


def test_texts_do_not_mix():
    """What is counted for a text is the same alone and among others."""
    together, alone = count_ngrams(TEXTS), count_ngrams([TEXTS[4]])
    mine = slice(together.bounds[4], together.bounds[5])

    assert alone.buckets.tolist() == together.buckets[mine].tolist()
    assert alone.counts.tolist() == together.counts[mine].tolist()


@given(st.lists(st.text(max_size=40), max_size=5))
@settings(max_examples=60)
def test_any_texts_are_counted(texts):
    """Surrogates, emoji and empty texts are no error, and each text has its bounds."""
    counts = count_ngrams(texts)

    assert (len(texts) + 1, len(counts.buckets)) == (len(counts.bounds), counts.bounds[-1])
    assert ((counts.buckets >= 0) & (counts.buckets < N_BUCKETS)).all()


def test_alike_texts_lie_near_each_other(embedder):
    """In both languages a paraphrase is the nearest of all others."""
    vectors = embedder.embed(TEXTS)
    likeness = vectors @ vectors.T - 2 * np.eye(len(TEXTS))

    assert [1, 0, 3, 2, 5, 4, 7, 6] == likeness.argmax(axis=1).tolist()
    assert np.allclose(1, np.linalg.norm(vectors, axis=1), atol=1e-5)


def test_the_fit_is_repeatable_and_named_by_what_it_is(embedder):
    """The same texts give the same fingerprint, other texts another one."""
    assert embedder.fingerprint == fit_lsa(TEXTS, dimension=6).fingerprint
    assert embedder.fingerprint != fit_lsa(TEXTS[:6], dimension=6).fingerprint
    assert embedder.fingerprint == LsaEmbedder(embedder.features, embedder.weights, embedder.basis).fingerprint


def test_what_shares_nothing_with_the_library_gives_zeros(embedder):
    """A text of unknown signs has no direction, and nothing divides by zero."""
    assert not embedder.embed(["🙂", ""]).any()
    assert (0, embedder.dimension) == embedder.embed([]).shape


def test_many_texts_are_sampled(embedder):
    """A library beyond the sample fits all the same, and tells its steps."""
    steps = []
    large = fit_lsa([f"{text} {n}" for n in range(400) for text in TEXTS], told=lambda done, n: steps.append((done, n)))

    assert large.dimension > embedder.dimension
    assert steps[-1][0] == steps[-1][1] == len(steps)


@pytest.mark.parametrize("texts", [[], [""], ["a"], ["cat"]])
def test_tiny_libraries_fit(texts):
    """No text, an empty one and a single word are no error."""
    assert (2, fit_lsa(texts).dimension) == fit_lsa(texts).embed(["cat", "dog"]).shape
