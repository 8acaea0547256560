"""What addresses ask for, read with a plain refusal where it makes no sense."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from admin.page import Refused

if TYPE_CHECKING:
    from admin.page import Visit

__all__ = ["HOURS", "chosen_hours"]

HOURS: Final = (1, 24, 168, 720)
"""Periods that pages offer: an hour, a day, a week, thirty days."""


def chosen_hours(visit: Visit, default: int = 24) -> int:
    """Return the period of `?hours=`. Raises `Refused` for one that is not offered."""
    text = visit.query.get("hours", str(default))
    for hours in HOURS:
        if text == str(hours):
            return hours
    raise Refused("asked.bad_period", value=text[:40], offered=", ".join(map(str, HOURS)))
