"""Documents to search units: sliding windows of whole sentences, so that no answer lies across a cut.

One window begins at each sentence and runs on while it stays within a size; in a manual of short sections, up to the
next heading. Neighbouring windows overlap; who chooses among them passes over what is sent already. Nothing is left
out, headings included: a sentence ends where the next one begins. `chunk.py` cuts the passages of the extractive
answerer, which do not overlap.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from dataclasses import dataclass
from typing import TYPE_CHECKING

from retrieval.chunk import headings
from retrieval.segment import CJK, clauses

if TYPE_CHECKING:
    from collections.abc import Sequence

    from retrieval.ingest import Document

WINDOW_SIZE = 800
"""Largest window in letters; a Han character counts as `HAN_WIDTH` letters. A single longer clause is one window."""
HAN_WIDTH = 4
"""A Han character costs about as many tokens as four letters, so windows of both scripts cost about the same."""
_HAN = re.compile(f"[{CJK}]")


@dataclass(frozen=True, slots=True)
class Sentences:
    """A document cut into sentences that touch: sentence `i` is `text[starts[i]:starts[i + 1]]`."""

    starts: tuple[int, ...]
    """Ascending offsets; the first is 0, the last the end of the text. White space goes with the sentence before it."""
    titles: tuple[str, ...]
    """Headings above each sentence, the document's title first."""

    def __len__(self) -> int:
        return len(self.titles)


@dataclass(frozen=True, slots=True)
class Window:
    """Sentences `first` to `last` (exclusive) of a document, and their stretch."""

    first: int
    last: int
    start: int
    end: int


def cut(document: Document) -> Sentences:
    """Return the document's sentences with their headings; none for a text of white space alone."""
    text = document.text
    starts = [start for start, _ in clauses(text)]
    if not starts:
        return Sentences((0,), ())
    named = headings(document)
    offsets = [offset for offset, _ in named]
    titles = tuple(
        named[place - 1][1] if (place := bisect_right(offsets, start)) else document.title for start in starts
    )
    return Sentences((0, *starts[1:], len(text)), titles)


def windows(text: str, sentences: Sentences, *, size: int = WINDOW_SIZE) -> tuple[Window, ...]:
    """Return one window for each sentence; a window that lies wholly within the one before is left out.

    A manual of short sections, on average no longer than a window, is cut by its sections: no window crosses a heading.
    Through longer texts windows slide.
    """
    widths = _widths(text, sentences)
    ends = _section_ends(sentences.titles)
    if sum(widths) > size * len(set(ends)):
        ends = [len(widths)] * len(widths)
    found: list[Window] = []
    last, total = 0, 0
    for first in range(len(sentences)):
        if last <= first:
            last, total = first + 1, widths[first]
        while last < ends[first] and total + widths[last] <= size:
            total += widths[last]
            last += 1
        if not found or last > found[-1].last:
            found.append(Window(first, last, sentences.starts[first], sentences.starts[last]))
        total -= widths[first]
    return tuple(found)


def _section_ends(titles: Sequence[str]) -> list[int]:
    """Return for each sentence where its section ends: the first sentence with other headings."""
    ends = [len(titles)] * len(titles)
    for at in range(len(titles) - 2, -1, -1):
        ends[at] = ends[at + 1] if titles[at] == titles[at + 1] else at + 1
    return ends


def _widths(text: str, sentences: Sentences) -> list[int]:
    """Return the size of each sentence in letters."""
    return [
        end - start + (HAN_WIDTH - 1) * len(_HAN.findall(text, start, end))
        for start, end in zip(sentences.starts, sentences.starts[1:], strict=False)
    ]
