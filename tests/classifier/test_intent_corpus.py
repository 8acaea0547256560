import json
import math
import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import cast

import pytest

from config.intents import NONE, shipped_intents

BLUEPRINT = Path(__file__).parents[2] / "classifier" / "foundry" / "blueprints" / "intent"
LANGUAGES = ("zh", "en")
NEAR = 0.85

Row = dict[str, object]
Grams = tuple[str, ...]


@cache
def _rows(part: str) -> tuple[Row, ...]:
    apart = {"test": "test.jsonl", "second": "second_test.jsonl", "third": "third_test.jsonl"}
    files = [BLUEPRINT / apart[part]] if part in apart else sorted((BLUEPRINT / "corpus").glob("*.jsonl"))
    lines = [line for file in files if file.exists() for line in file.read_text(encoding="utf-8").splitlines()]
    return tuple(json.loads(line) for line in lines)


def _words(row: Row, key: str) -> list[str]:
    return [str(word) for word in cast("list[str]", row[key])]


def _labels(row: Row) -> list[str]:
    return _words(row, "output")


def _text(row: Row) -> str:
    return str(row["prompt"])


def _normal(text: str) -> str:
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())


def _skeleton(row: Row) -> str:
    """Return a prompt with what is quoted, numbers, identifiers and names masked, and without punctuation."""
    text = unicodedata.normalize("NFKC", _text(row))
    text = re.sub(r"“[^”]*”|《[^》]*》|\"[^\"]*\"", "Q", text)
    if row["lang"] == "zh":
        text = re.sub(r"[A-Za-z][\w./-]*", "N", text)
        text = re.sub(r"[小老][\u4e00-\u9fff](?=[的把从在那能也])", "N", text)
    else:
        text = re.sub(r"(?<=[a-z,] )[A-Z][\w.'-]*|\b\w*[0-9_]\w*\b", "N", text)
    text = re.sub(r"\d+|[〇一二三四五六七八九十百千万两]+", "0", text)
    return re.sub(r"[\W_]+", " ", text).strip().casefold()


def _grams(text: str) -> frozenset[str]:
    normal = _normal(text)
    return frozenset(normal[at : at + 3] for at in range(max(1, len(normal) - 2)))


def _near_pairs(left: Iterable[str], right: Iterable[str]) -> list[tuple[str, str]]:
    """Return pairs that share more than `NEAR` of their trigrams.

    Prefix filtering: such pairs share one of the rarest trigrams of each (Chaudhuri, Ganti, Kaushik, ICDE 2006).
    """
    texts = dict.fromkeys([*left, *right])
    grams = {text: _grams(text) for text in texts}
    counts = Counter(gram for each in grams.values() for gram in each)
    prefixes: dict[str, Grams] = {}
    for text, each in grams.items():
        rare = sorted(each, key=lambda gram: (counts[gram], gram))
        prefixes[text] = tuple(rare[: len(rare) - math.ceil(NEAR * len(rare)) + 1])
    index: dict[str, set[str]] = defaultdict(set)
    for text in right:
        for gram in prefixes[text]:
            index[gram].add(text)
    found: set[tuple[str, str]] = set()
    for text in left:
        for other in set[str]().union(*(index[gram] for gram in prefixes[text])) - {text}:
            shared = len(grams[text] & grams[other])
            if shared > NEAR * (len(grams[text]) + len(grams[other]) - shared):
                found.add((text, other))
    return sorted(found)


def test_rows_have_the_promised_shape():
    """Every row is a prompt, labels in catalogue order, a language and tags."""
    order = shipped_intents().names
    for row in _rows("train"):
        labels = _labels(row)

        assert set(row) == {"prompt", "output", "lang", "tags"}, row
        assert labels == sorted(set(labels), key=order.index), row
        assert 1 <= len(labels) <= 3, row
        assert NONE not in labels or labels == [NONE], row
        assert row["lang"] in LANGUAGES, row
        assert _text(row) == _text(row).strip() != "", row


