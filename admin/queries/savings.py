"""What passages and cheaper models saved, by day, from the daily sums."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import func, select

from admin.queries.periods import in_last_days
from router.tables import rollup_saving_day

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from config.database import Database
    from config.types import Json

__all__ = ["savings_by_day", "savings_by_model"]

_SUMS = tuple(
    func.sum(rollup_saving_day.c[name]).label(name)
    for name in (
        "n_requests",
        "n_passages",
        "sent_tokens",
        "charged_tokens",
        "all_documents_tokens",
        "n_priced",
        "cost_usd",
        "dearest_usd",
    )
)


async def savings_by_day(database: Database, *, now: datetime, days: int) -> list[Json]:
    """Return the sums of each day with a completed request, oldest first; today counts as a day."""
    query = (
        select(rollup_saving_day.c.day, *_SUMS)
        .where(in_last_days(rollup_saving_day.c.day, now=now, days=days))
        .group_by(rollup_saving_day.c.day)
        .order_by(rollup_saving_day.c.day)
    )
    async with database.reading() as connection:
        rows = (await connection.execute(query)).mappings().all()
    return [{"day": row["day"].date().isoformat(), **_told(row)} for row in rows]


async def savings_by_model(database: Database, *, now: datetime, days: int) -> list[Json]:
    """Return the sums of each model that answered, the most requests first."""
    query = (
        select(rollup_saving_day.c.model, *_SUMS)
        .where(in_last_days(rollup_saving_day.c.day, now=now, days=days))
        .group_by(rollup_saving_day.c.model)
        .order_by(func.sum(rollup_saving_day.c.n_requests).desc(), rollup_saving_day.c.model)
    )
    async with database.reading() as connection:
        rows = (await connection.execute(query)).mappings().all()
    return [{"model": row["model"], **_told(row)} for row in rows]


def _told(row: Mapping[Any, Any]) -> Json:
    """Return the sums with what was saved; every token that saving cost is charged."""
    spent = row["sent_tokens"] + row["charged_tokens"]
    return {
        "n_requests": row["n_requests"],
        "n_passages": row["n_passages"],
        "sent_tokens": row["sent_tokens"],
        "charged_tokens": row["charged_tokens"],
        "all_documents_tokens": row["all_documents_tokens"],
        "saved_tokens": row["all_documents_tokens"] - spent,
        "n_priced": row["n_priced"],
        "cost_usd": row["cost_usd"],
        "dearest_usd": row["dearest_usd"],
        "saved_usd": row["dearest_usd"] - row["cost_usd"],
    }
