"""Reads what a judge answered, whatever it is: JSON by the schema, fenced, with prose around it, or nothing of use.

Names that may not be chosen are refused, and so is an answer that names two: it may quote what the query told it to
say. Takes a bounded time for an answer of any length.
"""

from __future__ import annotations

import html
import json
from typing import TYPE_CHECKING, Final, cast

from config.redact import preview
from router.judge.values import Unread, Verdict

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from config.types import Json

MAX_CHARS: Final = 16 * 1024
"""How much of an answer is looked at: its end, where models that think aloud come to the point."""
MAX_OBJECTS: Final = 64
"""Most places at which an object is looked for."""
MAX_REASONING_CHARS: Final = 300
_NAMES: Final = ("selectedmodel", "selected_model", "model")
_HUNDRED: Final = 100


def read_answer(text: str, models: Sequence[str]) -> Verdict | Unread:
    """Return what an answer says, or why it cannot be used; never raises. `models` are the names that may be chosen."""
    said = text[-MAX_CHARS:].strip()
    if not said:
        return Unread("empty")
    found = list(_objects(said))
    if not found:
        return Unread("no_json")
    named = [(name, each) for each in found if (name := _named(each)) is not None]
    if not named:
        return Unread("no_name")
    picked = {_eligible(name, models): each for name, each in named}
    if None in picked:
        return Unread("not_eligible")
    if len(picked) > 1:
        return Unread("ambiguous")
    [(model, fields)] = picked.items()
    return Verdict(cast("str", model), _confidence(fields.get("confidence")), _reasoning(fields))


def _objects(text: str) -> Iterator[Json]:
    """Yield the JSON objects in a text that are not inside one another, with lower-case names."""
    decoder = json.JSONDecoder(parse_constant=lambda _: None)  # NaN and Infinity are no numbers
    at = text.find("{")
    for _ in range(MAX_OBJECTS):
        if at < 0:
            return
        try:
            value, end = decoder.raw_decode(text, at)
        except (ValueError, RecursionError):
            end = at + 1
        else:
            yield {name.lower(): each for name, each in cast("Json", value).items()}
        at = text.find("{", end)


def _named(fields: Json) -> str | None:
    for key in _NAMES:
        name = fields.get(key)
        if isinstance(name, str) and name.strip():
            return name
    return None


def _eligible(name: str, models: Sequence[str]) -> str | None:
    """Return the model that is meant: the very name, else one that differs in case, quotes, entities or `:latest`."""
    if name in models:
        return name
    wanted = _plain(name)
    meant = [each for each in models if _plain(each) == wanted]
    return meant[0] if len(meant) == 1 else None


def _plain(name: str) -> str:
    return html.unescape(name).strip(" \t\r\n\"'`*").casefold().removesuffix(":latest")


def _confidence(value: object) -> float | None:
    """Return a confidence from 0 to 1: whole numbers are per cent, as the schema says; others up to 1 are shares."""
    if isinstance(value, str):
        digits = value.strip().removesuffix("%").strip()
        try:
            value = int(digits) if digits.isdecimal() else float(digits)
        except ValueError:
            return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    if not 0 <= value <= _HUNDRED:  # not-a-number is not either
        return None
    return value if isinstance(value, float) and value <= 1 else value / _HUNDRED


def _reasoning(fields: Json) -> str:
    said = fields.get("reasoning")
    return preview(said, MAX_REASONING_CHARS) if isinstance(said, str) else ""
