"""Sentences in Chinese and English, and which language a text speaks."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrieval.segment import MAX_SENTENCE_CHARS, clauses, language_of, sentences


def split(text):
    return [text[start:end] for start, end in sentences(text)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("今天下雨。明天呢？好！", ["今天下雨。", "明天呢？", "好！"]),
        ("他说：“走吧。”于是走了。", ["他说：“走吧。”", "于是走了。"]),
        ("It rains. Does it? Yes!", ["It rains.", "Does it?", "Yes!"]),
        (
            "Mr. Li met Dr. A. Smith in the U.S. Army. They spoke.",
            ["Mr. Li met Dr. A. Smith in the U.S. Army.", "They spoke."],
        ),
        ("Use e.g. port 8000. or not", ["Use e.g. port 8000. or not"]),
        ("One\n\nTwo", ["One", "Two"]),
        ("Wrapped\nline", ["Wrapped\nline"]),
        ("- one\n- two", ["- one", "- two"]),
        ("", []),
        (" \n\t ", []),
    ],
)
def test_sentences_end_where_a_reader_ends_them(text, expected):
    """End marks of both languages, abbreviations, blank lines and list items are told apart."""
    assert expected == split(text)


def test_an_endless_line_is_cut():
    """A line without a single mark becomes pieces of bounded length, and nothing of it is lost."""
    text = "x" * 5000

    assert ([MAX_SENTENCE_CHARS] * 12 + [200], text) == ([len(part) for part in split(text)], "".join(split(text)))


def test_a_long_sentence_becomes_clauses():
    """A long Chinese sentence is cut after commas, in order and without loss."""
    text = "，".join(["这是一个相当长的分句内容" * 2] * 6) + "。"
    parts = [text[start:end] for start, end in clauses(text)]

    assert (True, text) == (len(parts) > 1, "".join(parts))


@given(st.text(max_size=600))
def test_sentences_lose_only_white_space(text):
    """What lies between the sentences is white space, and the sentences follow each other."""
    at, left = 0, ""
    for start, end in clauses(text):
        assert at <= start < end
        left += text[at:start]
        at = end

    assert "" == (left + text[at:]).strip()


@pytest.mark.parametrize(
    ("text", "expected"),
    [("怎样添加 OpenAI 密钥", "zh"), ("How do I add a key?", "en"), ("", "en"), ("🙂", "en"),
     ("Explain what the word 山 means in this old poem please", "en")],
)  # fmt: skip
def test_language_of_a_question(text, expected):
    """A Chinese question may name English products, and the other way round."""
    assert expected == language_of(text)
