"""Narrowing and writing decoded JSON at the wire border; knows no dialect."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, cast

import msgspec

if TYPE_CHECKING:
    from config.types import Json


def as_object(value: object) -> Json | None:
    """Return `value` if it is a JSON object."""
    return cast("Json", value) if isinstance(value, dict) else None


def as_list(value: object) -> list[object]:
    """Return `value` if it is a JSON array, else an empty list."""
    return cast("list[object]", value) if isinstance(value, list) else []


def as_objects(value: object) -> list[Json]:
    """Return the objects of a JSON array; anything else in it is left out."""
    return [item for item in map(as_object, as_list(value)) if item is not None]


def as_text(value: object) -> str | None:
    """Return `value` if it is a string."""
    return value if isinstance(value, str) else None


MAX_COUNT = 10**9
"""More tokens than any answer has; beyond it a count is a fault that would spoil every sum it went into."""


def as_count(value: object) -> int:
    """Return `value` if it is a whole number from 0 to `MAX_COUNT`, else 0."""
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 < value <= MAX_COUNT else 0


def as_number(value: object) -> float | int | None:
    """Return `value` if it is a number."""
    return value if isinstance(value, int | float) and not isinstance(value, bool) else None


def encode(value: object) -> bytes:
    """Return compact JSON. Lone surrogates, which UTF-8 cannot hold, become escapes."""
    try:
        return msgspec.json.encode(value)
    except UnicodeEncodeError:
        return json.dumps(value, separators=(",", ":")).encode()


def decode(text: str | bytes) -> object:
    """Return the value of a JSON text. Raises `ValueError` where it is none, or one nested beyond reason."""
    try:
        return msgspec.json.decode(text)
    except RecursionError as error:
        raise ValueError("nested too deep") from error
