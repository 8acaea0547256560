"""Whether confidence means what it says: how often answers of a confidence were right, beside the diagonal."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from admin.charts.svg import element, frame, number, scale, text
from admin.words import count, percent

if TYPE_CHECKING:
    from collections.abc import Sequence

    from markupsafe import Markup

__all__ = ["Bin", "reliability"]

SIZE, LEFT, TOP, FOOT, RIGHT = 260.0, 56.0, 10.0, 44.0, 14.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Bin:
    """Answers of about one confidence; shares from 0 to 1."""

    confidence: float
    """Their mean."""
    accuracy: float
    n: int
    low: float | None = None
    high: float | None = None


def reliability(bins: Sequence[Bin], *, x: str, y: str, title: str, description: str = "") -> Markup:
    """Return the picture; `x` and `y` name the axes. Dots are as large as their bin, by the root of n."""
    parts = [
        *_axes(x, y),
        element("path", {"class": "mark-line", "d": f"M{_x(0):.1f} {_y(0):.1f}L{_x(1):.1f} {_y(1):.1f}"}),
    ]
    most = max((each.n for each in bins), default=1)
    parts += [_dot(each, most) for each in bins if each.n > 0]
    return frame(LEFT + SIZE + RIGHT, TOP + SIZE + FOOT, *parts, title=title, description=description)


def _x(share: float) -> float:
    return scale(share, low=0, high=1, start=LEFT, end=LEFT + SIZE)


def _y(share: float) -> float:
    return scale(share, low=0, high=1, start=TOP + SIZE, end=TOP)


def _axes(x: str, y: str) -> list[Markup]:
    parts: list[Markup] = []
    for mark in (0.0, 0.25, 0.5, 0.75, 1.0):
        kind = "grid-line" if mark else "axis"
        parts.append(element("line", {"class": kind, "x1": _x(0), "x2": _x(1), "y1": _y(mark), "y2": _y(mark)}))
        parts.append(element("line", {"class": kind, "x1": _x(mark), "x2": _x(mark), "y1": _y(0), "y2": _y(1)}))
        parts.append(text((LEFT - 6, _y(mark) + 4), percent(mark, 0), kind="faint", anchor="end"))
        parts.append(text((_x(mark), TOP + SIZE + 16), percent(mark, 0), kind="faint", anchor="middle"))
    parts.append(text((LEFT + SIZE / 2, TOP + SIZE + 36), x, anchor="middle"))
    turned = {"transform": f"translate(11 {TOP + SIZE / 2:.1f}) rotate(-90)"}
    parts.append(element("g", turned, text((0, 0), y, anchor="middle")))
    return parts


def _dot(each: Bin, most: int) -> Markup:
    children = [element("title", {}, f"{percent(each.confidence)} → {percent(each.accuracy)}, n = {count(each.n)}")]
    if each.low is not None and each.high is not None:
        ends = f"M{number(_x(each.confidence))} {number(_y(each.low))}V{number(_y(each.high))}"
        children.append(element("path", {"class": "whisker", "d": ends}))
    radius = 3 + 6 * (each.n / most) ** 0.5
    children.append(
        element("circle", {"class": "fill-1", "cx": _x(each.confidence), "cy": _y(each.accuracy), "r": radius})
    )
    return element("g", {}, *children)
