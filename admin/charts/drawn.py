"""Pictures of what pages read: from the data of a page, and its language's texts, to a chart. Templates call them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from admin.charts.bars import Part, Stack, stacks
from admin.charts.explained import stage_waterfall
from admin.charts.intents import confusion, coverage, reliability_diagram, tiers
from admin.charts.line import Line, Point, lines
from admin.charts.over_time import latency_over_time, requests_over_time
from admin.charts.share import Share, shares
from admin.words import count, percent

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from markupsafe import Markup

    from admin.i18n import Texts

    Row = Mapping[str, Any]

__all__ = ["DRAWN"]

MAX_DAYS = 31
"""Days that stacks show; older ones stand in the table."""


def learning_curve(curve: Sequence[Row], t: Texts) -> Markup:
    """Return the share of good opinions by day, with its band, and what weights alone would have earned."""
    ours = [Point(_day(each["day"]), each["success_rate"], each["low"], each["high"]) for each in curve]
    static = [
        Point(_day(each["day"]), *_static(each["static"])) if each["static"] else Point(_day(each["day"]), None)
        for each in curve
    ]
    return lines(
        [Line(t("learning.success"), ours), Line(t("learning.static"), static)],
        write_x=_write_day,
        write_y=lambda share: percent(share, 0),
        title=t("learning.curve_title"),
        description=t("learning.curve_sentence"),
        y_high=1.0,
    )


def saved_by_day(days: Sequence[Row], t: Texts) -> Markup:
    """Return what was sent, charged and saved each day: together the tokens of all documents."""
    rows = [
        Stack(
            str(each["day"]),
            (
                Part(t("savings.sent"), each["sent_tokens"]),
                Part(t("savings.charged"), each["charged_tokens"]),
                Part(t("savings.saved"), max(0, each["saved_tokens"])),
            ),
        )
        for each in days[-MAX_DAYS:]
    ]
    return stacks(rows, write=count, title=t("savings.by_day_title"), description=t("savings.by_day_sentence"))


def model_shares(entries: Sequence[Row], t: Texts) -> Markup:
    """Return what share each model was meant to have, and got."""
    rows = [
        Share(
            label=str(each["name"]),
            target=each["share"],
            realised=each["realised"],
            note=f"n = {count(each['n_requests'])}",
        )
        for each in entries
        if each["kind"] == "model"
    ]
    return shares(rows, title=t("models.weights_title"), description=t("models.shares_sentence"))


def recent_opinions(steps: Sequence[Row], t: Texts) -> Markup:
    """Return the share of good opinions, step by step, with its band."""
    points = [Point(_moment(each["to"]), each["success_rate"], each["low"], each["high"]) for each in steps]
    return lines(
        [Line(t("learning.success"), points)],
        write_x=_write_moment,
        write_y=lambda share: percent(share, 0),
        title=t("learning.recent_title"),
        description=t("learning.recent_sentence"),
        y_high=1.0,
    )


DRAWN: Mapping[str, Callable[..., Markup]] = {
    "confusion": confusion,
    "coverage": coverage,
    "latency_over_time": latency_over_time,
    "learning_curve": learning_curve,
    "model_shares": model_shares,
    "requests_over_time": requests_over_time,
    "recent_opinions": recent_opinions,
    "reliability": reliability_diagram,
    "saved_by_day": saved_by_day,
    "stage_waterfall": stage_waterfall,
    "tiers": tiers,
}


def _static(found: Row) -> tuple[float, float, float]:
    return found["success_rate"], found["low"], found["high"]


def _day(name: str) -> float:
    return datetime.fromisoformat(name).replace(tzinfo=UTC).timestamp()


def _write_day(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%m-%d")


def _moment(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


def _write_moment(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%m-%d %H:%M")
