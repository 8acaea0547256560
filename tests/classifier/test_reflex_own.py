"""Texts of the operator's own: found in the whole turn, however they are typed."""

import time
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from classifier.reflex import OwnRule, Reflex

ZEUS = Reflex((OwnRule("Project Zeus", "shutdown"), OwnRule("宙斯计划", "delete")))
FILL = "lorem ipsum " * 150


@pytest.mark.parametrize(
    "text",
    [
        "what about project zeus?",
        "project  zeus",
        "project\nzeus",
        "project\r\n\t zeus",
        "project\u00a0zeus",
        "project\u3000zeus",
        "pro\u200bject zeus",
        "pro\u00adject\u2060 ze\ufe0fus",
        "ｐｒｏｊｅｃｔ　ｚｅｕｓ",
        "PROJECT ZEUS",
        "𝐩𝐫𝐨𝐣𝐞𝐜𝐭 𝐳𝐞𝐮𝐬",
        f"{FILL}please run project zeus now {FILL}",
        f"{'汉' * 5000} project\u200b\n zeus {'字' * 5000}",
        "project zeus \ud800",
        "pro\0ject zeus",
    ],
)
def test_a_text_of_one_s_own_is_found_however_it_is_typed(text: str) -> None:
    """Spaces, breaks, width, case and invisible characters make no difference, nor does the place in a long turn."""
    hit = ZEUS.look(text)

    assert hit is not None
    assert ("shutdown", "own") == (hit.action, hit.rule)


@pytest.mark.parametrize(
    "text", ["请启动宙斯计划", "宙斯\n计划", "宙 斯计\u200b划", "怎么看宙斯计划的进度" + "吧" * 3000]
)
def test_a_chinese_text_is_found_across_spaces(text: str) -> None:
    """Between Chinese characters a space or a line break parts no words."""
    hit = ZEUS.look(text)

    assert hit is not None
    assert ("delete", "own", "zh") == (hit.action, hit.rule, hit.language)


@pytest.mark.parametrize("text", ["projectzeus", "project-zeus", "zeus project", "宙斯的计划", ""])
def test_another_text_is_not_the_own_one(text: str) -> None:
    """What is left out or put between is another text."""
    assert ZEUS.look(text) is None


def test_a_rule_is_folded_as_the_turn_is() -> None:
    """So that a name pasted into the settings with two spaces, or in full width, is found as well."""
    reflex = Reflex((OwnRule("  Ｐｒｏｊｅｃｔ   ZEUS\u200b ", "revoke"), OwnRule("Straße", "modify")))

    found = [hit and hit.action for hit in map(reflex.look, ("the project zeus papers", "nach der STRASSE"))]

    assert ["revoke", "modify"] == found


def test_a_rule_without_a_visible_character_fires_on_nothing() -> None:
    """An empty text would stand in every turn."""
    assert Reflex((OwnRule("\u200b ", "delete"),)).look("hello there") is None


@pytest.mark.parametrize(
    "text",
    [
        "a" * 1_000_000,
        "project zeu" * 90_000,
        "宙斯 计" * 250_000,
        "\u200b" * 1_000_000,
        "\ufdfa" * 1_000_000,
        "a" + "\u0301\u0316" * 40_000,
    ],
)
def test_a_megabyte_is_searched_in_bounded_time(text: str) -> None:
    """Only its edges are folded, and by a hundred rules."""
    reflex = Reflex(tuple(OwnRule(f"project zeus {n}", "delete") for n in range(100)))
    began = time.process_time()

    assert reflex.look(text) is None
    assert time.process_time() - began < 5


def test_an_own_text_is_sought_in_both_ends_of_a_very_long_turn() -> None:
    """Up to 64,000 characters it is found anywhere; what one end begins the other does not complete."""
    reflex = Reflex((OwnRule("zeusplan", "delete"), OwnRule("top secret", "delete")))
    texts = ("a" * 50_000 + " zeusplan " + "a" * 13_900, "zeusplan" + "a" * 90_000, "a" * 90_000 + "zeusplan")
    apart = "a" * 31_997 + "top" + "b" * 50_000 + "secret" + "a" * 31_994

    assert [True] * 3 == [reflex.look(text) is not None for text in texts]
    assert reflex.look(apart) is None


@given(
    st.text(alphabet="ab e\u0301\u2026\u3000\uff0c\uff21\uff42\ufdfa\u1100\u1161\u6c49\u5b57"),
    st.text(min_size=1, max_size=4),
)
def test_a_folded_text_is_what_unicode_says_it_is(around: str, inner: str) -> None:
    """The quick way of folding wide marks finds what the normal form of the whole would hold."""
    text = f"{around}{unicodedata.normalize('NFKC', 'ＺＥＵＳ')}，{inner}"

    assert Reflex((OwnRule("zeus,", "delete"),)).look(text) is not None


@given(st.text(alphabet="ab\u0301\u0316\u1100\u1161\u11a8\u6c49\uff21\u00e9", max_size=40))
def test_a_long_text_is_normalised_in_pieces_that_join(part: str) -> None:
    """Where a piece ends, nothing is left uncomposed that a short text would compose."""
    own = unicodedata.normalize("NFKC", f"x{part}x").replace("\u6c49", "y")
    text = "e" * 300 + f"x{part}x".replace("\u6c49", "y") + "e" * 300

    assert Reflex((OwnRule(own, "delete"),)).look(text) is not None
