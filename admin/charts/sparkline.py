"""A number's way here, as small as a word: no axes, for the eye beside the number that says it."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from admin.charts.svg import element, polyline, scale

if TYPE_CHECKING:
    from collections.abc import Sequence

    from markupsafe import Markup

__all__ = ["sparkline"]

WIDTH, HEIGHT = 120.0, 30.0


def sparkline(values: Sequence[float | None]) -> Markup:
    """Return the picture, from 0 to the largest; hidden from readers of the page, who have the table. Gaps are 0."""
    known = [value if value is not None and math.isfinite(value) else 0.0 for value in values]
    high = max([*known, 0.0]) or 1.0
    last = max(1, len(known) - 1)
    places = [
        (WIDTH * n / last, scale(value, low=0, high=high, start=HEIGHT - 1, end=2)) for n, value in enumerate(known)
    ]
    area = polyline([(0, HEIGHT), *places, (places[-1][0], HEIGHT)], close=True) if places else ""
    attributes = {"class": "sparkline", "viewBox": "0 0 120 30", "preserveAspectRatio": "none", "aria-hidden": "true"}
    return element(
        "svg", attributes, element("path", {"class": "area", "d": area}), element("path", {"d": polyline(places)})
    )
