from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.policy.features import N_FEATURES, clipped, features, language_of, shape, words


def test_words_of_english_are_lower_case_words_and_marks():
    """Latin words stay whole; what is no letter or digit stands alone."""
    assert ["what", "is", "2", "+", "15", "?"] == words("What IS 2 + 15?")


def test_words_of_chinese_are_its_characters():
    """Han characters are read one by one, full-width letters as usual ones."""
    assert ["退", "货", "abc"] == words("退货ＡＢＣ")


def test_long_numbers_count_by_their_length_alone():
    """An order number says that it is one, not which."""
    assert ["order", "#6"] == words("order 123456")


def test_long_prompts_are_read_at_both_ends():
    """The middle of a long prompt changes nothing."""
    head, tail = "a" * 1100, "z" * 500

    assert f"{head} {tail}" == clipped(head + "b" * 5000 + tail)


def test_order_of_words_changes_the_pairs():
    """Two prompts of the same words in another order differ."""
    assert features("dog bites man") != features("man bites dog")


def test_shape_tells_code_and_choices():
    """Code and offered choices are marks of their own."""
    marks = shape("def f(x):\n    return x;\nA. one\nB. two")

    assert {"\x01code True", "\x01choices 2"} <= set(marks)


def test_language_is_told_by_letters():
    """A fifth of Han letters makes a text Chinese; figures alone make none."""
    assert ["zh", "other", "other"] == [language_of(text) for text in ("请用 Python 写", "hello", "12")]


@given(st.text(max_size=300))
def test_any_text_has_features_of_length_one(text):
    """No text, not even none, is without features; all slots lie in the table."""
    found = features(text)

    assert pytest.approx(1.0) == sum(weight * weight for weight in found.values())
    assert all(0 <= slot < N_FEATURES for slot in found)
