"""Typed door to RE2: linear-time matching, so that no pattern and no text can stall the loop."""

# pyright: reportUnknownMemberType=false, reportUnknownArgumentType=false, reportUnknownVariableType=false
# google-re2 ships no type information; everything it gives is given a type here.

from __future__ import annotations

from typing import Protocol, cast

import re2  # pyright: ignore[reportMissingTypeStubs]


class PatternError(ValueError):
    """Not RE2 syntax; look-around and back-references are not supported."""


class Pattern(Protocol):
    """A compiled pattern."""

    def search(self, text: str) -> object | None:
        """Return something if the pattern occurs in the text."""
        ...

    def sub(self, repl: str, text: str) -> str:
        """Replace every occurrence."""
        ...


def compile_regex(pattern: str, *, ignore_case: bool = False) -> Pattern:
    """Compile RE2 syntax. Raises `PatternError` with RE2's own words."""
    options = re2.Options()
    options.log_errors = False
    options.case_sensitive = not ignore_case
    try:
        return cast("Pattern", re2.compile(pattern, options))
    except re2.error as error:
        words = error.args[0] if error.args else error
        raise PatternError(words.decode("utf-8", "replace") if isinstance(words, bytes) else str(words)) from error


def compile_literal(text: str, *, ignore_case: bool = False) -> Pattern:
    """Compile a text that stands for itself."""
    return compile_regex(re2.escape(text), ignore_case=ignore_case)
