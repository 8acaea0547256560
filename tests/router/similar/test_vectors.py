from __future__ import annotations

import hashlib
import time
from statistics import fmean

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.similar.searching import LEAST_SIMILARITY
from router.similar.vectors import FORM, N_DIMENSIONS, Hashing, direction_of

HASHING = Hashing(b"a secret of tests")
HASHINGS = [Hashing(f"secret {n}".encode()) for n in range(16)]
vector_of = HASHING.vector_of
GOLDEN = {
    "How do I sort a list in Python?": "104f0bb3d5f74a27",
    "证明素数有无穷多个": "573cbf65af08fa46",
    "Ｆｕｌｌ width 12345 and 98765, ½ 한국어 かな": "9ae0943f038a1bd1",
}
PARAPHRASES = [
    ("How do I sort a list of dictionaries by a key in Python?", "sort python list of dicts by key"),
    ("What is the capital of France?", "Tell me the capital city of France"),
    ("Fix the null pointer exception in my Java code", "my java code throws a null pointer exception, how to fix"),
    ("Write a poem about autumn", "please write me a short poem about autumn leaves"),
    ("怎么用Python把列表按键排序？", "用 Python 如何对列表按照键排序"),
    ("证明素数有无穷多个", "请证明存在无穷多个素数"),
    ("请帮我翻译这段话成英文", "把这段话翻译成英文"),
    ("重置密码的链接失效了怎么办", "密码重置链接失效"),
]


def similarity(one: str, other: str, hashing: Hashing = HASHING) -> float:
    """Return the cosine of two texts that have words."""
    a, b = (direction_of(hashing.vector_of(text) or b"") for text in (one, other))
    assert a is not None
    assert b is not None
    return float(a @ b)


def usual(one: str, other: str) -> float:
    """Return the mean over a few secrets: under each, other words share a place by chance."""
    return fmean(similarity(one, other, each) for each in HASHINGS)


@pytest.mark.parametrize("text", GOLDEN)
def test_vectors_stay_what_they_were_as_long_as_their_form_has_this_name(text):
    """Stored vectors are compared with new ones for months: whoever changes them changes the name."""
    assert ("keyed-words-2", GOLDEN[text]) == (FORM, hashlib.sha256(vector_of(text)).hexdigest()[:16])


@pytest.mark.parametrize(("one", "other"), PARAPHRASES)
def test_paraphrase_is_nearer_than_every_unrelated_question(one, other):
    """In both languages; and near enough to be told of, where nothing unrelated is."""
    unrelated = [text for pair in PARAPHRASES if pair != (one, other) for text in pair]

    assert usual(one, other) >= LEAST_SIMILARITY
    assert max(usual(one, text) for text in unrelated) < LEAST_SIMILARITY / 2


@given(st.text(max_size=300), st.text(max_size=300))
def test_similarity_is_one_with_itself_symmetric_and_never_more(one, other):
    """Whatever is asked; a text without words has no vector."""
    a, b = vector_of(one), vector_of(other)
    for text, vector in ((one, a), (other, b)):
        assert vector is None or N_DIMENSIONS == len(vector)
        assert vector == vector_of(text)
        if vector is not None:
            assert similarity(text, text) == pytest.approx(1.0, abs=1e-5)
    if a is not None and b is not None:
        assert similarity(one, other) == pytest.approx(similarity(other, one))
        assert -1.00001 <= similarity(one, other) <= 1.00001


@pytest.mark.parametrize("text", ["", "   \n", "?!…", "\x00", "。，、", "\ud800"])
def test_text_without_words_has_no_vector(text):
    """Neither are two question marks alike."""
    assert vector_of(text) is None


def test_only_the_ends_of_a_huge_text_are_read():
    """A megabyte takes no longer than a page, and what differs in its middle does not show."""
    began = time.perf_counter()
    one = vector_of("start of it " + "x " * 500_000 + "the end")
    took_s = time.perf_counter() - began

    assert one == vector_of("start of it " + "x " * 400_000 + "the end")
    assert took_s < 1.0


@pytest.mark.parametrize("broken", [b"", b"abc", bytes(N_DIMENSIONS), bytes(N_DIMENSIONS + 1)])
def test_bytes_that_are_no_vector_have_no_direction(broken):
    """Another size, or nothing in it."""
    assert direction_of(broken) is None


@given(st.integers(1, 60))
def test_scale_does_not_matter(scale):
    """A vector and its multiple point the same way."""
    numbers = np.zeros(N_DIMENSIONS, np.int8)
    numbers[:2] = (1, -2)
    direction = direction_of(numbers.tobytes())
    scaled = direction_of((numbers * scale).astype(np.int8).tobytes())

    assert direction is not None
    assert scaled is not None
    assert float(direction @ scaled) == pytest.approx(1.0, abs=1e-5)


@pytest.mark.parametrize("word", ["password", "密"])
def test_a_word_stands_elsewhere_under_every_secret(word):
    """So that who has the vectors alone cannot try words against them."""
    hashings = [Hashing(f"secret {n}".encode()) for n in range(40)]
    places = {int(np.argmax(np.abs(np.frombuffer(each.vector_of(word), np.int8).astype(int)))) for each in hashings}

    assert 25 < len(places)
    assert 40 == len({each.form for each in hashings})


def test_a_secret_is_not_shown_and_its_vectors_are_stored_under_its_fingerprint():
    """Not in a log line, nor in the name of the form."""
    assert "secret" not in repr(HASHING)
    assert HASHING.form == Hashing(b"a secret of tests").form
    assert (FORM, 8) == (HASHING.form.partition(":")[0], len(HASHING.form.partition(":")[2]))
