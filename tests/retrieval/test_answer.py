"""Answers from documents: right place, right language, within the budget, refusals."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import retrieval
from config.tokens import estimate_tokens
from config.types import Citation
from retrieval.answer import REFUSALS, ExtractiveAnswerer
from retrieval.clauses import parts_of
from retrieval.index import LexicalIndex
from retrieval.ingest import Document, read_documents


@pytest.mark.parametrize(
    ("question", "expected", "doc"),
    [
        ("Who built the lighthouse?", "Agnes Rowe", "en/harbour.md"),
        ("How many passengers does the ferry to Lindholm carry?", "120 passengers", "en/harbour.md"),
        ("灯塔是谁建造的？", "王建国", "zh/harbour.md"),
        ("开往林岛的渡轮几点出发？", "七点四十分", "zh/harbour.md"),
        ("黑面琵鹭在哪里过冬？", "七股濕地", "zh/spoonbill.md"),
        ("黑面琵鷺吃什麼？", "以魚蝦為食", "zh/spoonbill.md"),
    ],
)
def test_answers_hold_what_is_asked_and_cite_it(answerer, question, expected, doc):
    """Both languages and both scripts are answered with the documents' own words."""
    answer = answerer.answer(question)

    assert (False, True) == (answer.refused, expected in answer.text)
    assert doc == answer.citations[0].doc
    assert estimate_tokens(answer.text) <= 120


@pytest.mark.parametrize(
    ("question", "language"),
    [
        ("What is the boiling point of mercury on Jupiter's moons?", "en"),
        ("明朝第三位皇帝的母亲叫什么名字？", "zh"),
        ("", "en"),
        ("🙂🙂🙂", "en"),
        ("\0", "en"),
        ("مرحبا بالعالم", "en"),
    ],
)
def test_what_the_documents_do_not_hold_is_refused_plainly(answerer, question, language):
    """A refusal speaks the language of the question, cites nothing and is not confident."""
    answer = answerer.answer(question)

    assert (True, REFUSALS[language], (), language) == (answer.refused, answer.text, answer.citations, answer.language)
    assert not answerer.holds(question)


def test_citations_point_at_the_lines(documents, answerer):
    """The lines of a citation hold the words of the answer."""
    answer = answerer.answer("How far does the lamp of the lighthouse reach?", max_tokens=40)
    lines = documents[0].text.split("\n")
    cited = "\n".join("\n".join(lines[citation.start_line - 1 : citation.end_line]) for citation in answer.citations)

    assert "31 kilometres" in answer.text
    assert "31 kilometres" in cited
    assert f"[en/harbour.md:{answer.citations[0].start_line}" in answer.text


def test_neighbours_are_one_stretch_and_others_are_apart():
    """Sentences side by side are said in one piece; between others stands a gap mark."""
    text = (
        "Zebra facts one. "
        + " ".join(f"Filler number {n} about nothing at all here." for n in range(9))
        + " Zebra facts two."
    )
    index = LexicalIndex.build([Document("d", text)])
    answer = ExtractiveAnswerer(lambda: index, threshold=0.0).answer("zebra facts", max_tokens=24)

    assert answer.citations[0] == Citation("d", 1, 1)
    assert " … " in answer.text


@given(question=st.text(max_size=120), max_tokens=st.integers(0, 200))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_no_question_breaks_it_and_the_budget_holds(answerer, question, max_tokens):
    """Any text gives an answer within the budget or a refusal, the same one each time."""
    answer = answerer.answer(f"ferry 渡轮 {question}", max_tokens=max_tokens)

    assert answer.refused or estimate_tokens(answer.text) <= max_tokens
    assert answer == answerer.answer(f"ferry 渡轮 {question}", max_tokens=max_tokens)
    assert 0 <= answer.confidence <= 1


def test_the_threshold_decides(index):
    """Score and threshold are apart: 0 answers what shares a word, above 1 nothing is answered."""
    bold = ExtractiveAnswerer(lambda: index, threshold=0.0)
    shy = ExtractiveAnswerer(lambda: index, threshold=1.1)
    question = "Who built the lighthouse?"

    assert (False, True) == (bold.answer(question).refused, shy.answer(question).refused)
    assert bold.confidence(question) == shy.confidence(question)


