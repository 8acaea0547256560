"""Reading a question."""

from __future__ import annotations

import pytest

from retrieval.question import BRIDGE_WEIGHT, KINDS, read_question


def read(text, known=()):
    return read_question(text, idf=lambda _: 1.0, knows=lambda term: term in known)


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("有多少人？", "number"),
        ("How many people came?", "number"),
        ("何时建成？", "time"),
        ("When was it built?", "time"),
        ("谁发明了它？", "person"),
        ("Who made it?", "person"),
        ("总部在哪里？", "place"),
        ("Where is it?", "place"),
        ("为什么失败？", "reason"),
        ("为什麼失敗？", "reason"),
        ("Why did it fail?", "reason"),
        ("如何安装？", "manner"),
        ("How do I install it?", "manner"),
        ("有哪些部分？", "list"),
    ],
)
def test_the_kind_of_answer_is_read_off_the_words(text, kind):
    """Both languages and both scripts."""
    asked = [each.name for each, wanted in zip(KINDS, read(text).kinds, strict=True) if wanted]

    assert kind in asked


def test_a_pair_across_a_word_end_counts_less():
    """停止|服务 makes 止服, which no document has; it must not outweigh the words."""
    question = read("停止服务", known={"停止", "服务"})

    assert question.weights["停止"] * BRIDGE_WEIGHT == pytest.approx(question.weights["止服"])


def test_terms_near_the_question_word_count_more():
    """In 王法慧是谁的女儿 the daughter stands beside the question word."""
    question = read("王法慧是谁的女儿")

    assert question.near["女儿"] > question.near["王法"]


@pytest.mark.parametrize(
    ("text", "expected"), [("hello", False), ("what is it", True), ("渡轮？", True), ("你好", False)]
)
def test_what_asks(text, expected):
    """A question word or mark makes a question."""
    assert expected == read(text).asks
