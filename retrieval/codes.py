"""Codes that a question names, such as `AUTH-1004` or `create_order`: told by their form alone."""

from __future__ import annotations

import re
from typing import Final

from config.types import Mention

IDENTIFIER: Final = "identifier"
"""The type that the tagger gives such names, too."""
_JOINED: Final = re.compile(r"(?<![A-Za-z0-9_-])[A-Za-z][A-Za-z0-9]*(?:[-_][A-Za-z0-9]+)+(?![A-Za-z0-9_-])")
_TELLING: Final = re.compile(r"[0-9_]")


def codes(question: str) -> tuple[Mention, ...]:
    """Return the codes in a question: words joined by `-` or `_` that hold a digit or a `_`, each once."""
    found = dict.fromkeys(each for each in _JOINED.findall(question) if _TELLING.search(each))
    return tuple(Mention(each, IDENTIFIER, 1.0) for each in found)
