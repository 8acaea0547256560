"""What was meant against what was said: a matrix whose cells are as dark as their share of the row."""

from __future__ import annotations

from typing import TYPE_CHECKING

from admin.charts.svg import element, fit, frame, text, width_of
from admin.words import count, percent

if TYPE_CHECKING:
    from collections.abc import Sequence

    from markupsafe import Markup

__all__ = ["matrix"]

CELL, LABELS, HEAD, SUMS = 46.0, 150.0, 96.0, 56.0


def matrix(
    labels: Sequence[str],
    counts: Sequence[Sequence[int]],
    *,
    rows: str,
    columns: str,
    title: str,
    description: str = "",
) -> Markup:
    """Return the picture of `counts[true][said]`, both in the order of `labels`; `rows` and `columns` name the axes.

    Raises `ValueError` where the counts are no square of the labels' size.
    """
    size = len(labels)
    if len(counts) != size or any(len(row) != size for row in counts):
        raise ValueError("counts are a square with a row per label")
    width, height = LABELS + CELL * size + SUMS, HEAD + CELL * max(1, size) + 4
    parts = [
        text((0, HEAD - 8), fit(f"{rows} ↓", LABELS), kind="faint"),
        text((LABELS, 12), f"{columns} →", kind="faint"),
        text((width, HEAD - 8), "n", kind="faint", anchor="end"),
    ]
    for place, label in enumerate(labels):
        middle = LABELS + CELL * (place + 0.5)
        turn = {"transform": f"translate({middle + 4:.1f} {HEAD - 8:.1f}) rotate(-55)"}
        parts.append(element("g", turn, text((0, 0), fit(label, HEAD - 18))))
        parts.append(_row(labels, place, counts[place], width))
    return frame(max(width, width_of(columns) + LABELS + 20), height, *parts, title=title, description=description)


def _row(labels: Sequence[str], place: int, counts: Sequence[int], width: float) -> Markup:
    top, total = HEAD + CELL * place, sum(counts)
    middle = top + CELL / 2
    children = [text((0, middle + 4), fit(labels[place], LABELS - 10), kind="strong")]
    for column, n in enumerate(counts):
        share = n / total if total else 0.0
        said = f"{labels[place]} → {labels[column]}: {count(n)} ({percent(share)})"
        x = LABELS + CELL * column
        box = {"x": x, "y": top, "width": CELL, "height": CELL}
        children.append(element("rect", {"class": "cell-none", **box}))
        opacity = f"{0.12 + 0.88 * share:.3f}" if n else "0"
        children.append(element("rect", {"class": "cell", **box, "fill-opacity": opacity}, element("title", {}, said)))
        if n:
            children.append(text((x + CELL / 2, middle), count(n), kind="cell-text"))
    children.append(text((width, middle + 4), count(total), kind="faint", anchor="end"))
    return element("g", {}, *children)
