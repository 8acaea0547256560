"""What share each was meant to have, and what it got: a bar for what it got, a mark for what was meant."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from admin.charts.bars import whisker
from admin.charts.svg import element, fit, frame, scale, text
from admin.words import percent

if TYPE_CHECKING:
    from collections.abc import Sequence

    from markupsafe import Markup

__all__ = ["Share", "shares"]

WIDTH, LABELS, ROW, FOOT, EDGE = 600.0, 140.0, 26.0, 24.0, 190.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """One of those that share; shares from 0 to 1."""

    label: str
    target: float | None
    """`None` where none was set."""
    realised: float | None
    """`None` where nothing was shared out yet."""
    low: float | None = None
    high: float | None = None
    """Ends of the interval of what it got."""
    note: str = ""


def shares(rows: Sequence[Share], *, title: str, description: str = "") -> Markup:
    """Return the picture, from 0 to 100 %."""
    height = ROW * max(1, len(rows)) + FOOT
    parts: list[Markup] = []
    for mark in (0.0, 0.25, 0.5, 0.75, 1.0):
        x = _x(mark)
        kind = "grid-line" if mark else "axis"
        parts.append(element("line", {"class": kind, "x1": x, "x2": x, "y1": 0, "y2": height - FOOT}))
        parts.append(text((x, height - 7), percent(mark, 0), kind="faint", anchor="middle"))
    parts += [_row(row, place * ROW) for place, row in enumerate(rows)]
    return frame(WIDTH, height, *parts, title=title, description=description)


def _x(share: float) -> float:
    return scale(share, low=0, high=1, start=LABELS, end=WIDTH - EDGE)


def _row(row: Share, top: float) -> Markup:
    middle = top + ROW / 2
    words = f"{percent(row.realised)} / {percent(row.target)}" + (f" · {row.note}" if row.note else "")
    children = [
        element("title", {}, f"{row.label}: {words}"),
        text((0, middle + 4), fit(row.label, LABELS - 10)),
        element(
            "rect", {"class": "track", "x": LABELS, "y": top + 6, "width": _x(1) - LABELS, "height": ROW - 12, "rx": 2}
        ),
    ]
    if row.realised is not None:
        box = {"class": "fill-1", "x": LABELS, "y": top + 6, "width": _x(row.realised) - LABELS}
        children.append(element("rect", {**box, "height": ROW - 12, "rx": 2}))
    if row.low is not None and row.high is not None:
        children.append(element("path", {"class": "whisker", "d": whisker(_x(row.low), _x(row.high), middle)}))
    if row.target is not None:
        x = _x(row.target)
        children.append(element("line", {"class": "target", "x1": x, "x2": x, "y1": top + 2, "y2": top + ROW - 2}))
    children.append(text((_x(1) + 10, middle + 4), fit(words, EDGE - 12)))
    return element("g", {}, *children)
