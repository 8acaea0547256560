"""Pictures of the intents page: tiers, confusion, reliability, coverage against accuracy."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from admin.charts.bars import Bar, bars
from admin.charts.line import Line, Point, lines
from admin.charts.matrix import matrix
from admin.charts.reliability import Bin, reliability
from admin.words import count, percent

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from markupsafe import Markup

    from admin.i18n import Texts

    Row = Mapping[str, Any]

__all__ = ["confusion", "coverage", "reliability_diagram", "tiers"]


def tiers(rows: Sequence[Row], t: Texts) -> Markup:
    """Return how many requests each tier of the cascade answered for."""
    shown = [Bar(label=str(each["source"] or t("intents.nobody")), value=each["n_requests"]) for each in rows]
    return bars(shown, write=count, title=t("intents.tiers_title"), description=t("intents.tiers_sentence"))


def confusion(data: Row, t: Texts) -> Markup:
    """Return what was meant against what was said."""
    return matrix(
        [str(name or t("intents.abstained")) for name in data["labels"]],
        data["confusion"],
        rows=t("intents.meant"),
        columns=t("intents.said"),
        title=t("intents.labels_title"),
        description=t("intents.confusion_sentence"),
    )


def reliability_diagram(rows: Sequence[Row], t: Texts) -> Markup:
    """Return how often answers of a confidence were right."""
    return reliability(
        [Bin(**each) for each in rows],
        x=t("intents.confidence"),
        y=t("intents.accuracy"),
        title=t("intents.labels_title"),
        description=t("intents.reliability_sentence"),
    )


def coverage(rows: Sequence[Row], t: Texts) -> Markup:
    """Return the share answered, and the share of these that is right, by threshold."""
    right = [Point(each["threshold"], each["accuracy"], each["low"], each["high"]) for each in rows]
    return lines(
        [
            Line(t("intents.accuracy"), [each for each in right if each.y is not None]),
            Line(t("intents.coverage"), [Point(each["threshold"], each["coverage"]) for each in rows]),
        ],
        write_x=lambda threshold: f"{threshold:.2f}",
        write_y=lambda share: percent(share, 0),
        title=t("intents.threshold"),
        description=t("intents.curve_sentence"),
        y_high=1.0,
    )
