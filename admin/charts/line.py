"""How something went over time or along a threshold: lines with the band of their interval, and marked moments."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from admin.charts.svg import element, fit, frame, polyline, scale, steps, text, width_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from markupsafe import Markup

    Write = Callable[[float], str]

__all__ = ["Line", "Mark", "Point", "lines"]

WIDTH, LEFT, RIGHT, PLOT, FOOT, HEAD = 600.0, 64.0, 12.0, 190.0, 26.0, 44.0
MANY = 40
"""Above so many points, no dots are drawn on a line."""


@dataclass(frozen=True, slots=True)
class Point:
    """A value and the ends of its interval, where it has one. A value of `None` is a gap."""

    x: float
    y: float | None
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True, slots=True)
class Line:
    """Points in the order of x."""

    label: str
    points: Sequence[Point]


@dataclass(frozen=True, slots=True)
class Mark:
    """Something that happened at x, such as a new version."""

    x: float
    label: str


@dataclass(frozen=True, slots=True)
class _Axes:
    x_low: float
    x_high: float
    y_high: float

    def x(self, value: float) -> float:
        return scale(value, low=self.x_low, high=self.x_high, start=LEFT, end=WIDTH - RIGHT)

    def y(self, value: float) -> float:
        return scale(value, low=0, high=self.y_high, start=HEAD + PLOT, end=HEAD)


def lines(
    rows: Sequence[Line],
    *,
    write_x: Write,
    write_y: Write,
    title: str,
    description: str = "",
    marks: Sequence[Mark] = (),
    y_high: float | None = None,
) -> Markup:
    """Return the picture; y starts at 0 and ends at `y_high`, or where the values do."""
    points = [point for row in rows for point in row.points if math.isfinite(point.x)]
    tops = [top for point in points for top in (point.y, point.high) if top is not None and math.isfinite(top)]
    y_marks = steps(y_high or max([*tops, 0.0]))
    axes = _Axes(
        min((point.x for point in points), default=0.0), max((point.x for point in points), default=1.0), y_marks[-1]
    )
    parts = [*_grid(axes, y_marks, write_y), *_x_words(axes, write_x), _legend([row.label for row in rows])]
    parts += [_mark(mark, axes) for mark in marks if axes.x_low <= mark.x <= axes.x_high]
    parts += [_line(row, n % 8 + 1, axes) for n, row in enumerate(rows)]
    return frame(WIDTH, HEAD + PLOT + FOOT, *parts, title=title, description=description)


def _grid(axes: _Axes, marks: Iterable[float], write: Write) -> list[Markup]:
    parts: list[Markup] = []
    for mark in marks:
        y = axes.y(mark)
        kind = "grid-line" if mark else "axis"
        parts.append(element("line", {"class": kind, "x1": LEFT, "x2": WIDTH - RIGHT, "y1": y, "y2": y}))
        parts.append(text((LEFT - 8, y + 4), write(mark), kind="faint", anchor="end"))
    return parts


def _x_words(axes: _Axes, write: Write) -> list[Markup]:
    if axes.x_high <= axes.x_low:
        return [text((LEFT, HEAD + PLOT + 18), write(axes.x_low), kind="faint")]
    parts: list[Markup] = []
    for n, anchor in ((0, "start"), (1, "middle"), (2, "middle"), (3, "middle"), (4, "end")):
        value = axes.x_low + (axes.x_high - axes.x_low) * n / 4
        parts.append(text((axes.x(value), HEAD + PLOT + 18), write(value), kind="faint", anchor=anchor))
    return parts


def _runs(points: Iterable[Point]) -> list[list[tuple[Point, float]]]:
    """Return what can be drawn without leaping over a gap."""
    runs: list[list[tuple[Point, float]]] = [[]]
    for point in points:
        if point.y is None or not math.isfinite(point.y) or not math.isfinite(point.x):
            runs.append([])
        else:
            runs[-1].append((point, point.y))
    return [run for run in runs if run]


def _line(row: Line, colour: int, axes: _Axes) -> Markup:
    children = [element("title", {}, row.label)]
    for run in _runs(row.points):
        band = [(axes.x(point.x), axes.y(point.high)) for point, _y in run if point.high is not None]
        band += [(axes.x(point.x), axes.y(point.low)) for point, _y in reversed(run) if point.low is not None]
        if band:
            children.append(element("path", {"class": f"band fill-{colour}", "d": polyline(band, close=True)}))
        places = [(axes.x(point.x), axes.y(y)) for point, y in run]
        dash = None if colour == 1 else f"{2 + 2 * colour} {1 + colour}"  # told apart without colour too
        children.append(element("path", {"class": f"line-{colour}", "d": polyline(places), "stroke-dasharray": dash}))
        if len(run) == 1 or len(row.points) <= MANY:
            children += [element("circle", {"class": f"fill-{colour}", "cx": x, "cy": y, "r": 2.5}) for x, y in places]
    return element("g", {}, *children)


def _mark(mark: Mark, axes: _Axes) -> Markup:
    x = axes.x(mark.x)
    anchor = "end" if x > WIDTH * 0.75 else "start"
    return element(
        "g",
        {},
        element("title", {}, mark.label),
        element("line", {"class": "mark-line", "x1": x, "x2": x, "y1": HEAD - 8, "y2": HEAD + PLOT}),
        text((x + (-4 if anchor == "end" else 4), HEAD - 4), fit(mark.label, 150), kind="faint", anchor=anchor),
    )


def _legend(names: Sequence[str]) -> Markup:
    parts: list[Markup] = []
    x = LEFT
    for n, name in enumerate(names):
        colour = n % 8 + 1
        shown = fit(name, max(40.0, WIDTH - x - 40))
        dash = None if colour == 1 else f"{2 + 2 * colour} {1 + colour}"
        parts.append(element("path", {"class": f"line-{colour}", "d": f"M{x:.1f} 11h20", "stroke-dasharray": dash}))
        parts.append(text((x + 26, 15), shown))
        x += width_of(shown) + 46
    return element("g", {}, *parts)
