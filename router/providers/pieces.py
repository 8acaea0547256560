"""Splits text the way a model would stream it: words with the space before them, and single CJK characters."""

from __future__ import annotations

import re

_WIDE = "\u2e80-\u303f\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af\uf900-\ufaff\uff00-\uffef"
_PIECE = re.compile(rf"\s*[{_WIDE}]|\s*[^\s{_WIDE}]+|\s+")


def split_pieces(text: str) -> tuple[str, ...]:
    """Return the pieces of a text; joined, they are the text again. Linear in its length."""
    return tuple(_PIECE.findall(text))
