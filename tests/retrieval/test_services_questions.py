"""The written questions to the five services: frozen, in both languages, and with places that hold what they quote."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from config.intents import shipped_intents

ROOT = Path(__file__).parent.parent.parent
FILE = Path(__file__).parent / "services" / "questions.jsonl"
LIBRARY = ROOT / "retrieval" / "examples"
FROZEN = "7ce32494690751bc1a0268a01943eaa58c8f8c16acf3ba7da84b1066c8088158"
"""SHA-256 of the file: whoever changes a question says so here, and knows that older figures no longer compare."""
SHOWN = {
    "zh": ("我想查看订单状态", "支付成功后发送通知", "修改身份要是有问题就付款充值"),
    "en": (
        "I'd like to check the status of my order",
        "Send a notification once the payment succeeds",
        "If changing my identity runs into trouble, let me pay and top up",
    ),
}
"""The three example prompts and their twins."""
Question = dict[str, Any]


def rows() -> list[Question]:
    """The questions in their order."""
    return [json.loads(line) for line in FILE.read_text(encoding="utf-8").splitlines()]


def text_of(doc_id: str) -> str:
    """A manual as it is shipped, front matter included."""
    return (LIBRARY / doc_id).read_bytes().decode()


def blocks(row: Question) -> list[Question]:
    """The documents of a question: the first, and those under `more`."""
    return [row, *row.get("more", ())]


def places(row: Question) -> list[tuple[str, int, int, str]]:
    """Every place of a question with its quote, alternatives included."""
    found = []
    for block in blocks(row):
        own = zip(block["spans"], block["quotes"], strict=True)
        found += [(block["doc_id"], *span, quote) for span, quote in own]
        for spans, quotes in zip(block.get("alternatives", ()), block.get("alternative_quotes", ()), strict=True):
            found += [(block["doc_id"], *span, quote) for span, quote in zip(spans, quotes, strict=True)]
        for others in block.get("elsewhere", ()):
            found += [(other["doc_id"], other["start"], other["end"], other["quote"]) for other in others]
    return found


def test_the_questions_are_frozen() -> None:
    """A figure measured on them last year and one of today are about the same questions."""
    assert hashlib.sha256(FILE.read_bytes()).hexdigest() == FROZEN


def test_there_are_enough_of_each_kind() -> None:
    """At least 80 in a language, none twice, and two fifths of each language about several services."""
    asked = rows()
    of_language = Counter(row["lang"] for row in asked)
    several = Counter(row["lang"] for row in asked if len(row["intents"]) > 1)

    assert {"zh", "en"} == set(of_language)
    assert min(of_language.values()) >= 80
    assert len(asked) == len({row["question"] for row in asked}) == len({row["qid"] for row in asked})
    assert [] == [language for language, n in of_language.items() if several[language] < 0.4 * n]


@pytest.mark.parametrize("language", SHOWN)
def test_each_service_is_asked_about_alone_and_together(language: str) -> None:
    """No manual is measured by a handful of questions, and every one meets every other in some question."""
    asked = [row["intents"] for row in rows() if row["lang"] == language]
    names = {intent.name for intent in shipped_intents().intents if intent.documents}
    pairs = {frozenset((one, other)) for one in names for other in names if one != other}
    met = {pair for pair in pairs for intents in asked if pair <= set(intents)}

    assert {} == {name: n for name in names if (n := asked.count([name])) < 12}
    assert pairs == met


@pytest.mark.parametrize("language", SHOWN)
def test_the_example_prompts_are_among_them(language: str) -> None:
    """What the product is shown with is also what it is measured on."""
    asked = {row["question"] for row in rows() if row["lang"] == language}

    assert set() == set(SHOWN[language]) - asked


def test_no_other_question_is_an_example_of_an_intent() -> None:
    """A sentence that the rule by example knows by heart would measure nothing."""
    examples = {each for intent in shipped_intents().intents for each in (*intent.examples_zh, *intent.examples_en)}
    shown = {each for prompts in SHOWN.values() for each in prompts}

    assert set() == {row["question"] for row in rows()} & examples - shown


def test_fields_are_those_of_the_readme() -> None:
    """Ids, languages, intents and documents agree with each other; lists that run parallel have the same length."""
    order = shipped_intents().names
    documents = {name for intent in shipped_intents().intents for name in intent.documents}
    needed = {"qid", "lang", "question", "intents", "doc_id", "spans", "quotes"}
    optional = {"alternatives", "alternative_quotes", "elsewhere", "more"}
    for row in rows():
        used = [block["doc_id"] for block in blocks(row)]

        assert needed <= set(row) <= needed | optional, row["qid"]
        assert row["qid"].startswith(f"services-{row['lang']}-")
        assert row["question"].isascii() == (row["lang"] == "en")
        assert row["intents"] == sorted(set(row["intents"]), key=order.index) != []
        assert len(used) == len(set(used)), row["qid"]
        assert {each.partition("/")[2] for each in used} <= documents
        for block in blocks(row):
            assert {len(block["spans"])} == {
                len(block[name]) for name in ("quotes", "alternatives", "elsewhere") if name in block
            }, row["qid"]
            assert ("alternatives" in block) == ("alternative_quotes" in block), row["qid"]


def test_every_intent_that_holds_an_answer_is_gold() -> None:
    """A search that looks only where the gold intents point can find all of it."""
    intent_of = {name: intent.name for intent in shipped_intents().intents for name in intent.documents}

    assert [] == [
        row["qid"]
        for row in rows()
        if not {intent_of[block["doc_id"].partition("/")[2]] for block in blocks(row)} <= set(row["intents"])
    ]


def test_every_place_holds_what_it_quotes() -> None:
    """Places are inside their manual, in the question's language, without outer blanks, and quote what stands there."""
    for row in rows():
        for doc_id, start, end, quote in places(row):
            text = text_of(doc_id)

            assert doc_id.startswith(f"{row['lang']}/"), row["qid"]
            assert 0 <= start < end <= len(text), row["qid"]
            assert quote == text[start:end], row["qid"]
            assert quote == quote.strip(), row["qid"]


def test_every_quote_stands_once_in_its_manual() -> None:
    """Places can be found again after a manual was edited."""
    assert [] == [
        (row["qid"], quote)
        for row in rows()
        for doc_id, _, _, quote in places(row)
        if text_of(doc_id).count(quote) != 1
    ]


def test_places_of_one_question_do_not_overlap() -> None:
    """No letter is counted twice as needed."""
    for row in rows():
        for block in blocks(row):
            spans = sorted(block["spans"])

            assert all(one[1] <= other[0] for one, other in pairwise(spans)), row["qid"]
