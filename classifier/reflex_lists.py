"""Word lists and long alternations: most places of a text are passed over by a look at one character."""

from __future__ import annotations

import re
from typing import Final

_LOOK: Final = re.compile(r"\(\?<?[=!]")


def words(text: str) -> tuple[str, ...]:
    """Return the words of a list that is written as one text."""
    return tuple(text.split())


def without_looks(pattern: str) -> str:
    """Return the pattern without what it only looks at: what is left matches wherever the pattern does."""
    while (found := _LOOK.search(pattern)) is not None:
        depth, end = 1, found.end()
        while depth:
            depth += {"(": 1, ")": -1}.get(pattern[end], 0)
            end += 1
        pattern = pattern[: found.start()] + pattern[end:]
    return pattern


def headed(pattern: str) -> str:
    """Return the pattern behind a look at the characters that it may begin with.

    Reads alternations of literals, sets, groups, and single items that may be left out; nothing anchored.
    """
    heads = "".join(sorted(_firsts(without_looks(pattern))))
    return f"(?=[{re.escape(heads)}])(?:{pattern})"


def _firsts(pattern: str) -> set[str]:
    found: set[str] = set()
    begins, at = True, 0
    outside: list[bool] = []
    while at < len(pattern):
        mark = pattern[at]
        if mark == "(":
            outside.append(begins)
            at = pattern.index(":", at) if pattern.startswith("(?:", at) else at
        elif mark == ")":
            begins = outside.pop() and pattern[at + 1 : at + 2] == "?"
        elif mark == "|":
            begins = outside[-1] if outside else True
        elif mark == "\\":
            at += 1
        elif mark == "[":
            end = pattern.index("]", at)
            if begins:
                found.update(pattern[at + 1 : end])
            begins, at = begins and pattern[end + 1 : end + 2] == "?", end
        elif begins and mark not in "?+*":
            found.add(mark)
            begins = pattern[at + 1 : at + 2] == "?"
        at += 1
    return found