def test_hostile_sizes_stay_quick_enough_to_finish():
    """A megabyte as question, and documents of one endless line or one huge fence, are answered or refused."""
    fence = "```\n" + "x = 1\n" * 5000 + "```"
    index = LexicalIndex.build([Document("a", "word " * 50_000), Document("b", fence), Document("c", "字" * 20_000)])
    answerer = ExtractiveAnswerer(lambda: index, threshold=0.0)

    assert answerer.answer("y " * 500_000 + " word 字字 x").text


def test_an_empty_library_refuses():
    """Without documents every question is refused with confidence 0."""
    index = LexicalIndex.build([])
    answer = ExtractiveAnswerer(lambda: index).answer("Who built the lighthouse?")

    assert (True, 0.0) == (answer.refused, answer.confidence)


@pytest.mark.parametrize("text", ["hello", "你好", "Thanks"])
def test_a_greeting_is_not_answered_from_an_example(text):
    """A bare word that only stands in a code example is no question."""
    index = LexicalIndex.build([Document("en/a.md", f"# Calls\n\nSend `{text}` with curl.\n\nAnd more words here.")])

    assert ExtractiveAnswerer(lambda: index).answer(text).refused


def test_a_bare_word_that_is_a_heading_is_answered(answerer):
    """Someone who types a section's name wants the section."""
    assert 0 < answerer.confidence("lighthouse")


def test_a_code_fence_is_said_whole_or_not_at_all():
    """Half an example is worse than none."""
    text = "# Lamp\n\nTo light the lamp:\n\n```sh\nharbour lamp --on\n\nharbour lamp --check. Done\n```\n\nThe lamp is warm."
    index = LexicalIndex.build([Document("en/lamp.md", text)])
    answers = [
        ExtractiveAnswerer(lambda: index, threshold=0.0).answer("harbour lamp check", max_tokens=budget).text
        for budget in range(12, 90, 6)
    ]

    assert {answer.count("```") for answer in answers} <= {0, 2}
    assert any("--on\n\nharbour lamp --check. Done" in answer for answer in answers)


def test_a_language_is_not_mixed_where_twins_exist(answerer):
    """A document that exists in both languages is cited in the question's language alone."""
    answer = answerer.answer("In which year was the lighthouse (灯塔) built?")

    assert {"en"} == {citation.doc.partition("/")[0] for citation in answer.citations}


SERVICES = Path(retrieval.__file__).parent / "examples"


@pytest.fixture(scope="module")
def services():
    """The index of the five manuals, in both languages."""
    return LexicalIndex.build(read_documents(SERVICES))


@pytest.mark.parametrize(
    "order", ["登录后查看订单并处理支付", "创建订单并完成支付", "log into the system and view warehouse stock"]
)
def test_an_order_for_several_things_is_answered_by_its_parts(services, order):
    """No passage holds all of it, but one holds each part; both are cited, within the budget."""
    whole = ExtractiveAnswerer(lambda: services)
    answer = ExtractiveAnswerer(lambda: services, parts=parts_of).answer(order)

    assert whole.answer(order).refused
    assert not answer.refused
    assert estimate_tokens(answer.text) <= 120
    assert all(f"[{each.doc}:" in answer.text for each in answer.citations)
    assert min(whole.confidence(part) for part in parts_of(order)) == answer.confidence


@pytest.mark.parametrize(
    ("order", "max_tokens"),
    [
        ("登录后查看订单并念一首唐诗", 120),  # one part is not held
        ("登录后查看订单并处理支付", 8),  # no sentence fits
        ("怎么查看订单并处理北京的房产继承？", 120),  # it asks
        ("", 120),
    ],
)
def test_an_order_of_which_a_part_is_missing_is_refused_whole(services, order, max_tokens):
    """Half an answer would pass for all of it."""
    answer = ExtractiveAnswerer(lambda: services, parts=parts_of).answer(order, max_tokens=max_tokens)

    assert (True, ()) == (answer.refused, answer.citations)
