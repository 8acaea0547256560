"""What addresses ask for, read with a plain refusal where it makes no sense."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from admin.page import Refused

if TYPE_CHECKING:
    from admin.page import Visit

__all__ = ["DAYS", "HOURS", "chosen_days", "chosen_hours"]

HOURS: Final = (1, 24, 168, 720)
"""Periods that pages offer: an hour, a day, a week, thirty days."""
DAYS: Final = (1, 7, 30, 90)
"""Periods of pages whose sums are by day."""


def chosen_hours(visit: Visit, default: int = 24) -> int:
    """Return the period of `?hours=`. Raises `Refused` for one that is not offered."""
    text = visit.query.get("hours", str(default))
    for hours in HOURS:
        if text == str(hours):
            return hours
    raise Refused("asked.bad_period", value=text[:40], offered=", ".join(map(str, HOURS)))


def chosen_days(visit: Visit, default: int = 30) -> int:
    """Return the period of `?days=`. Raises `Refused` for one that is not offered."""
    text = visit.query.get("days", str(default))
    for days in DAYS:
        if text == str(days):
            return days
    raise Refused("asked.bad_days", value=text[:40])
