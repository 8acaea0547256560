"""Word lists and long alternations: most places of a text are passed over by a look at one character."""

from __future__ import annotations

import re
from typing import Final

_GAP: Final = re.compile(r"\[\^,\]\{\d+,\d+\}\??")
_OR: Final = re.compile(r"\|")
_GROUP: Final = re.compile(r"\(\?:|\)")
_SET: Final = re.compile(r"\[[^\]]*\]")
_OPTIONAL: Final = re.compile(r".\?")
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


def needed(pattern: str) -> str:
    """Return a plain alternation that holds wherever the pattern does: of what stands around a gap, the surer side.

    Gaps (`[^,]{0,9}`) side by side make an automaton of many states; a first look has to be cheap.
    """
    return "|".join(max(reversed(_split(part, _GAP)), key=_least_chars) for part in _split(without_looks(pattern), _OR))


def _split(pattern: str, separator: re.Pattern[str]) -> list[str]:
    """Return what stands between separators that are in no group."""
    parts: list[str] = []
    depth = start = at = 0
    while at < len(pattern):
        found = None if depth else separator.match(pattern, at)
        if found is not None:
            parts.append(pattern[start:at])
            start = at = found.end()
            continue
        depth += {"(": 1, ")": -1}.get(pattern[at], 0)
        at += 1
    return [*parts, pattern[start:]]


def _least_chars(part: str) -> int:
    options = _GROUP.sub("", part).split("|")
    return min(len(_OPTIONAL.sub("", _SET.sub("x", option))) for option in options)


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
