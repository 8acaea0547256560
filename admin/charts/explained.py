"""The waterfall of one decision: stages and, below the one that made them, attempts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from admin.charts.waterfall import Span, waterfall

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from markupsafe import Markup

    from admin.i18n import Texts

__all__ = ["stage_waterfall"]


def stage_waterfall(stages: Sequence[Mapping[str, Any]], t: Texts) -> Markup:
    """Return the picture of `stages`, as `admin/explained.py` tells them."""
    spans = [
        Span(
            name=str(each["name"]) if each["depth"] else t.maybe(f"decision.stage_{each['name']}", str(each["name"])),
            start_ms=each["start_ms"],
            duration_ms=each["duration_ms"],
            depth=each["depth"],
            state=each["state"],
            note=t.maybe(f"decision.note_{each['note']}", str(each["note"])) if each["note"] else "",
        )
        for each in stages
    ]
    end_ms = max((each.start_ms + each.duration_ms for each in spans), default=0.0)
    return waterfall(
        spans, total_ms=end_ms, title=t("decision.waterfall"), description=t("decision.waterfall_sentence")
    )
