"""Which words of a question are codes."""

from __future__ import annotations

import pytest

from retrieval.codes import codes


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        ("AUTH-1004 是什么意思", ("AUTH-1004",)),
        ("接口create_order报ORD-2003，ORD-2003怎么办", ("create_order", "ORD-2003")),
        ("is usr_1024 in WH-SZ/B/14?", ("usr_1024",)),
        ("a well-known, up-to-date follow-up", ()),
        ("call 10-15 times, -x_ or __a", ()),
        ("", ()),
    ],
)
def test_codes_are_joined_words_with_a_digit_or_an_underscore(question: str, expected: tuple[str, ...]):
    """Beside Han characters as well; plain words with a hyphen, and numbers, are none."""
    assert expected == tuple(each.text for each in codes(question))
    assert {("identifier", 1.0)} >= {(each.type, each.confidence) for each in codes(question)}
