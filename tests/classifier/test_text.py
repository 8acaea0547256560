from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from classifier.text import (
    MAX_CHARS,
    WORD_MARK,
    clip,
    edge_terms,
    han_grams,
    is_edge,
    language_of,
    normalise,
    terms,
    word_grams,
)

LARGEST_GROWTH = 12


@given(st.text())
def test_normalising_twice_changes_nothing(text: str) -> None:
    """A normalised text is its own normal form, whatever the scripts in it."""
    once = normalise(text)

    assert once == normalise(once)


@given(st.text(alphabet=st.characters(codec="ascii")))
def test_the_short_way_for_ascii_is_the_long_way(text: str) -> None:
    """ASCII takes a shorter way to the same normal form as a text that needs Unicode's tables."""
    assert normalise(f"{text} é").removesuffix("é").strip() == normalise(text)


@pytest.mark.parametrize(
    ("written", "normal"),
    [
        ("  Ｈｅｌｌｏ　Ｗｏｒｌｄ！ ", "hello world!"),
        ("STRASSE Straße", "strasse strasse"),
        ("don\u2019t", "don't"),
        ("a\x00b\tc\u3000d", "a b c d"),
        ("删\u200b除", "删除"),
        ("①ﬁ", "1fi"),
        ("☺\ufe0f", "☺"),
        ("\u202eabc", "abc"),
        ("", ""),
    ],
)
def test_the_normal_form_is_frozen(written: str, normal: str) -> None:
    """What people type differently and mean alike is one text."""
    assert normal == normalise(written)


def test_the_terms_of_a_mixed_text_are_frozen() -> None:
    """Words, pairs, characters of words and characters of Han runs, in this order: artefacts depend on it."""
    expected = ["=i", " i", "i ", " i ", "=go", " g", "go", "o ", " go", "go ", " go ", "=i go"]
    expected += [
        "支",
        "付",
        " 支",
        "支付",
        "付 ",
        " 支付",
        "支付 ",
        "=ok",
        " o",
        "ok",
        "k ",
        " ok",
        "ok ",
        " ok ",
        "=?",
    ]

    assert expected == terms("I go 支付 OK？")


def test_a_symbol_between_two_words_does_not_part_them_and_a_han_run_does() -> None:
    """Pairs of words cross a comma, not another script."""
    assert [["=a b"], []] == [[t for t in terms(text) if t.startswith("=a ")] for text in ("a, b", "a 和 b")]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Are you free?", ["=^ are", "=^ are you", "=free $"]),
        ("“Stop!”", ["=^ stop", "=stop $"]),
        ("pay 支付", ["=^ pay"]),
        ("支付 now", ["=now $"]),
        ("支付", []),
        ("^ $", []),
    ],
)
def test_the_terms_of_the_edges_are_frozen(text: str, expected: list[str]) -> None:
    """First word, first two, last word; signs do not count, and a Han run has no such term."""
    assert expected == edge_terms(clip(text))


@given(st.text(alphabet="^$ ab支?", max_size=20))
def test_no_other_term_can_be_taken_for_one_of_the_edges(text: str) -> None:
    """Marks of the edges that stand in a text are signs."""
    assert [] == [term for term in terms(text) if is_edge(term)]
    assert all(is_edge(term) for term in edge_terms(clip(text)))


def test_no_character_term_can_be_taken_for_a_word_term() -> None:
    """The mark of word terms begins no n-gram of characters."""
    grams = [*word_grams("ab'c_9"), *han_grams("支付成功")]

    assert not [gram for gram in grams if gram.startswith(WORD_MARK)]


@given(st.text(max_size=300))
def test_terms_are_at_most_a_dozen_a_character(text: str) -> None:
    """The number of terms is linear in the length of what is read."""
    assert len(terms(text)) <= LARGEST_GROWTH * len(clip(text)) + 1


@pytest.mark.parametrize("unit", ["a", "支", "a ", "'", "\x00", "😀", "e\u0301", "\ufdfa", "אב ", "a'", "支a"])
def test_a_megabyte_of_anything_is_read_no_further_than_the_cap(unit: str) -> None:
    """A megabyte costs no more than the part that is read."""
    text = unit * (1_000_000 // len(unit))
    began = time.process_time()
    found = terms(text)

    assert time.process_time() - began < 20
    assert len(found) <= LARGEST_GROWTH * MAX_CHARS


def test_a_lone_surrogate_is_read_without_an_error() -> None:
    """JSON may hold half a surrogate pair; it is a symbol like any other."""
    assert ["=\ud800"] == terms("\ud800")


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("支付成功后发送通知", "zh"),
        ("cancel my order", "en"),
        ("帮我写 Python code", "zh"),
        ("Please translate the word 你好 into English for me", "en"),
        ("", "en"),
        ("12345 !!", "en"),
        ("ありがとう", "zh"),
    ],
)
def test_language_is_the_larger_of_han_characters_and_words(text: str, language: str) -> None:
    """A few foreign words do not change the language of a sentence."""
    assert language == language_of(text)
