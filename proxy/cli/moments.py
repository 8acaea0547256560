"""A moment in the past as people type it: `7d`, `36h`, `2026-11-01`."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import typer

_AGO = re.compile(r"(\d{1,5})\s*([mhdw])")
_UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


def moment_of(text: str, *, now: datetime, option: str = "--since") -> datetime:
    """Return the moment, UTC. Raises `typer.BadParameter` for what is none, or lies in the future."""
    ago = _AGO.fullmatch(text.strip().lower())
    try:
        found = now - timedelta(**{_UNITS[ago[2]]: int(ago[1])}) if ago else datetime.fromisoformat(text.strip())
    except (ValueError, OverflowError):
        found = None
    if found is None:
        raise typer.BadParameter(f"{text!r} is no moment: say 7d, 36h, 90m, 2w or a date such as 2026-11-01.",
                                 param_hint=option)  # fmt: skip
    found = found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
    if found > now:
        raise typer.BadParameter(f"{text!r} lies in the future.", param_hint=option)
    return found
