"""Percentiles out of histograms: which bucket holds one is known, where in it is an estimate."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Percentile", "percentile"]


@dataclass(frozen=True, slots=True)
class Percentile:
    """Where a percentile lies, in the unit of the bounds."""

    value: float | None
    """The estimate, as if values lay evenly within their bucket; `None` in the last bucket, which has no end."""
    low: float
    high: float | None
    """The bounds of its bucket: it surely lies between them."""


def percentile(counts: Sequence[int], bounds: Sequence[float], share: float) -> Percentile | None:
    """Return the percentile of `share` (0 to 1), or `None` where nothing was counted.

    `counts` has a bucket for values up to each of `bounds`, each counting its own values only, and one for the rest.
    """
    total = sum(counts)
    if total <= 0:
        return None
    wanted, before, low = share * total, 0, 0.0
    for n, high in zip(counts, bounds, strict=False):
        if n and before + n >= wanted:
            return Percentile(low + (high - low) * max(0.0, wanted - before) / n, low, high)
        before, low = before + n, high
    return Percentile(None, low, None)
