"""The hours and days that a page looks back over: they begin whole, and end now.

Sums may lie ahead: of a clock that was put back, or of another gateway whose clock is wrong. No page counts them.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sqlalchemy import ColumnElement

__all__ = ["first_hour", "in_last_days", "in_last_hours"]


def first_hour(now: datetime, hours: int) -> datetime:
    """Return when the first of the last `hours` began, UTC; the hour begun is one of them."""
    return now.astimezone(UTC).replace(minute=0, second=0, microsecond=0) - timedelta(hours=hours - 1)


def in_last_hours(hour: ColumnElement[Any], *, now: datetime, hours: int) -> ColumnElement[bool]:
    """Return whether an hour, told by its beginning, is one of the last, the hour begun included."""
    return hour.between(first_hour(now, hours), now)


def in_last_days(day: ColumnElement[Any], *, now: datetime, days: int) -> ColumnElement[bool]:
    """Return whether a day (UTC), told by its beginning, is one of the last, today included."""
    today = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    return day.between(today - timedelta(days=days - 1), now)
