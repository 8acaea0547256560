"""What people said: opinions by intent and model from daily sums, the newest comments, and what nobody judged yet."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import exists, func, select

from admin.queries.periods import in_last_days
from router.learning.profiles import Z_95
from router.tables import decision, outcome, preview, rollup_intent_day

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from config.database import Database
    from config.types import Json

__all__ = ["newest_comments", "opinions", "unjudged"]

LOOKED_AT: Final = 300
"""Newest decisions among which those that nobody judged are looked for."""
PEOPLE: Final = ("user", "admin")
"""Sources of outcomes that are people."""


async def opinions(database: Database, *, now: datetime, days: int) -> list[Json]:
    """Return a row for each intent and model with opinions, the most first: mean score 0 to 1, 95 % interval, n."""
    c = rollup_intent_day.c
    sums = [func.sum(c[name]).label(name) for name in ("n_requests", "rating_sum", "rating_square_sum", "n_ratings")]
    query = (
        select(c.intent, c.model, *sums)
        .where(in_last_days(c.day, now=now, days=days))
        .group_by(c.intent, c.model)
        .having(func.sum(c.n_ratings) > 0)
        .order_by(func.sum(c.n_ratings).desc(), c.intent, c.model)
    )
    async with database.reading() as connection:
        rows = (await connection.execute(query)).mappings().all()
    return [
        {"intent": row["intent"], "model": row["model"], "n_requests": row["n_requests"], **_mean(row)} for row in rows
    ]


async def newest_comments(database: Database, *, limit: int = 20) -> list[Json]:
    """Return the newest comments with their decisions."""
    query = (
        select(outcome.c.decision_id, outcome.c.source, outcome.c.comment, outcome.c.ts)
        .where(outcome.c.kind == "comment")
        .order_by(outcome.c.ts.desc())
        .limit(limit)
    )
    async with database.reading() as connection:
        rows = (await connection.execute(query)).all()
    return [{"id": row.decision_id, "by": row.source, "text": row.comment, "ts": row.ts.isoformat()} for row in rows]


async def unjudged(database: Database, *, limit: int = 25) -> list[Json]:
    """Return completed decisions among the newest that no person judged, the least sure of its intent first."""
    newest = (
        select(decision.c.id)
        .where(decision.c.status == "completed")
        .order_by(decision.c.ts.desc(), decision.c.id.desc())
        .limit(LOOKED_AT)
        .subquery()
    )
    by_people = exists().where(outcome.c.decision_id == decision.c.id, outcome.c.source.in_(PEOPLE))
    query = (
        select(
            decision.c.id, decision.c.ts, decision.c.intent, decision.c.confidence, decision.c.served_model,
            preview.c.text,
        )
        .join_from(newest, decision, decision.c.id == newest.c.id)
        .join(preview, preview.c.decision_id == decision.c.id, isouter=True)
        .where(~by_people)
    )  # fmt: skip
    async with database.reading() as connection:
        rows = (await connection.execute(query)).all()
    ordered = sorted(rows, key=lambda row: (row.confidence or 0.0, -row.ts.timestamp()))
    return [
        {
            "id": row.id,
            "ts": row.ts.isoformat(),
            "intent": row.intent,
            "confidence": row.confidence,
            "model": row.served_model,
            "text": row.text,
        }
        for row in ordered[:limit]
    ]


def _mean(row: Mapping[Any, Any]) -> Json:
    n = row["n_ratings"]
    mean = row["rating_sum"] / n
    if n == 1:
        return {"n": n, "rating": mean, "low": None, "high": None}
    variance = max(0.0, row["rating_square_sum"] / n - mean**2) * n / (n - 1)
    half = Z_95 * math.sqrt(variance / n)
    return {"n": n, "rating": mean, "low": max(0.0, mean - half), "high": min(1.0, mean + half)}
