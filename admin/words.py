"""How numbers, money and times are written: filters of the templates."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from config.columns import json_text

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["FILTERS", "count", "duration", "moment", "money", "percent"]

NONE = "–"
"""Stands where there is no value, or one that is no number; never for zero."""


def count(value: float | None) -> str:
    """Return a whole number with thin groups of three: `12 345`."""
    return NONE if value is None or not math.isfinite(value) else f"{value:,.0f}".replace(",", "\u2009")


def percent(share: float | None, digits: int = 1) -> str:
    """Return a share from 0 to 1 in percent."""
    return NONE if share is None or not math.isfinite(share) else f"{100 * share:.{digits}f}\u202f%"


def money(usd: float | None) -> str:
    """Return US dollars, with as many digits as small sums need."""
    if usd is None or not math.isfinite(usd):
        return NONE
    size = abs(usd)
    digits = 2 if size >= 1 or size == 0 else 4 if size >= 0.01 else 6  # noqa: PLR2004  # a dollar, a cent
    return f"{'-' if usd < 0 else ''}${size:,.{digits}f}"


def duration(value_ms: float | None) -> str:
    """Return milliseconds as `0.35 ms`, `35 ms`, `3.5 s` or `2 min 5 s`."""
    if value_ms is None or not math.isfinite(value_ms):
        return NONE
    if value_ms < 10:  # noqa: PLR2004  # below it, parts of a millisecond matter
        return f"{value_ms:.2f}\u202fms"
    if value_ms < 1000:  # noqa: PLR2004  # a second
        return f"{value_ms:.0f}\u202fms"
    if value_ms < 60_000:  # noqa: PLR2004  # a minute
        return f"{value_ms / 1000:.1f}\u202fs"
    minutes, rest = divmod(round(value_ms / 1000), 60)
    return f"{minutes}\u202fmin {rest}\u202fs"


def moment(value: datetime | str | None) -> str:
    """Return a UTC time to the second; the page's script writes it in the viewer's zone."""
    if value is None:
        return NONE
    at = datetime.fromisoformat(value) if isinstance(value, str) else value
    return at.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S")


def instant(value: datetime | str) -> str:
    """Return a time as machines read it, in UTC: what `<time datetime>` takes."""
    at = datetime.fromisoformat(value) if isinstance(value, str) else value
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def seconds(value: datetime | str) -> float:
    """Return a time as seconds since 1970, which is what time series are drawn by."""
    return (datetime.fromisoformat(value) if isinstance(value, str) else value).timestamp()


FILTERS: Mapping[str, Callable[..., str | float]] = {
    "count": count,
    "duration": duration,
    "instant": instant,
    "json_text": json_text,
    "money": money,
    "moment": moment,
    "percent": percent,
    "seconds": seconds,
}
