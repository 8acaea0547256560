"""Where the time of one request went: a row per stage or attempt, from when to when. Also serves as a Gantt chart."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from admin.charts.svg import element, fit, frame, number, scale, steps, text
from admin.words import duration

if TYPE_CHECKING:
    from collections.abc import Sequence

    from markupsafe import Markup

__all__ = ["Span", "waterfall"]

WIDTH, LABELS, ROW, HEAD, FOOT = 760.0, 190.0, 24.0, 26.0, 8.0
WORDS = 150.0
"""Kept free on the right, so that what is written after a bar never stands on one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """One row."""

    name: str
    start_ms: float
    """Since the request came."""
    duration_ms: float
    depth: int = 0
    """How far its name is indented: 1 for an attempt within `dispatch`."""
    state: Literal["good", "bad", "off"] = "good"
    """`bad`: it failed; `off`: it was left out or cut short. Also said in `note`, since colour alone says nothing."""
    note: str = ""
    """Written after the duration, such as the class of the failure."""


def waterfall(spans: Sequence[Span], *, total_ms: float, title: str, description: str = "") -> Markup:
    """Return the picture. Spans that end after `total_ms` (work after the answer) stretch the axis."""
    end_ms = max([total_ms, *(span.start_ms + span.duration_ms for span in spans), 0.001])
    marks = steps(end_ms)
    high = max(marks[-1] if marks[-1] <= end_ms * 1.15 else end_ms, end_ms)
    height = HEAD + ROW * max(1, len(spans)) + FOOT
    parts = [_mark(mark, high=high, bottom=height - FOOT) for mark in marks if mark <= high]
    for row, span in enumerate(spans):
        parts.append(_row(span, HEAD + row * ROW, high=high))
    return frame(WIDTH, height, *parts, title=title, description=description)


def _x(value_ms: float, high: float) -> float:
    return scale(value_ms, low=0, high=high, start=LABELS, end=WIDTH - WORDS)


def _mark(mark: float, *, high: float, bottom: float) -> Markup:
    x = _x(mark, high)
    line = element("line", {"class": "grid-line", "x1": x, "x2": x, "y1": HEAD - 6, "y2": bottom})
    anchor = "middle" if mark else "start"
    words = "0" if mark == 0 else duration(mark).replace(".00", "").replace(".0", "")
    return element("g", {}, line, text((x, HEAD - 12), words, kind="faint", anchor=anchor))


def _row(span: Span, top: float, *, high: float) -> Markup:
    start, end = _x(span.start_ms, high), _x(span.start_ms + span.duration_ms, high)
    width = max(1.5, end - start)
    fill = {"good": "fill-2" if span.depth else "fill-1", "bad": "fill-bad", "off": "fill-off"}[span.state]
    words = duration(span.duration_ms) + (f" · {span.note}" if span.note else "")
    middle = top + ROW / 2 + 4
    indent = 14.0 * span.depth
    return element(
        "g",
        {},
        element("title", {}, f"{span.name}: {number(span.start_ms)} ms + {words}"),
        text((indent, middle), fit(span.name, LABELS - indent - 10), kind="faint" if span.depth else "strong"),
        element("rect", {"class": fill, "x": start, "y": top + 5, "width": width, "height": ROW - 10, "rx": 2}),
        text((start + width + 6, middle), fit(words, WIDTH - start - width - 6), kind="faint"),
    )
