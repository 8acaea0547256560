"""Deterministic embedding vectors: hashed words and CJK characters, so that similar texts have similar vectors."""

from __future__ import annotations

import base64
import hashlib
import math
import struct
from typing import TYPE_CHECKING, cast

from router.providers.pieces import split_pieces

if TYPE_CHECKING:
    from collections.abc import Iterable

    from config.types import Json


def embed(text: str, *, dimensions: int) -> list[float]:
    """Return the unit vector of a text; it depends on the text alone. A text without words points to axis 0."""
    vector = [0.0] * dimensions
    for piece in split_pieces(text.casefold()):
        word = piece.strip()
        if word:
            digest = hashlib.sha256(word.encode()).digest()
            axis = int.from_bytes(digest[:4], "little") % dimensions
            vector[axis] += 1.0 if digest[4] & 1 else -1.0
    length = math.hypot(*vector)
    if length == 0.0:
        return [1.0] + [0.0] * (dimensions - 1)
    return [value / length for value in vector]


def as_base64(vector: list[float]) -> str:
    """Return little-endian 32-bit floats as base64, which the OpenAI client asks for."""
    return base64.b64encode(struct.pack(f"<{len(vector)}f", *vector)).decode("ascii")


def inputs_of(value: object) -> tuple[str, ...]:
    """Return the texts of an embeddings input: text, texts, tokens, or lists of tokens (as `#1 #2`)."""
    if isinstance(value, str):
        return (value,)
    if not isinstance(value, list):
        return ()
    entries = cast("list[object]", value)
    if entries and all(isinstance(entry, int) for entry in entries):
        return (_tokens(entries),)
    return tuple(_tokens(cast("list[object]", entry)) if isinstance(entry, list) else str(entry) for entry in entries)


def dimensions_of(body: Json, default: int) -> int:
    """Return the vector length asked for."""
    wanted = body.get("dimensions")
    return wanted if isinstance(wanted, int) and wanted > 0 else default


def _tokens(entries: Iterable[object]) -> str:
    return " ".join(f"#{entry}" for entry in entries)
