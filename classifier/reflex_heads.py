"""Long alternations, sorted by the character that each option begins with: at each place of a text few are tried."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_LOOK: Final = re.compile(r"\(\?<?[=!]")
_DIGITS: Final = "0123456789"
_OPTIONAL: Final = ("?", "*", "{")
"""Marks after an item that may be left out, or stand more than once."""


class Headed:
    """A pattern that is one alternation; finds what `re` finds with its options in the same order.

    Options may begin with literals, sets, groups, looks, and items that may be left out; a `ValueError` at the start
    of the program says which one begins with a class or a range.
    """

    __slots__ = ("_heads", "_matchers")

    def __init__(self, *alternations: str | tuple[str, str], flags: re.RegexFlag = re.NOFLAG) -> None:
        """Take alternations in the order of their weight, each alone or with the name of its group."""
        sorted_by: dict[str, dict[str, list[str]]] = {}
        for each in alternations:
            name, alternation = each if isinstance(each, tuple) else ("", each)
            for option in options_of(alternation):
                for head in _heads_of(option, ascii_only=bool(flags & re.ASCII)):
                    sorted_by.setdefault(head, {}).setdefault(name, []).append(option)
        self._matchers: dict[str, Callable[[str, int], re.Match[str] | None]] = {}
        for head, groups in sorted_by.items():
            pattern = "|".join(_group(name, options) for name, options in groups.items())
            self._matchers[head] = re.compile(pattern, flags).match
        self._heads = re.compile(f"[{re.escape(''.join(sorted(sorted_by)))}]").finditer

    def search(self, text: str, at: int = 0) -> re.Match[str] | None:
        """Return the first match at or after a place."""
        matchers = self._matchers
        for head in self._heads(text, at):
            found = matchers[head[0]](text, head.start())
            if found is not None:
                return found
        return None

    def finditer(self, text: str, first: re.Match[str] | None = None) -> Iterator[re.Match[str]]:
        """Yield the matches that do not overlap, from left to right; the first may be known from a search."""
        found = first or self.search(text)
        while found is not None:
            yield found
            found = self.search(text, found.end())

    def sub(self, put: str, text: str) -> str:
        """Return the text with something else in place of every match."""
        parts: list[str] = []
        end = 0
        for found in self.finditer(text):
            parts += (text[end : found.start()], put)
            end = found.end()
        return "".join([*parts, text[end:]]) if parts else text


def worded(alternation: str, then: str = "") -> re.Pattern[str]:
    r"""Return the pattern of `\b(?:alternation)then`, told apart by letters first, so that a search skips ahead in C.

    Options begin with a letter, or with a group of such options; a `ValueError` says which does not.
    """
    rests: dict[str, list[str]] = {}
    for option in options_of(alternation):
        for plain in _opened(option):
            rests.setdefault(plain[0], []).append(plain[1:])
            if not plain[0].isalpha() or plain[1:2] in _OPTIONAL:
                message = f"begins with no letter: {option}"
                raise ValueError(message)
    pattern = "|".join(rf"{head}(?<=\b{head})(?:{'|'.join(rest)})" for head, rest in rests.items())
    return re.compile(f"(?:{pattern}){then}")


def beginnings(alternation: str) -> str:
    """Return an alternation of the first two letters of every option: a quick look before the options themselves."""
    seconds: dict[str, set[str]] = {}
    for option in options_of(alternation):
        for plain in _opened(option):
            if not plain[:2].isalnum() or plain[2:3] in _OPTIONAL:
                message = f"begins with less than two letters: {option}"
                raise ValueError(message)
            seconds.setdefault(plain[0], set()).add(plain[1])
    return "|".join(f"{first}[{''.join(sorted(each))}]" for first, each in seconds.items())


def options_of(pattern: str, separator: re.Pattern[str] = re.compile(r"\|")) -> list[str]:
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
        at += 1 + (pattern[at] == "\\")
    return [*parts, pattern[start:]]


def without_looks(pattern: str) -> str:
    """Return the pattern without what it only looks at: what is left matches wherever the pattern does."""
    while (found := _LOOK.search(pattern)) is not None:
        pattern = pattern[: found.start()] + pattern[_end_of_group(pattern, found.end()) :]
    return pattern


def _end_of_group(pattern: str, at: int) -> int:
    """Return where a group ends that is open at a place."""
    depth = 1
    while depth:
        depth += {"(": 1, ")": -1}.get(pattern[at], 0)
        at += 1 + (pattern[at] == "\\")
    return at


def _group(name: str, options: list[str]) -> str:
    return f"(?P<{name}>{'|'.join(options)})" if name else "|".join(options)


def _opened(option: str) -> list[str]:
    """Return the options of the group that an option begins with, each with what follows the group."""
    if not option.startswith("(?:"):
        return [option]
    end = _end_of_group(option, len("(?:"))
    tail = option[end:]
    if tail.startswith(("*", "+", "{")):
        message = f"begins with a group that stands more than once: {option}"
        raise ValueError(message)
    without = _opened(tail[1:]) if tail.startswith("?") else []
    tail = tail.removeprefix("?")
    return [plain + tail for inner in options_of(option[3 : end - 1]) for plain in _opened(inner)] + without


def _heads_of(option: str, *, ascii_only: bool) -> set[str]:
    """Return every character that a match of an option may begin with, and perhaps some more."""
    pattern = without_looks(option)
    heads: set[str] = set()
    begins, at = True, 0
    groups: list[tuple[bool, bool]] = []
    while at < len(pattern):
        mark = pattern[at]
        if mark == "(":
            groups.append((begins, False))
            at = pattern.index(":", at) if pattern.startswith("(?:", at) else at
        elif mark == ")":
            outside, empty = groups.pop()
            begins = outside and (empty or begins or pattern[at + 1 : at + 2] in _OPTIONAL)
        elif mark == "|":
            outside, empty = groups[-1]
            groups[-1] = (outside, empty or begins)
            begins = outside
        elif mark in "^$?*+" or not begins:
            at = _end_of_item(pattern, at)
        else:
            end = _end_of_item(pattern, at)
            item = pattern[at : end + 1]
            heads.update(_characters(item.replace(r"\d", _DIGITS) if ascii_only else item))
            begins = item == r"\b" or pattern[end + 1 : end + 2] in _OPTIONAL
            at = end
        at += 1
    if begins or not heads:
        message = f"begins with anything: {option}"
        raise ValueError(message)
    return heads


def _end_of_item(pattern: str, at: int) -> int:
    if pattern[at] == "\\":
        return at + 1
    return pattern.index({"[": "]", "{": "}"}[pattern[at]], at) if pattern[at] in "[{" else at


def _characters(item: str) -> str:
    """Return the characters of a literal or a set."""
    if item in {r"\b", ""} or (item.startswith("{")):
        return ""
    inner = item[1:-1] if item.startswith("[") else item
    if item == "." or inner.startswith("^") or "\\" in inner or (len(inner) > 1 and "-" in inner[:-1]):
        message = f"no plain character: {item}"
        raise ValueError(message)
    return inner
