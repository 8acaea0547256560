"""The overview's time series as pictures: what stands there where no script draws them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from admin.charts.line import Line, Point, lines
from admin.words import count, duration

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from markupsafe import Markup

    from admin.i18n import Texts

    Row = Mapping[str, Any]

__all__ = ["latency_over_time", "requests_over_time"]


def requests_over_time(steps: Sequence[Row], t: Texts) -> Markup:
    """Return how many requests came, and how many failed."""
    rows = [
        Line(t("overview.requests"), [Point(_at(each), each["n_requests"]) for each in steps]),
        Line(t("overview.failed"), [Point(_at(each), each["n_failed"]) for each in steps]),
    ]
    return lines(rows, write_x=_write_time, write_y=count, title=t("overview.traffic"))


def latency_over_time(steps: Sequence[Row], t: Texts) -> Markup:
    """Return how long answers took; a step without one, or with one beyond the last bucket, is a gap."""
    rows = [
        Line(t(f"overview.{name}"), [Point(_at(each), each[name]["ms"] if each[name] else None) for each in steps])
        for name in ("p50", "p95")
    ]
    return lines(rows, write_x=_write_time, write_y=duration, title=t("overview.latency"))


def _at(step: Row) -> float:
    return datetime.fromisoformat(step["at"]).timestamp()


def _write_time(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%m-%d %H:%M")
