"""Names the documents that a request was answered with, in a header and, where nothing is streamed, in the body."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, cast
from urllib.parse import quote

import msgspec

if TYPE_CHECKING:
    from collections.abc import Sequence

    from config.types import Json, Passage

SOURCES_HEADER: Final = "x-thalamus-sources"
MAX_HEADER_CHARS: Final = 1000
"""Sources that do not fit are left out of the header; the decision has all."""
_PLAIN: Final = "/._- ~"


def sources_of(passages: Sequence[Passage]) -> list[Json]:
    """Return the passages as clients see them: document, lines and headings, best first."""
    return [{"doc": each.doc, "lines": [each.start_line, each.end_line], "title": each.title} for each in passages]


def sources_header(passages: Sequence[Passage]) -> str:
    """Return `doc:first-last` of each, joined by commas; names are percent-encoded, since headers are ASCII."""
    told = ""
    for each in passages:
        one = f"{quote(each.doc, safe=_PLAIN)}:{each.start_line}-{each.end_line}"
        longer = f"{told}, {one}" if told else one
        if len(longer) > MAX_HEADER_CHARS:
            break
        told = longer
    return told


def with_sources(body: bytes, passages: Sequence[Passage]) -> bytes:
    """Return a plain answer with `sources` beside its own fields; the official clients keep fields they do not know."""
    answer = cast("Json", msgspec.json.decode(body))
    return msgspec.json.encode(answer | {"sources": sources_of(passages)})
