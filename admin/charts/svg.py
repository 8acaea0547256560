"""What charts are built of: elements whose attributes and texts are escaped, a frame with a name, round axis steps."""

from __future__ import annotations

import math
import unicodedata
from typing import TYPE_CHECKING

from markupsafe import Markup, escape

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = ["element", "fit", "frame", "number", "polyline", "scale", "steps", "text", "width_of"]

CHARACTER_PX = 6.6
"""Mean width of a Latin character at 12 px; a wide (East Asian) one takes `WIDE_PX`."""
WIDE_PX = 12.2
ELLIPSIS = "…"
SIZES = {"small": 420.0, "medium": 620.0, "large": math.inf}
"""Classes by which the stylesheet says how far a picture of so many units is stretched."""
SMALLEST = 1e-9
"""An axis that would end below it ends at 1."""


def number(value: float) -> str:
    """Return a coordinate with at most two digits after the point; what is no number is 0."""
    if not math.isfinite(value):
        return "0"
    return f"{value:.2f}".rstrip("0").rstrip(".") if value % 1 else str(int(value))


def element(tag: str, attributes: Mapping[str, float | str | None], *children: Markup | str) -> Markup:
    """Return an element. Attributes of `None` are left out; texts among the children are escaped."""
    written = "".join(
        f' {name}="{escape(value) if isinstance(value, str) else number(value)}"'
        for name, value in attributes.items()
        if value is not None
    )
    inner = "".join(map(escape, children))
    # Not by Markup.format, which takes five times as long: a large matrix has thousands of elements.
    return Markup(f"<{tag}{written}>{inner}</{tag}>")  # noqa: S704  # names are the code's, all else is escaped above


def text(at: tuple[float, float], words: str, *, kind: str | None = None, anchor: str | None = None) -> Markup:
    """Return words at a place; `anchor` is `middle` or `end` where they do not start there."""
    return element("text", {"x": at[0], "y": at[1], "class": kind, "text-anchor": anchor}, words)


def polyline(points: Iterable[tuple[float, float]], *, close: bool = False) -> str:
    """Return a path through the points."""
    steps = [f"{number(x)} {number(y)}" for x, y in points]
    return f"M{'L'.join(steps)}{'Z' if close else ''}" if steps else ""


def frame(width: float, height: float, *children: Markup, title: str, description: str = "") -> Markup:
    """Return the whole picture, named for those who cannot see it."""
    named = [element("title", {}, title)]
    if description:
        named.append(element("desc", {}, description))
    size = next(name for name, most in SIZES.items() if width <= most)
    attributes = {
        "class": f"figure {size}",
        "viewBox": f"0 0 {number(width)} {number(height)}",
        "role": "img",
        "aria-label": f"{title}. {description}" if description else title,
    }
    return element("svg", attributes, *named, *children)


def width_of(words: str) -> float:
    """Return about how wide the words are at 12 px."""
    return sum(WIDE_PX if unicodedata.east_asian_width(each) in "WF" else CHARACTER_PX for each in words)


def fit(words: str, width: float) -> str:
    """Return as much of the words as the width holds, with an ellipsis where something is missing."""
    if width_of(words) <= width:
        return words
    kept = ""
    for each in words:
        if width_of(kept + each + ELLIPSIS) > width:
            break
        kept += each
    return kept + ELLIPSIS


def steps(high: float, *, at_most: int = 5) -> list[float]:
    """Return round marks of an axis from 0 to at least `high`: steps of 1, 2 or 5 times a power of ten."""
    if not math.isfinite(high) or high < SMALLEST:
        return [0.0, 1.0]
    power = 10.0 ** math.floor(math.log10(high / at_most))
    step = next(factor * power for factor in (1, 2, 5, 10) if high / (factor * power) <= at_most)
    return [round(n * step, 12) for n in range(math.ceil(high / step - 1e-9) + 1)]


def scale(value: float, *, low: float, high: float, start: float, end: float) -> float:
    """Return where a value lies between two coordinates, never beyond them; no number lies at the start."""
    if not math.isfinite(value) or high <= low:
        return start
    share = min(1.0, max(0.0, (value - low) / (high - low)))
    return start + share * (end - start)
