"""Amounts side by side from zero, with intervals where they are estimates; and amounts made of parts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from admin.charts.svg import element, fit, frame, scale, steps, text, width_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from markupsafe import Markup

    Write = Callable[[float], str]
    """How a value is written, such as `words.money`."""

__all__ = ["Bar", "Part", "Stack", "bars", "stacks"]

WIDTH, LABELS, ROW, FOOT, EDGE = 600.0, 150.0, 26.0, 24.0, 90.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """One amount."""

    label: str
    value: float
    """At least 0; below it, the bar is empty and its number says so."""
    low: float | None = None
    high: float | None = None
    """Ends of its interval."""
    note: str = ""
    """Written after the value, such as `n = 12`."""


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a stack."""

    label: str
    value: float


@dataclass(frozen=True, slots=True)
class Stack:
    """An amount made of parts; parts of the same place have the same colour."""

    label: str
    parts: Sequence[Part]


def bars(rows: Sequence[Bar], *, write: Write, title: str, description: str = "") -> Markup:
    """Return horizontal bars, in the order given."""
    marks = steps(max([*(row.value for row in rows), *(row.high or 0 for row in rows), 0]))
    height = ROW * max(1, len(rows)) + FOOT
    parts = _axis(marks, write, height)
    for place, row in enumerate(rows):
        parts.append(_bar(row, place * ROW, high=marks[-1], write=write))
    return frame(WIDTH, height, *parts, title=title, description=description)


def stacks(rows: Sequence[Stack], *, write: Write, title: str, description: str = "") -> Markup:
    """Return horizontal stacks with a legend above. Parts below zero count as nothing."""
    names = list(dict.fromkeys(part.label for row in rows for part in row.parts))
    totals = [sum(max(0.0, part.value) for part in row.parts) for row in rows]
    marks = steps(max([*totals, 0]))
    legend, head = _legend(names)
    height = head + ROW * max(1, len(rows)) + FOOT
    parts = [*_axis(marks, write, height), legend]
    for place, (row, total) in enumerate(zip(rows, totals, strict=True)):
        parts.append(_stack(row, total, head + place * ROW, high=marks[-1], names=names, write=write))
    return frame(WIDTH, height, *parts, title=title, description=description)


def _x(value: float, high: float) -> float:
    return scale(value, low=0, high=high, start=LABELS, end=WIDTH - EDGE)


def _axis(marks: Sequence[float], write: Write, height: float) -> list[Markup]:
    parts: list[Markup] = []
    for mark in marks:
        x = _x(mark, marks[-1])
        kind = "grid-line" if mark else "axis"
        parts += [
            element("line", {"class": kind, "x1": x, "x2": x, "y1": 0, "y2": height - FOOT}),
            text((x, height - 7), write(mark), kind="faint", anchor="middle"),
        ]
    return parts


def _bar(row: Bar, top: float, *, high: float, write: Write) -> Markup:
    end, middle = _x(row.value, high), top + ROW / 2
    words = write(row.value) + (f" · {row.note}" if row.note else "")
    children = [
        element("title", {}, f"{row.label}: {words}"),
        text((0, middle + 4), fit(row.label, LABELS - 10)),
        element(
            "rect", {"class": "fill-1", "x": LABELS, "y": top + 5, "width": end - LABELS, "height": ROW - 10, "rx": 2}
        ),
    ]
    after = end
    if row.low is not None and row.high is not None:
        low, after = _x(row.low, high), max(end, _x(row.high, high))
        children.append(element("path", {"class": "whisker", "d": whisker(low, _x(row.high, high), middle)}))
    if after + 6 + width_of(words) <= WIDTH:
        children.append(text((after + 6, middle + 4), words, kind="strong"))
    else:
        children.append(text((WIDTH, middle + 4), words, kind="strong halo", anchor="end"))
    return element("g", {}, *children)


def whisker(low: float, high: float, middle: float) -> str:
    """Return the path of an interval's mark: a line with two ends."""
    return f"M{low:.2f} {middle:.2f}H{high:.2f}M{low:.2f} {middle - 4:.2f}v8M{high:.2f} {middle - 4:.2f}v8"


def _stack(row: Stack, total: float, top: float, *, high: float, names: Sequence[str], write: Write) -> Markup:
    middle, before = top + ROW / 2, 0.0
    children = [text((0, middle + 4), fit(row.label, LABELS - 10))]
    for part in row.parts:
        value = max(0.0, part.value)
        start, end = _x(before, high), _x(before + value, high)
        before += value
        box = {"class": f"fill-{_colour(names, part.label)}", "x": start, "y": top + 5, "width": end - start}
        title = element("title", {}, f"{row.label} · {part.label}: {write(part.value)}")
        children.append(element("rect", {**box, "height": ROW - 10}, title))
    children.append(text((_x(total, high) + 6, middle + 4), write(total), kind="strong"))
    return element("g", {}, *children)


def _colour(names: Sequence[str], name: str) -> int:
    return names.index(name) % 8 + 1


def _legend(names: Sequence[str]) -> tuple[Markup, float]:
    parts: list[Markup] = []
    x, y = LABELS, 12.0
    for name in names:
        width = width_of(name) + 34
        if x + width > WIDTH and x > LABELS:
            x, y = LABELS, y + 18
        parts.append(
            element(
                "rect",
                {"class": f"fill-{_colour(names, name)}", "x": x, "y": y - 9, "width": 10, "height": 10, "rx": 2},
            )
        )
        parts.append(text((x + 15, y), fit(name, WIDTH - x - 20)))
        x += width
    return element("g", {}, *parts), (y + 10 if names else 0.0)
