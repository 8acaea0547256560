"""Ids that sort by time: UUIDv7 (RFC 9562), as text."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID

import uuid_utils

UUID_VERSION = 7


def new_id() -> str:
    """Return a fresh id; ids made later in one process sort later."""
    return str(uuid_utils.uuid7())


def is_id(text: str) -> bool:
    """Return whether the text is an id as `new_id` writes it: lower case, with hyphens, version 7."""
    return _parsed(text) is not None


def time_of(text: str) -> datetime | None:
    """Return when the id was made, UTC with millisecond precision; `None` when it is not one of ours."""
    parsed = _parsed(text)
    return None if parsed is None else datetime.fromtimestamp((parsed.int >> 80) / 1000, UTC)


def _parsed(text: str) -> UUID | None:
    try:
        parsed = UUID(text)
    except ValueError:
        return None
    return parsed if parsed.version == UUID_VERSION and str(parsed) == text else None
