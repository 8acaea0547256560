"""Cuts a request for several things into its parts, at the words that join them ("and then", 并且)."""

from __future__ import annotations

import re

MAX_PARTS = 4
"""A request of more parts is a text, not a list of things that are asked for."""
_MIN_HAN = 3
_MIN_WORDS = 2
_CUTS = re.compile(
    r"[,;.]?\s+(?:and then|and also|and|then)\s+|;\s*|；"
    r"|[，,]?(?:并且|然后|接着|同时)|[，,]再|(?<![合吞兼])并(?![不没非未发行列排购存])",
    re.IGNORECASE,
)
_HAN = re.compile(r"[\u3400-\u9fff]")


def parts_of(text: str) -> tuple[str, ...]:
    """Return the two to `MAX_PARTS` parts of a text, in their order; nothing where it asks for one thing.

    A part is at least three Han characters or two words: "terms and conditions" is one thing.
    """
    parts = tuple(stripped for each in _CUTS.split(text) if (stripped := each.strip(" ,，.。")))
    is_list = 1 < len(parts) <= MAX_PARTS and all(map(_says_enough, parts))
    return parts if is_list else ()


def _says_enough(part: str) -> bool:
    return len(_HAN.findall(part)) >= _MIN_HAN or len(part.split()) >= _MIN_WORDS
