"""Two languages that say the same: equal keys, equal places for values, no words in templates."""

from __future__ import annotations

import re
import string
from pathlib import Path

import pytest

from admin.i18n import LANGUAGES, LOCALE, language_of, load_texts
from admin.pages.all import PAGES
from admin.render import TEMPLATES

TEXTS = load_texts()
TEMPLATE_FILES = sorted(TEMPLATES.rglob("*.html"))
PYTHON_FILES = sorted((TEMPLATES.parent).rglob("*.py"))
HAN = re.compile(r"[\u3400-\u9fff\u3000-\u303f\uff00-\uffef]")


def places(text):
    """The names of the values that are put into a text."""
    return {name for _before, name, _format, _conversion in string.Formatter().parse(text) if name is not None}


def test_both_languages_have_the_same_keys():
    """A text that is missing in one fails here, not in front of somebody."""
    assert set(TEXTS["en"].texts) == set(TEXTS["zh"].texts)


def test_a_text_takes_the_same_values_in_both_languages():
    """And none is empty."""
    english, chinese = (TEXTS[language].texts for language in ("en", "zh"))

    assert [] == [key for key, text in english.items() if places(text) != places(chinese[key])]
    assert [] == [key for texts in (english, chinese) for key, text in texts.items() if not text.strip()]


def test_english_texts_are_english_and_chinese_ones_chinese():
    """Names of languages and things aside."""
    same = {key for key, text in TEXTS["en"].texts.items() if text == TEXTS["zh"].texts[key]}

    assert [] == [key for key, text in TEXTS["en"].texts.items() if HAN.search(text) and key != "shell.language_zh"]
    assert [] == [key for key in same if len(TEXTS["en"].texts[key].split()) > 3]


@pytest.mark.parametrize("path", TEMPLATE_FILES, ids=lambda path: path.name)
def test_no_template_holds_words_of_a_language(path):
    """All text comes from the tables: no Chinese, and no sentence between tags, in attributes that are read out or in calls."""
    text = re.sub(r"\{#.*?#\}|<code>.*?</code>", "", path.read_text("utf-8"), flags=re.DOTALL)
    bare = re.sub(r"\{\{.*?\}\}|\{%.*?%\}", "", text, flags=re.DOTALL)

    assert [] == HAN.findall(text)
    assert [] == [
        each
        for each in re.findall(r">([^<>]*)<", bare)
        if re.search(r"[A-Za-z]{2,} [A-Za-z]{2,}", each) and '="' not in each
    ]
    assert [] == re.findall(r"(?:aria-label|title|placeholder|alt)=\"[A-Z][a-z]+", bare)


@pytest.mark.parametrize("path", TEMPLATE_FILES, ids=lambda path: path.name)
def test_every_text_that_a_template_asks_for_is_there(path):
    """Whole keys are looked up; of keys that are put together, one with that beginning must be there."""
    text = path.read_text("utf-8")
    whole = set(re.findall(r"\bt\(\s*[\"']([\w.]+)[\"']\s*[,)]", text))
    begun = set(re.findall(r"\bt(?:\.maybe)?\(\s*[\"']([\w.]+)[\"']\s*~", text))

    assert set() == whole - set(TEXTS["en"].texts)
    assert [] == [start for start in begun if not any(key.startswith(start) for key in TEXTS["en"].texts)]


@pytest.mark.parametrize("path", PYTHON_FILES, ids=lambda path: path.stem)
def test_every_text_that_code_asks_for_is_there(path):
    """Messages of changes and refusals."""
    text = path.read_text("utf-8")
    asked = re.findall(r"(?:Refused\(|message=|\bt\()\s*\"([a-z_]+\.[a-z_0-9]+)\"", text)

    assert set() == set(asked) - set(TEXTS["en"].texts)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_page_has_a_title_and_asks_a_question(page):
    """In both languages the question ends like one."""
    for language, mark in (("en", "?"), ("zh", "？")):
        texts = TEXTS[language]

        assert texts(f"{page.name}.title")
        assert texts(f"{page.name}.question").endswith(mark)


@pytest.mark.parametrize(
    ("cookie", "header", "expected"),
    [
        (None, None, "en"),
        (None, "zh-CN,zh;q=0.9,en;q=0.8", "zh"),
        (None, "de, en;q=0.5, zh;q=0.7", "zh"),
        (None, "fr", "en"),
        (None, "zh;q=0, en;q=0.1", "en"),
        (None, "zh;q=lots, en;q=0.2", "en"),
        (None, "ZH-Hant-TW", "zh"),
        (None, ",;,=,", "en"),
        ("zh", "en", "zh"),
        ("en", "zh", "en"),
        ("xx", "zh", "zh"),
        ("<script>", None, "en"),
    ],
)
def test_the_language_is_chosen_else_the_browsers_else_english(cookie, header, expected):
    """Malformed headers choose nothing."""
    assert expected == language_of(cookie, header)


def test_a_word_from_data_without_a_text_stays_itself():
    """A new status of a gateway is shown as it is."""
    assert "brand_new" == TEXTS["en"].maybe("overview.state_brand_new", "brand_new")
    assert "Drained" == TEXTS["en"].maybe("overview.state_drained", "drained")


def test_a_key_that_is_none_is_an_error():
    """A page cannot silently lose its words."""
    with pytest.raises(KeyError):
        TEXTS["zh"]("overview.no_such_text")


def test_every_language_has_a_folder_of_its_own():
    """And nothing else lies there."""
    assert set(LANGUAGES) == {each.name for each in Path(LOCALE).iterdir()}
