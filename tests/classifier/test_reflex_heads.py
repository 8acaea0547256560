"""Alternations that are sorted by their beginnings find what `re` finds."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from classifier import reflex_en_forms, reflex_en_shapes, reflex_zh_forms
from classifier.reflex_heads import Headed, beginnings, worded
from classifier.reflex_zh_verbs import VERB

PLAIN = r"(?:ab|[cd]e)f|g?h|(?:ij)?k|ab|(?<!x)a[bc]{0,2}|\bl|b$"
WORDS = r"abc|(?:ab|b)c?|c(?<!ac)b|(?:a )?cc"


@given(st.text("abcdefghijklx \n", max_size=30))
def test_a_headed_alternation_finds_what_re_finds(text: str) -> None:
    """The same places, the same option of several, and the same text once they are replaced."""
    headed = Headed(PLAIN)

    assert [found.span() for found in re.finditer(PLAIN, text)] == [found.span() for found in headed.finditer(text)]
    assert re.sub(PLAIN, "▢", text) == headed.sub("▢", text)


def test_the_first_name_of_several_stands_for_an_option() -> None:
    """Alternations weigh in their order, whatever their characters."""
    found = Headed(("long", "abc|b"), ("short", "ab|c")).search("xab")

    assert found is not None
    assert ("short", "ab") == (found.lastgroup, found[0])


@given(st.text("abc '-", max_size=20))
def test_words_told_apart_by_letters_are_the_same_words(text: str) -> None:
    """Word for word what a boundary before the whole alternation finds."""
    plain = [found.span() for found in re.finditer(rf"\b(?:{WORDS})", text)]

    assert plain == [found.span() for found in worded(WORDS).finditer(text)]


def test_beginnings_open_optional_groups() -> None:
    """What may be left out is no sure beginning."""
    assert "r[em]|f[l]" == beginnings(r"(?:redis-cli\s+)?flush\(|rm\s")


@pytest.mark.parametrize("pattern", ["[^a]b", r"\db", ".b", "a?", "(?:a?)", "[a-c]d", "(?:a|b?)*"])
def test_an_option_that_begins_with_anything_is_refused(pattern: str) -> None:
    """At the start of the program, not by silently finding nothing."""
    with pytest.raises(ValueError, match=r"begins|plain"):
        Headed("x|" + pattern)


@pytest.mark.parametrize("pattern", ["a?b", " b", "(?:ab)+c"])
def test_a_word_without_a_sure_letter_is_refused(pattern: str) -> None:
    """Neither the words nor their beginnings can be told."""
    with pytest.raises(ValueError, match="begins with"):
        worded(pattern)
    with pytest.raises(ValueError, match="begins with"):
        beginnings(pattern)


def test_the_verbs_need_no_courtesy() -> None:
    """The table of the Chinese verbs is sorted as a whole: its first action wins."""
    found = VERB.search("把旧的替换掉")

    assert found is not None
    assert "overwrite" == found.lastgroup


@given(
    st.sampled_from(
        [
            (reflex_en_forms.MATERIAL, reflex_en_forms.MATERIAL_MARKS),
            (reflex_en_shapes.MUST_GO, reflex_en_shapes.GOES),
            (reflex_en_shapes.NEEDS_DOING, reflex_en_shapes.NEEDS),
            (reflex_zh_forms.UNDO, reflex_zh_forms.UNDO_HEADS),
        ]
    ),
    st.data(),
)
def test_a_quick_look_passes_over_nothing(pair: tuple[re.Pattern[str], re.Pattern[str]], data: st.DataObject) -> None:
    """What a pattern matches holds what is looked for first."""
    pattern, look = pair

    assert look.search(data.draw(st.from_regex(pattern)).lower()) is not None
