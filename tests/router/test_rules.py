"""Routing rules."""

from __future__ import annotations

import pytest

from config.errors import InvalidRequestError
from router.rules import MAX_PATTERN_CHARS, MAX_RULES, MAX_TEXT_CHARS, Rule, first_match, parse_rules


def test_the_first_matching_rule_wins() -> None:
    """Order is the operator's."""
    rules = (Rule("支付", "a"), Rule("支付|订单", "b"))

    assert rules[0] == first_match(rules, "我想支付订单")
    assert rules[1] == first_match(rules, "查看订单")
    assert first_match(rules, "weather") is None


@pytest.mark.parametrize(
    ("rule", "text", "matches"),
    [
        (Rule("code", "m"), "Review my CODE", True),
        (Rule("C++", "m"), "I like c++", True),
        (Rule("a.c", "m", "keyword"), "abc", False),
        (Rule("a.c", "m", "regex"), "abc", True),
        (Rule("^write", "m"), "please write", False),
    ],
)
def test_keyword_and_regex(rule: Rule, text: str, matches: bool) -> None:
    """A pattern that is no RE2 syntax stands for itself; `kind` settles what it is."""
    assert matches == (first_match([rule], text) is not None)


def test_only_the_head_of_a_huge_turn_is_read() -> None:
    """A pasted book costs no more than its first 64 Ki characters."""
    assert first_match([Rule("needle", "m")], "x" * MAX_TEXT_CHARS + "needle") is None


def test_request_rules_are_read() -> None:
    """The request's own rules keep their order and kinds."""
    rules = parse_rules([{"pattern": "code", "model": "claude"}, {"pattern": "x", "model": "gpt", "kind": "keyword"}])

    assert (Rule("code", "claude"), Rule("x", "gpt", "keyword")) == rules
    assert () == parse_rules(None)


@pytest.mark.parametrize(
    ("value", "param"),
    [
        ("code", "routing_rules"),
        ([1], "routing_rules[0]"),
        ([{"pattern": "", "model": "m"}], "routing_rules[0].pattern"),
        ([{"model": "m"}], "routing_rules[0].pattern"),
        ([{"pattern": "a"}], "routing_rules[0].model"),
        ([{"pattern": "a", "model": 3}], "routing_rules[0].model"),
        (
            [{"pattern": "ok", "model": "m"}, {"pattern": "(?=a)", "model": "m", "kind": "regex"}],
            "routing_rules[1].pattern",
        ),
        ([{"pattern": "a", "model": "m", "kind": "glob"}], "routing_rules[0].kind"),
        ([{"pattern": "a", "model": "m", "kind": ["regex"]}], "routing_rules[0].kind"),
        ([{"pattern": "a" * (MAX_PATTERN_CHARS + 1), "model": "m"}], "routing_rules[0].pattern"),
        ([{"pattern": "a", "model": "m"}] * (MAX_RULES + 1), "routing_rules"),
    ],
)
def test_bad_request_rules_name_the_field(value: object, param: str) -> None:
    """The caller learns which rule and which field is wrong."""
    with pytest.raises(InvalidRequestError) as caught:
        parse_rules(value)

    assert param == caught.value.param
