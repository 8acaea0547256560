"""Column types that read the same on SQLite and PostgreSQL: UTC times, JSON, and text that both databases take."""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, cast

import msgspec
from sqlalchemy import JSON, DateTime, LargeBinary, String, Text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.types import TypeDecorator, TypeEngine
from typing_extensions import override

if TYPE_CHECKING:
    from sqlalchemy.engine import Dialect

TIME_LENGTH = 32
"""Characters of `2026-11-21T08:00:00.000000+00:00`: fixed width, so that SQLite's text order is the order of time."""


class UtcTime(TypeDecorator[datetime]):
    """A moment in UTC with its zone: `timestamptz` on PostgreSQL, fixed-width ISO 8601 text on SQLite.

    Takes an aware `datetime`, or ISO text as the journal keeps it. A naive time is refused: it names no moment.
    """

    impl = DateTime(timezone=True)
    cache_ok = True

    @override
    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        if dialect.name == "sqlite":
            return dialect.type_descriptor(String(TIME_LENGTH))
        return dialect.type_descriptor(DateTime(timezone=True))

    @override
    def process_bind_param(self, value: datetime | str | None, dialect: Dialect) -> Any:
        if value is None:
            return None
        moment = datetime.fromisoformat(value) if isinstance(value, str) else value
        if moment.tzinfo is None:
            raise ValueError("a time without a zone cannot be stored")
        moment = moment.astimezone(UTC)
        return moment.isoformat(timespec="microseconds") if dialect.name == "sqlite" else moment

    @override
    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        moment = datetime.fromisoformat(value) if isinstance(value, str) else cast("datetime", value)
        return moment.astimezone(UTC)


class CleanText(TypeDecorator[str]):
    """Text without what PostgreSQL or UTF-8 cannot hold: NUL is dropped, a lone surrogate becomes `?`."""

    impl = Text
    cache_ok = True

    @override
    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        return None if value is None else clean_text(value)


class Bytes(TypeDecorator[bytes]):
    """Bytes; also takes Base64 text, which is how the journal keeps them."""

    impl = LargeBinary
    cache_ok = True

    @override
    def process_bind_param(self, value: bytes | str | None, dialect: Dialect) -> bytes | None:
        return b64decode(value) if isinstance(value, str) else value


JsonValue = JSON(none_as_null=True).with_variant(JSONB(none_as_null=True), "postgresql")
"""A JSON value, binary on PostgreSQL. Python's `None` is SQL NULL."""


def clean_text(text: str) -> str:
    """Return the text as both databases can hold it."""
    cleaned = text.replace("\x00", "")
    return cleaned if cleaned.isascii() else cleaned.encode("utf-8", "replace").decode()


def json_text(value: object) -> str:
    """Return the value as JSON that both databases take; NaN and infinities become null, unknown types their text."""
    try:
        encoded = msgspec.json.encode(value, enc_hook=str).decode()
    except (UnicodeEncodeError, TypeError, OverflowError):  # a lone surrogate; a key that is no text; 10**30
        return msgspec.json.encode(_cleaned(value)).decode()
    if "\\u0000" in encoded:  # a NUL, or a harmless backslash before `u0000`; PostgreSQL's jsonb refuses the first
        return msgspec.json.encode(_cleaned(value)).decode()
    return encoded


def json_value(text: str | bytes) -> Any:
    """Read what `json_text` wrote."""
    return msgspec.json.decode(text)


def _cleaned(value: object) -> object:
    """Return JSON's own types with clean texts; dataclasses become objects, and keys become texts."""
    if isinstance(value, str):
        return clean_text(value)
    if isinstance(value, int) and abs(value) >= 2**63:
        return str(value)
    if isinstance(value, Mapping):
        return {clean_text(str(key)): _cleaned(item) for key, item in cast("Mapping[object, object]", value).items()}
    if isinstance(value, (list, tuple)):
        return [_cleaned(item) for item in cast("list[object]", value)]
    if is_dataclass(value):
        return {each.name: _cleaned(getattr(value, each.name)) for each in fields(value)}
    plain = msgspec.to_builtins(value, enc_hook=str)
    return clean_text(plain) if isinstance(plain, str) else plain
