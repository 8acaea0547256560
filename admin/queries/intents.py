"""What was asked, by intent and tier from the daily sums; and what people said it had been, newest first, bounded."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, cast

from sqlalchemy import func, select

from admin.queries.periods import in_last_days
from router.corrections import CORRECTED, labels_of
from router.learning.profiles import Z_95
from router.tables import decision, outcome, preview, rollup_intent_day

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from config.database import Database
    from config.types import Json

__all__ = ["Labelled", "intent_sums", "labelled_decisions", "tier_sums"]

MAX_LABELLED: Final = 1_000
"""Newest corrections that a page reads; each is a decision somewhere else in the file: 45 us of SQLite."""


@dataclass(frozen=True, slots=True)
class Labelled:
    """A decision whose intent somebody named."""

    id: str
    ts: datetime
    true: tuple[str, ...]
    said: tuple[str, ...]
    """Empty where the classifier abstained."""
    confidence: float
    text: str | None
    """The beginning of what was asked, where previews are kept."""
    right: bool = field(init=False)
    """Whether exactly the named intents had been said; kept, as a page asks it fifty times of each."""

    def __post_init__(self) -> None:
        """Compare once."""
        object.__setattr__(self, "right", set(self.true) == set(self.said))


async def intent_sums(database: Database, *, now: datetime, days: int) -> list[Json]:
    """Return a row for each intent, the most asked first; the empty name is an abstention, or nobody was asked.

    `rating` is the mean of scores from 0 to 1 with its 95 % interval (normal, with the sample's variance).
    """
    c = rollup_intent_day.c
    names = (
        "n_requests",
        "n_completed",
        "confidence_sum",
        "n_confidence",
        "cost_usd",
        "rating_sum",
        "rating_square_sum",
        "n_ratings",
    )
    query = (
        select(c.intent, *(func.sum(c[name]).label(name) for name in names))
        .where(in_last_days(c.day, now=now, days=days))
        .group_by(c.intent)
        .order_by(func.sum(c.n_requests).desc(), c.intent)
    )
    async with database.reading() as connection:
        rows = (await connection.execute(query)).mappings().all()
    return [_told(row) for row in rows]


async def tier_sums(database: Database, *, now: datetime, days: int) -> list[Json]:
    """Return how many requests each tier of the cascade answered for; the empty name is nobody."""
    c = rollup_intent_day.c
    query = (
        select(c.source, func.sum(c.n_requests).label("n_requests"))
        .where(in_last_days(c.day, now=now, days=days))
        .group_by(c.source)
        .order_by(func.sum(c.n_requests).desc(), c.source)
    )
    async with database.reading() as connection:
        return [{"source": row.source, "n_requests": row.n_requests} for row in await connection.execute(query)]


async def labelled_decisions(database: Database) -> list[Labelled]:
    """Return the newest decisions whose intent somebody named; the latest word on each counts."""
    newest = (
        select(outcome.c.decision_id, outcome.c.comment, outcome.c.ts)
        .where(outcome.c.kind == CORRECTED)
        .order_by(outcome.c.ts.desc())
        .limit(MAX_LABELLED)
        .subquery()
    )
    query = (
        select(
            decision.c.id, decision.c.ts, decision.c.intents, decision.c.intent, decision.c.confidence,
            newest.c.comment, preview.c.text,
        )
        .join_from(newest, decision, decision.c.id == newest.c.decision_id)
        .join(preview, preview.c.decision_id == decision.c.id, isouter=True)
        .order_by(newest.c.ts.desc())
    )  # fmt: skip
    async with database.reading() as connection:
        rows = (await connection.execute(query)).all()
    found: dict[str, Labelled] = {}
    for row in rows:
        told: object = row.intents
        said = cast("list[object]", told) if isinstance(told, list) and row.intent is not None else []
        found.setdefault(
            row.id,
            Labelled(row.id, row.ts, labels_of(row.comment), tuple(map(str, said)), row.confidence or 0.0, row.text),
        )
    return list(found.values())


def _told(row: Mapping[Any, Any]) -> Json:
    n_rated, n_sure = row["n_ratings"], row["n_confidence"]
    mean = row["rating_sum"] / n_rated if n_rated else None
    low = high = None
    if mean is not None and n_rated > 1:
        variance = max(0.0, row["rating_square_sum"] / n_rated - mean**2) * n_rated / (n_rated - 1)
        half = Z_95 * math.sqrt(variance / n_rated)
        low, high = max(0.0, mean - half), min(1.0, mean + half)
    return {
        "intent": row["intent"],
        "n_requests": row["n_requests"],
        "n_completed": row["n_completed"],
        "confidence": row["confidence_sum"] / n_sure if n_sure else None,
        "cost_usd": row["cost_usd"],
        "n_ratings": n_rated,
        "rating": mean,
        "rating_low": low,
        "rating_high": high,
    }
