"""Who got how much, and how well it went: by model from the hourly sums, by domain and language from the profiles."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from sqlalchemy import func, select

from router.learning.profiles import wilson
from router.tables import model_performance, rollup_hour

if TYPE_CHECKING:
    from config.database import Database
    from config.types import Json

__all__ = ["profile", "requests_by_model"]


async def requests_by_model(database: Database, *, now: datetime, hours: int) -> dict[str, int]:
    """Return how many requests each model answered, or was chosen for, in the last whole hours and the one begun."""
    since = now.replace(minute=0, second=0, microsecond=0) - timedelta(hours=hours - 1)
    query = (
        select(rollup_hour.c.model, func.sum(rollup_hour.c.n_requests))
        .where(rollup_hour.c.hour >= since, rollup_hour.c.model != "")
        .group_by(rollup_hour.c.model)
    )
    async with database.reading() as connection:
        return {model: int(n) for model, n in (await connection.execute(query)).all()}


async def profile(database: Database) -> list[Json]:
    """Return a row for each model, domain and language: attempts, answers and opinions with their 95 % intervals.

    `rating` is the mean of scores from 0 to 1; its interval takes them as shares, which for scores between the ends is
    wider than need be.
    """
    async with database.reading() as connection:
        rows = (await connection.execute(select(model_performance))).mappings().all()
    found: list[Json] = []
    for row in sorted(rows, key=lambda each: (each["model"], -each["n_attempts"], each["domain"], each["language"])):
        n, good, n_rated = row["n_attempts"], row["n_successes"], row["n_ratings"]
        low, high = wilson(good, n)
        rated_low, rated_high = wilson(row["rating_sum"], n_rated)
        found.append(
            {
                "model": row["model"],
                "domain": row["domain"],
                "language": row["language"],
                "n_attempts": n,
                "answered": good / n if n else None,
                "answered_low": low,
                "answered_high": high,
                "n_ratings": n_rated,
                "rating": row["rating_sum"] / n_rated if n_rated else None,
                "rating_low": rated_low,
                "rating_high": rated_high,
                "mean_duration_ms": row["duration_ms_sum"] / good if good else None,
                "mean_ttft_ms": row["ttft_ms_sum"] / row["n_ttft"] if row["n_ttft"] else None,
                "cost_usd": row["cost_usd_sum"],
            }
        )
    return found
