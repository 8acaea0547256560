"""Where sentences begin and end, and which language a text speaks; offsets only, the text is never changed."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from config.types import Language

CJK = "\u3005\u3007\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
"""Han characters, as the inside of a regular expression's class (Unicode 17, blocks CJK Unified Ideographs)."""

MAX_SENTENCE_CHARS = 400
"""A longer run without an end mark is cut at its last comma or space before this, or right here."""

MAX_CLAUSE_WIDTH = 250
"""A longer sentence is cut after a comma: some 50 Han characters or 40 English words."""
_HAN_WIDTH = 5

_COMMA = re.compile(r"[，；;：](?=\S)|[,;:](?=\s)")
_BREAKS = re.compile(
    r"""
    (?P<cjk>[。！？!?；…]+[”’』」）)\]】》"']*)            # Chinese end marks need no space after them
    | (?P<latin>[.!?]+["'”’)\]]*)(?=\s)                  # Latin ones do
    | (?P<blank>\n[ \t]*(?=\n))                          # a blank line
    | (?P<item>\n(?=[ \t]*(?:[-*+•]|\d{1,3}[.)、])[ \t])) # the next list item
    """,
    re.VERBOSE,
)
_ABBREVIATION = re.compile(
    r"(?:^|[\s(\"“])(?:[A-Z]|[A-Za-z](?:\.[A-Za-z])+|(?:Mr|Mrs|Ms|Dr|Prof|St|Jr|Sr|vs|etc|No|Fig|Vol|Inc|Ltd|Co|approx)"
    r"|(?:e\.g|i\.e|cf|al))$"
)
_LOWER_NEXT = re.compile(r"\s+[a-z]")
_SOFT_CUT = re.compile(r"[，、：；,;:](?=\s|[" + CJK + r"])|\s")
_HAN = re.compile(f"[{CJK}]")
_LATIN_WORD = re.compile(r"[A-Za-z]+")


def language_of(text: str) -> Language:
    """Return `zh` where Han characters outweigh Latin words (a Chinese question may name English products)."""
    n_han = len(_HAN.findall(text))
    return "zh" if n_han and n_han * 2 >= len(_LATIN_WORD.findall(text)) else "en"


def sentences(text: str, start: int = 0, end: int | None = None) -> Iterator[tuple[int, int]]:
    """Yield `(start, end)` of the sentences of `text[start:end]`, in order, without the white space between them."""
    end = len(text) if end is None else end
    at = start
    for match in _BREAKS.finditer(text, start, end):
        if match.start() < at or not _is_end(text, at, match):
            continue
        yield from _pieces(text, at, match.end())
        at = match.end()
    yield from _pieces(text, at, end)


def clauses(
    text: str, start: int = 0, end: int | None = None, *, max_width: int = MAX_CLAUSE_WIDTH
) -> Iterator[tuple[int, int]]:
    """Yield the sentences of `text[start:end]`, the long ones cut after commas into parts of `max_width`."""
    for first, last in sentences(text, start, end):
        at = cut = first
        if _width(text, first, last) > max_width:
            for match in _COMMA.finditer(text, first, last):
                if _width(text, at, match.end()) > max_width and cut > at:
                    yield from _pieces(text, at, cut)
                    at = cut
                cut = match.end()
            if _width(text, at, last) > max_width and cut > at:
                yield from _pieces(text, at, cut)
                at = cut
        yield from _pieces(text, at, last)


def _width(text: str, start: int, end: int) -> int:
    """Return the width of a stretch: Han characters and their punctuation count `_HAN_WIDTH`, others 1."""
    return end - start + (_HAN_WIDTH - 1) * sum(char >= "\u2e80" for char in text[start:end])


def _is_end(text: str, at: int, match: re.Match[str]) -> bool:
    """Return whether the mark ends a sentence: not after an initial or abbreviation, not before a small letter."""
    if match["latin"] is None or not match["latin"].startswith("."):
        return True
    if _LOWER_NEXT.match(text, match.end()):
        return False
    return _ABBREVIATION.search(text[max(at, match.start() - 12) : match.start()]) is None


def _pieces(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    """Yield the stripped stretch, cut where it is longer than a sentence may be."""
    while start < end:
        while start < end and text[start].isspace():
            start += 1
        while end > start and text[end - 1].isspace():
            end -= 1
        if start >= end:
            return
        cut = end
        if end - start > MAX_SENTENCE_CHARS:
            soft = [found.end() for found in _SOFT_CUT.finditer(text, start, start + MAX_SENTENCE_CHARS)]
            cut = soft[-1] if soft else start + MAX_SENTENCE_CHARS
        stop = cut
        while stop > start and text[stop - 1].isspace():
            stop -= 1
        if stop > start:
            yield start, stop
        start = cut
