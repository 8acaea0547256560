"""Finding the fields of an upstream's error in whatever body it sent: the twenty shapes of "it failed".

Knows shapes only; what they mean is decided in `failures.py`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Final, cast

import msgspec

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from config.types import Json

_MESSAGE_KEYS: Final = ("message", "msg", "error_msg", "error_message", "errorMessage", "detail", "error_description")
_MAX_DEPTH: Final = 6
MAX_RETRY_AFTER_S: Final = 86_400.0
"""Longest wish to wait that is believed, a day: beyond it lie slips of unit, and numbers no client can hold."""
_MAX_PAGE_CHARS: Final = 300
_DURATION: Final = re.compile(r"\s*(\d{1,9}(?:\.\d{1,9})?)\s*(ms|s|m|h)?\s*$")
_DURATION_UNITS: Final = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, None: 1.0}
_RETRY_KEYS: Final = {"retryDelay": 1.0, "retry_after": 1.0, "retryAfter": 1.0, "retry_after_ms": 0.001}
_HINT_KEYS: Final = ("status", "reason", "quotaId")
_TITLE: Final = re.compile(r"<(title|h1)[^>]{0,200}>([^<]{1,200})", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class ErrorFields:
    """What a body says of its error; `None` where it does not."""

    message: str | None = None
    type: str | None = None
    code: str | None = None
    param: str | None = None
    status: int | None = None
    """An HTTP status told in the body."""
    retry_after_s: float | None = None
    hint: str | None = None
    """Further words that tell the class: inner codes, reasons, names of quotas."""
    page: str | None = None
    """What the body is when it is no JSON."""


def read_error_body(body: bytes) -> ErrorFields:
    """Return the fields of an error body: JSON of any shape, HTML, text or nothing."""
    text = body.decode("utf-8", "replace").strip()
    if not text:
        return ErrorFields(page="an empty body")
    try:
        value = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return ErrorFields(page=_describe_page(text))
    return _read_value(value)


def read_error_object(obj: Json) -> ErrorFields:
    """Return the fields of a decoded error object."""
    return _read_value(obj)


def retry_after_of_headers(headers: Mapping[str, str], clock: Callable[[], float]) -> float | None:
    """Return `retry-after-ms` or `retry-after` (seconds or HTTP date) in seconds, `None` without a readable one."""
    in_ms = _to_seconds(headers.get("retry-after-ms"))
    if in_ms is not None:
        return in_ms / 1000
    value = headers.get("retry-after")
    seconds = _to_seconds(value)
    if seconds is not None or value is None:
        return seconds
    try:
        when = parsedate_to_datetime(value)
        aware = when if when.tzinfo else when.replace(tzinfo=UTC)
        return min(max(0.0, aware.timestamp() - clock()), MAX_RETRY_AFTER_S)
    except (ValueError, OverflowError, TypeError):  # a date, or a zone, that no calendar has
        return None


def _read_value(value: object) -> ErrorFields:
    if isinstance(value, list):
        items = cast("list[object]", value)
        return _read_value(items[0]) if items else ErrorFields(page="an empty list")
    if not isinstance(value, dict):
        return ErrorFields(message=str(value)) if value else ErrorFields(page="no message")
    obj = cast("Json", value)
    inner = _inner(obj)
    code, status = _read_code(inner, obj)
    return ErrorFields(
        message=_read_message(inner) or _read_message(obj) or _first_text(inner.get("error")),
        type=_first_text(inner.get("type")) or _own_type(obj),
        code=code,
        param=_first_text(inner.get("param")),
        status=status,
        retry_after_s=_find_retry(obj),
        hint=" ".join(_find_hints(obj)) or None,
    )


def _inner(obj: Json) -> Json:
    """The object that holds the fields: `{"error": {..}}`, `{"error": "text"}`, `{"errors": [..]}` or itself."""
    for key in ("error", "errors", "detail", "response"):
        found = obj.get(key)
        if isinstance(found, list) and found:
            found = cast("list[object]", found)[0]
        if isinstance(found, dict):
            return _inner(cast("Json", found)) if key == "response" else cast("Json", found)
        if key == "error" and isinstance(found, str) and found:
            return {**obj, "message": _read_message(obj) or found}
    return obj


def _own_type(obj: Json) -> str | None:
    """A top-level `type` names the envelope (`{"type": "error"}`) unless it says more."""
    found = _first_text(obj.get("type"))
    return None if found in {"error", "response.failed"} else found


def _read_message(obj: Json) -> str | None:
    for key in _MESSAGE_KEYS:
        found = obj.get(key)
        if isinstance(found, str) and found.strip():
            return found.strip()
        if isinstance(found, dict | list) and found:
            return msgspec.json.encode(found).decode()
    return None


def _read_code(inner: Json, obj: Json) -> tuple[str | None, int | None]:
    """A code is a word or a number; a number that can be an HTTP status is one, and is no OpenAI code."""
    status: int | None = None
    word: str | None = None
    for source in (inner, obj):
        for key in ("code", "status_code", "http_code", "error_code", "status"):
            found = source.get(key)
            number = _to_status(found)
            if number is not None:
                status = status or number
            elif key != "status" and found not in (None, "", False) and not isinstance(found, dict | list):
                word = word or str(found)
    return word, status


def _to_status(value: object) -> int | None:
    if isinstance(value, str) and len(value) == 3 and value.isdecimal():  # noqa: PLR2004 - digits of an HTTP status
        value = int(value)
    is_status = isinstance(value, int) and not isinstance(value, bool) and 400 <= value < 600  # noqa: PLR2004 - same
    return cast("int", value) if is_status else None


def _first_text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None


def _walk(value: object, depth: int = 0) -> Iterator[tuple[str, object]]:
    if depth > _MAX_DEPTH:
        return
    if isinstance(value, dict):
        for key, inner in cast("Json", value).items():
            yield key, inner
            yield from _walk(inner, depth + 1)
    elif isinstance(value, list):
        for inner in cast("list[object]", value):
            yield from _walk(inner, depth + 1)


def _find_retry(obj: Json) -> float | None:
    for key, value in _walk(obj):
        scale = _RETRY_KEYS.get(key)
        seconds = _to_seconds(value) if scale is not None else None
        if scale is not None and seconds is not None:
            return seconds * scale
    return None


def _find_hints(obj: Json) -> Iterator[str]:
    for key, value in _walk(obj):
        if isinstance(value, str) and key in _HINT_KEYS:
            yield value
        elif key == "innererror" and isinstance(value, dict):
            yield str(cast("Json", value).get("code", ""))
        elif key == "raw" and isinstance(value, str):
            yield value[:1000]


def _to_seconds(value: object) -> float | None:
    if isinstance(value, dict):
        parts = cast("Json", value)
        value = parts.get("seconds")
    if isinstance(value, str):
        match = _DURATION.match(value)
        return min(float(match[1]) * _DURATION_UNITS[match[2]], MAX_RETRY_AFTER_S) if match else None
    if isinstance(value, int | float) and not isinstance(value, bool) and value >= 0:  # which NaN is not
        return float(min(value, MAX_RETRY_AFTER_S))
    return None


def _describe_page(text: str) -> str:
    if text[:1] == "<" or "<html" in text[:500].lower():
        title = _TITLE.search(text)
        return f"an HTML page ({' '.join(title[2].split())})" if title else "an HTML page"
    return f"the text: {' '.join(text[:_MAX_PAGE_CHARS].split())}"
