"""What pages of events share: what is asked for, where a page begins, and the addresses that lead on."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlencode

from admin.page import Refused
from admin.pages.decisions import cursor_of, cursor_text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from admin.page import Visit
    from admin.queries.decisions import Found

__all__ = ["MAX_CHARS", "asked_for", "cursor_of", "onward"]

MAX_CHARS = 200


def asked_for(visit: Visit, names: Sequence[str]) -> dict[str, str]:
    """Return what the address asks for under these names. Raises `Refused` for what is too long."""
    asked = {name: visit.query[name].strip() for name in names if visit.query.get(name, "").strip()}
    for name, value in asked.items():
        if len(value) > MAX_CHARS:
            raise Refused("decisions.too_long", field=name, most=MAX_CHARS)
    return asked


def onward(path: str, asked: dict[str, str], found: Found) -> dict[str, str | None]:
    """Return the addresses of the next page and of the first, and how far back was looked where little fits."""
    end = found.after
    return {
        "next": None if end is None else f"{path}?{urlencode({**asked, 'before': cursor_text(end)})}",
        "first": f"{path}?{urlencode(asked)}",
        "searched_back_to": end.ts.isoformat() if found.is_partial and end is not None else None,
    }
