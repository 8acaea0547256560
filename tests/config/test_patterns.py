"""RE2 behind a typed door."""

from __future__ import annotations

import pytest

from config.patterns import PatternError, compile_literal, compile_regex


def test_hostile_pattern_is_linear() -> None:
    """What stalls a backtracking engine for seconds is answered at once."""
    assert compile_regex("(a+)+$").search("a" * 50_000 + "!") is None


def test_look_around_is_refused_in_words() -> None:
    """RE2 says what it does not support."""
    with pytest.raises(PatternError, match="invalid perl operator"):
        compile_regex("(?=x)")


def test_a_literal_stands_for_itself_in_any_case() -> None:
    """Metacharacters of a keyword mean themselves."""
    assert compile_literal("C++ (支付)", ignore_case=True).search("about c++ (支付)") is not None
    assert compile_literal("a.c").search("abc") is None


def test_sub_replaces_every_occurrence() -> None:
    """All matches go."""
    assert "x x" == compile_regex("[0-9]+").sub("x", "1 23")
