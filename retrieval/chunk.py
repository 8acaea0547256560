"""Documents to passages, along their structure: headings, code fences, paragraphs, then sentences.

A passage is always `document.text[start:end]`; nothing is rewritten, so a citation can be checked by eye.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from dataclasses import dataclass
from typing import TYPE_CHECKING

from config.types import Passage
from retrieval.segment import CJK, sentences

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from retrieval.ingest import Document

MAX_SIZE = 900
"""Largest passage in letters; a Han character counts as `HAN_SIZE` letters."""
HAN_SIZE = 2
TITLE_JOIN = " › "

_ATX = re.compile(r" {0,3}(#{1,6})(?:[ \t]+(.*?))?(?:[ \t]+#+)?[ \t]*$")
_WIKI = re.compile(r"[ \t]*((?:=[ \t]?){1,6})(?<=[= ])\s*([^=\s][^=]*?)\s*((?:[ \t]?=){1,6})[ \t]*$")
_FENCE = re.compile(r" {0,3}(`{3,}|~{3,})")
_HAN = re.compile(f"[{CJK}]")


@dataclass(frozen=True, slots=True)
class _Block:
    """A stretch that is not cut without need: a paragraph or a whole code fence."""

    start: int
    end: int
    whole: bool = False


def chunk(document: Document, *, max_size: int = MAX_SIZE) -> tuple[Passage, ...]:
    """Return the passages of a document in order; they do not overlap, and only white space and headings are left out.

    Paragraphs under one heading share a passage while it stays within `max_size` letters; a longer paragraph is cut
    between sentences. A code fence is never cut, whatever its size.
    """
    starts = _line_starts(document.text)
    return tuple(
        Passage(
            doc=document.name,
            title=title,
            text=document.text[start:end],
            start_line=line_of(starts, start),
            end_line=line_of(starts, end - 1),
            start=start,
            end=end,
        )
        for title, blocks in _sections(document)
        for start, end in _pack(document.text, blocks, max_size)
    )


def headings(document: Document) -> tuple[tuple[int, str], ...]:
    """Return `(offset of its line, title from there on)` of every heading in order; titles hold all headings above."""
    path: list[tuple[int, str]] = []
    found: list[tuple[int, str]] = []
    for block, heading in _blocks(document.text):
        if heading is not None:
            path = _below(path, heading)
            found.append((block.start, _title(document, path)))
    return tuple(found)


def _line_starts(text: str) -> list[int]:
    r"""Return the offset of every line's first character; lines end with `\n` alone, as editors and `grep -n` count."""
    return [0, *(match.end() for match in re.finditer("\n", text))]


def line_of(line_starts: Sequence[int], offset: int) -> int:
    """Return the 1-based line that holds `offset`."""
    return bisect_right(line_starts, offset)


def _sections(document: Document) -> Iterator[tuple[str, list[_Block]]]:
    """Yield `(title, blocks)` for every heading's own text."""
    path: list[tuple[int, str]] = []
    blocks: list[_Block] = []
    for block, heading in _blocks(document.text):
        if heading is None:
            blocks.append(block)
            continue
        if blocks:
            yield _title(document, path), blocks
            blocks = []
        path = _below(path, heading)
    if blocks:
        yield _title(document, path), blocks


def _below(path: list[tuple[int, str]], heading: tuple[int, str]) -> list[tuple[int, str]]:
    """Return the path of headings with one more, which ends those of its own level and below."""
    return [*((level, name) for level, name in path if level < heading[0]), heading]


def _title(document: Document, path: list[tuple[int, str]]) -> str:
    """Return the headings that lead here, outermost first, after the document's own title."""
    names = [name for _, name in path if name]
    lead = [document.title] if document.title and document.title not in names[:1] else []
    return TITLE_JOIN.join(lead + names)


def _blocks(text: str) -> Iterator[tuple[_Block, tuple[int, str] | None]]:
    """Yield paragraphs and fences, and headings as `(block, (level, words))`."""
    open_at: int | None = None
    fence: tuple[int, str] | None = None
    for start, end in _lines(text):
        line = text[start:end]
        mark = _FENCE.match(line)
        if fence is not None:
            if mark and mark[1].startswith(fence[1]) and not line[mark.end() :].strip():
                yield _Block(fence[0], end, whole=True), None
                fence = None
            continue
        heading = _heading(line)
        if (mark or heading or not line.strip()) and open_at is not None:
            yield _Block(open_at, start), None
            open_at = None
        if mark:
            fence = (start, mark[1])
        elif heading:
            yield _Block(start, end), heading
        elif line.strip() and open_at is None:
            open_at = start
    if fence is not None or open_at is not None:
        yield _Block(fence[0] if fence else open_at or 0, len(text), whole=fence is not None), None


def _lines(text: str) -> Iterator[tuple[int, int]]:
    r"""Yield `(start, end)` of the lines, without their `\n`."""
    start = 0
    for match in re.finditer("\n", text):
        yield start, match.start()
        start = match.end()
    yield start, len(text)


def _heading(line: str) -> tuple[int, str] | None:
    """Return level and words of a Markdown (`## x`) or MediaWiki (`== x ==`) heading, or `None`."""
    if len(line) > MAX_SIZE:
        return None
    if match := _ATX.match(line):
        return len(match[1]), match[2] or ""
    if match := _WIKI.match(line):
        level = match[1].count("=")
        return (level, match[2].strip()) if level == match[3].count("=") else None
    return None


def _pack(text: str, blocks: list[_Block], max_size: int) -> Iterator[tuple[int, int]]:
    """Yield `(start, end)` of passages: neighbours join while they fit, long paragraphs are cut between sentences."""
    start = end = -1
    size = 0
    for piece_start, piece_end in _pieces(text, blocks, max_size):
        piece_size = _size(text, piece_start, piece_end)
        if start >= 0 and size + piece_size <= max_size:
            end, size = piece_end, size + piece_size
            continue
        if start >= 0:
            yield start, end
        start, end, size = piece_start, piece_end, piece_size
    if start >= 0:
        yield start, end


def _pieces(text: str, blocks: list[_Block], max_size: int) -> Iterator[tuple[int, int]]:
    """Yield blocks stripped of outer line ends, and the sentences of blocks that are too long."""
    for block in blocks:
        start, end = block.start, block.end
        while end > start and text[end - 1].isspace():
            end -= 1
        if end == start:
            continue
        if block.whole or _size(text, start, end) <= max_size:
            yield start, end
        else:
            yield from sentences(text, start, end)


def _size(text: str, start: int, end: int) -> int:
    """Return the size of a stretch in letters."""
    return end - start + (HAN_SIZE - 1) * sum(1 for _ in _HAN.finditer(text, start, end))
