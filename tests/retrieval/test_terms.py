"""Search terms in both languages and both Chinese scripts."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrieval.folding import fold
from retrieval.terms import normalize, stem, terms, told


def test_scripts_and_widths_meet():
    """Traditional and simplified, full and half width, capital and small letters give the same terms."""
    assert terms("國際貿易 ＡＢＣ１") == terms("国际贸易 abc1")


@pytest.mark.parametrize(
    "words",
    [("stop", "stops", "stopped", "stopping"), ("city", "cities"), ("provide", "provided", "providing", "provides"), ("glass", "glasses"),
     ("ship", "ship's", "ships")],
)  # fmt: skip
def test_english_forms_meet(words):
    """The common endings of one word give one stem."""
    assert 1 == len({stem(word) for word in words})


@pytest.mark.parametrize("word", ["is", "2024", "naïve", "c3po", "bus"])
def test_what_is_no_plain_word_stays(word):
    """Short words, numbers and words of other alphabets are not cut."""
    assert word == stem(word)


def test_chinese_becomes_pairs_and_single_characters():
    """A Han run gives its pairs, then its characters with their mark."""
    assert ["渡轮", "·渡", "·轮"] == terms("渡轮")


def test_question_words_tell_nothing():
    """Question words and particles of both languages are left out of what a question is about."""
    assert (["渡轮", "·渡", "·轮"], ["ferri"]) == (told("渡轮吗？"), told("What is the ferry?"))


@given(st.text(max_size=200))
def test_any_text_folds_once(text):
    """Folding again changes nothing, and no text is refused."""
    terms(text)
    stable = normalize(normalize(text))

    assert (fold(fold(text)), stable) == (fold(text), normalize(stable))