def test_corpus_is_large_enough_in_each_language_and_intent():
    """At least 4,000 distinct prompts, half of them in each language, and 250 for each intent of each."""
    distinct = {_normal(_text(row)) for row in _rows("train")}
    rows = Counter(row["lang"] for row in _rows("train"))
    counts = Counter((row["lang"], label) for row in _rows("train") for label in _labels(row))

    assert len(distinct) == len(_rows("train")) >= 4000
    assert min(rows[language] for language in LANGUAGES) >= 2000
    for language in LANGUAGES:
        for intent in shipped_intents().names:
            assert counts[language, intent] >= 250, (language, intent)


@pytest.mark.parametrize("language", LANGUAGES)
def test_two_thirds_of_the_rows_ask_for_one_thing(language: str):
    """60 to 70 % carry one label, and every pair of services occurs together."""
    labels = [_labels(row) for row in _rows("train") if row["lang"] == language]
    pairs = {(a, b) for each in labels for a in each for b in each if a < b}

    assert 0.60 <= sum(len(each) == 1 for each in labels) / len(labels) <= 0.70
    assert len(pairs) == 10


@pytest.mark.parametrize("language", LANGUAGES)
def test_sentences_are_no_filled_templates(language: str):
    """With numbers and names masked, at least 90 % of the skeletons occur once."""
    counts = Counter(_skeleton(row) for row in _rows("train") if row["lang"] == language)

    assert sum(n for n in counts.values() if n == 1) / counts.total() >= 0.90


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_kind_of_voice_is_there(language: str):
    """Misspelt, mixed, indirect, spoken, curt and long sentences all occur in both languages."""
    tags = Counter(tag for row in _rows("train") if row["lang"] == language for tag in _words(row, "tags"))

    for tag in ("typo", "code-switch", "colloquial", "indirect", "hard-none", "negation", "voice", "long", "short"):
        assert tags[tag] >= 10, tag


def test_no_two_rows_are_nearly_the_same():
    """No two prompts share more than 85 % of their character trigrams."""
    prompts = [_text(row) for row in _rows("train")]

    assert _near_pairs(prompts, prompts) == []


def test_no_row_is_nearly_one_of_the_frozen_part():
    """What is trained on is never asked in the test."""
    frozen = [_text(row) for row in _rows("test")]
    trained = [_text(row) for row in _rows("train")]
    known = {_normal(text) for text in trained}

    assert [text for text in frozen if _normal(text) in known] == []
    assert _near_pairs(frozen, trained) == []


@pytest.mark.parametrize(("part", "n_rows"), [("second", {"zh": 160, "en": 156}), ("third", {"zh": 197, "en": 195})])
def test_later_parts_are_of_both_languages_and_near_no_other_row(part, n_rows):
    """They were written by people who had seen no row; nobody else said the same."""
    unseen = [_text(row) for row in _rows(part)]
    others = [_text(row) for other in {"train", "test", "second", "third"} - {part} for row in _rows(other)]

    assert Counter(n_rows) == Counter(row["lang"] for row in _rows(part))
    assert _near_pairs(unseen, others) == []
    assert {_normal(text) for text in unseen} & {_normal(text) for text in others} == set()
    assert all(set(_labels(row)) <= {*shipped_intents().names, NONE} for row in _rows(part))


def test_catalogue_examples_are_no_rows_of_the_frozen_part():
    """The examples of the catalogue may be shown to a model, so the test must not hold them."""
    frozen = [_text(row) for row in _rows("test")]
    examples = [text for intent in shipped_intents().intents for text in (*intent.examples_zh, *intent.examples_en)]

    assert _near_pairs(frozen, examples) == []
    assert {_normal(text) for text in frozen} & {_normal(text) for text in examples} == set()


def test_near_pairs_finds_what_it_is_for():
    """The filter that spares most comparisons loses no pair."""
    long = "please send the red lamp to the office and not to my home address this time"
    left = [long, "cancel it"]
    right = [long.replace("lamp", "lamps"), "cancel them", "钱扣了东西没来"]

    assert _near_pairs(left, right) == [(long, right[0])]
