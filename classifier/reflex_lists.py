"""Word lists, and what a first look needs of a long alternation."""

from __future__ import annotations

import re
from typing import Final

from classifier.reflex_heads import options_of, without_looks

_GAP: Final = re.compile(r"\[\^,\]\{\d+,\d+\}\??")
_GROUP: Final = re.compile(r"\(\?:|\)")
_SET: Final = re.compile(r"\[[^\]]*\]")
_OPTIONAL: Final = re.compile(r".\?")


def words(text: str) -> tuple[str, ...]:
    """Return the words of a list that is written as one text."""
    return tuple(text.split())


def needed(pattern: str) -> str:
    """Return a plain alternation that holds wherever the pattern does: of what stands around a gap, the surer side.

    A first look has to be cheap; the rest of the options is for the second.
    """
    return "|".join(
        max(reversed(options_of(part, _GAP)), key=_least_chars) for part in options_of(without_looks(pattern))
    )


def _least_chars(part: str) -> int:
    options = _GROUP.sub("", part).split("|")
    return min(len(_OPTIONAL.sub("", _SET.sub("x", option))) for option in options)
