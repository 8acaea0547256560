"""The shipped example library of the five services: whole, of the promised size, and the same in both languages."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import pytest
import yaml

from config.intents import shipped_intents
from config.tokens import estimate_tokens
from retrieval.ingest import read_documents

LIBRARY = Path(__file__).parent.parent.parent / "retrieval" / "examples"
LANGUAGES = ("en", "zh")
INTENTS = {
    "Server_Inventory.md": "inventory",
    "Server_Notification.md": "notification",
    "Server_OrderManagement.md": "order_management",
    "Server_Payment.md": "payment",
    "Server_UserAuth.md": "user_auth",
}
FRONT_MATTER = re.compile(r"\A---\n(.*?)^---\n", re.MULTILINE | re.DOTALL)
FENCED = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
CODE_SPAN = re.compile(r"`[^`\n]+`")
NUMBER = re.compile(r"\d+(?:[.,:]\d+)*")
ERROR_CODE = re.compile(r"\b(?:AUTH|ORD|PAY|INV|NTF)-\d{4}\b")


def manual(language: str, name: str) -> str:
    """A manual as it is shipped, front matter included."""
    return (LIBRARY / language / name).read_text(encoding="utf-8")


def headings(text: str) -> list[str]:
    """The marks of its headings, top to bottom, without the lines of code."""
    return re.findall(r"^(#+) ", FENCED.sub("", text), re.MULTILINE)


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_intent_with_a_service_has_its_manual(language: str) -> None:
    """The files named by the shipped intents are there, and no other: a scope never points at nothing."""
    named = {document: intent.name for intent in shipped_intents().intents for document in intent.documents}

    assert INTENTS == named
    assert list(INTENTS) == [path.name for path in sorted((LIBRARY / language).iterdir())]


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("name", INTENTS)
def test_front_matter_names_the_intent(language: str, name: str) -> None:
    """Each manual says what it is called, as its first heading does, and which intent it answers."""
    text = manual(language, name)
    matter = FRONT_MATTER.match(text)

    assert matter is not None
    assert {"title", "intents"} == set(said := yaml.safe_load(matter[1]))
    assert [INTENTS[name]] == said["intents"]
    assert text[matter.end() :].startswith(f"\n# {said['title']}\n")


@pytest.mark.parametrize("language", LANGUAGES)
def test_sizes_are_those_of_real_manuals(language: str) -> None:
    """1,500 to 2,500 tokens each and about 8,000 in a language: savings are measured against something."""
    sizes = {name: estimate_tokens(manual(language, name)) for name in INTENTS}

    assert {} == {name: size for name, size in sizes.items() if not 1_500 <= size <= 2_500}
    assert 7_500 <= sum(sizes.values()) <= 9_000


@pytest.mark.parametrize("name", INTENTS)
def test_twins_have_the_same_structure(name: str) -> None:
    """The same headings in the same order, the same rows of tables, the same items, and the same examples of calls."""
    english, chinese = manual("en", name), manual("zh", name)

    assert headings(english) == headings(chinese)
    assert FENCED.findall(english) == FENCED.findall(chinese)
    assert re.findall(r"^(\||- )", english, re.MULTILINE) == re.findall(r"^(\||- )", chinese, re.MULTILINE)
    assert english.count("\n\n") == chinese.count("\n\n")


@pytest.mark.parametrize("name", INTENTS)
def test_twins_hold_the_same_facts(name: str) -> None:
    """A number or a name in code that only one language has was forgotten in the other."""
    english, chinese = manual("en", name), manual("zh", name)

    assert Counter(NUMBER.findall(english)) == Counter(NUMBER.findall(chinese))
    assert Counter(CODE_SPAN.findall(FENCED.sub("", english))) == Counter(CODE_SPAN.findall(FENCED.sub("", chinese)))


@pytest.mark.parametrize("name", INTENTS)
def test_paragraphs_of_twins_hold_the_same_numbers(name: str) -> None:
    """Numbers agree paragraph by paragraph, so that none has moved to another subject."""
    numbers = [
        [Counter(NUMBER.findall(paragraph)) for paragraph in manual(language, name).split("\n\n")]
        for language in LANGUAGES
    ]

    assert numbers[0] == numbers[1]


@pytest.mark.parametrize("language", LANGUAGES)
def test_error_codes_named_are_explained_once(language: str) -> None:
    """Every error code that any manual names stands in exactly one list of error codes."""
    texts = [manual(language, name) for name in INTENTS]
    explained = Counter(code for text in texts for code in re.findall(r"^- `([A-Z]+-\d{4})`", text, re.MULTILINE))

    assert {1} == set(explained.values())
    assert set(explained) == {code for text in texts for code in ERROR_CODE.findall(text)}


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("name", INTENTS)
def test_each_manual_names_the_other_four_services(language: str, name: str) -> None:
    """How a service works together with each of the others is said under its last heading."""
    services = {intent.service for intent in shipped_intents().intents if intent.documents}
    last = manual(language, name).rpartition("\n## ")[2]
    own = next(intent.service for intent in shipped_intents().intents if intent.name == INTENTS[name])

    assert services - {own} == {service for service in services if f"`{service}`" in last}


@pytest.mark.parametrize("language", LANGUAGES)
def test_events_heard_are_sent_by_the_service_they_name(language: str) -> None:
    """An event in any manual is also in the manual of its sender, spelt the same way."""
    sender = {
        "user": "Server_UserAuth.md",
        "order": "Server_OrderManagement.md",
        "payment": "Server_Payment.md",
        "refund": "Server_Payment.md",
        "wallet": "Server_Payment.md",
        "stock": "Server_Inventory.md",
    }
    event = re.compile(rf"`((?:{'|'.join(sender)})\.[a-z_]+)`")
    named = {each for name in INTENTS for each in event.findall(manual(language, name))}

    assert len(named) >= 12
    assert set() == {each for each in named if f"`{each}`" not in manual(language, sender[each.partition(".")[0]])}


def test_the_product_reads_all_of_it() -> None:
    """The reader of libraries gives ten documents, named by language and file."""
    expected = [f"{language}/{name}" for language in LANGUAGES for name in INTENTS]

    assert expected == [document.name for document in read_documents(LIBRARY)]
