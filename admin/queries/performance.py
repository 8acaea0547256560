"""Who got how much, and how well it went: from the hourly sums by model and deployment, by domain from the profiles."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sqlalchemy import func, select

from admin.queries.periods import in_last_hours
from router.learning.profiles import wilson
from router.sums import SETTLED_CLASSES
from router.tables import model_performance, rollup_deployment_hour, rollup_hour

if TYPE_CHECKING:
    from datetime import datetime

    from config.database import Database
    from config.types import Json

__all__ = ["Attempts", "attempts_by_deployment", "profile", "requests_by_model"]


@dataclass(slots=True)
class Attempts:
    """What was added up over the hourly sums of one deployment."""

    ends: Counter[str] = field(default_factory=Counter[str])
    """How many attempts ended with each class of failure; `""` is a success."""
    ttft_ms_sum: float = 0.0
    n_ttft: int = 0
    cost_usd: float = 0.0
    """Of the attempts whose cost is known."""

    def told(self) -> Json:
        """Return them as pages show them; what was not measured is `None`.

        The share of failures is of `n_judged` attempts: those whose request was at fault say nothing of a deployment.
        """
        failures = Counter({name: n for name, n in self.ends.items() if name and name not in SETTLED_CLASSES})
        n_failures, n_judged = failures.total(), failures.total() + self.ends[""]
        low, high = wilson(n_failures, n_judged)
        return {
            "n_attempts": self.ends.total(),
            "n_judged": n_judged,
            "n_failures": n_failures,
            "failed": n_failures / n_judged if n_judged else None,
            "failed_low": low if n_judged else None,
            "failed_high": high if n_judged else None,
            "usual_failure": min(failures, key=lambda name: (-failures[name], name), default=None),
            "mean_ttft_ms": self.ttft_ms_sum / self.n_ttft if self.n_ttft else None,
            "cost_usd": self.cost_usd or None,  # the sums do not tell a price of nothing from an unknown one
        }


async def requests_by_model(database: Database, *, now: datetime, hours: int) -> dict[str, int]:
    """Return how many requests each model answered, or was chosen for, in the last whole hours and the one begun.

    Hours ahead, of a clock that was put back, are left out.
    """
    query = (
        select(rollup_hour.c.model, func.sum(rollup_hour.c.n_requests))
        .where(in_last_hours(rollup_hour.c.hour, now=now, hours=hours), rollup_hour.c.model != "")
        .group_by(rollup_hour.c.model)
    )
    async with database.reading() as connection:
        return {model: int(n) for model, n in (await connection.execute(query)).all()}


async def attempts_by_deployment(database: Database, *, now: datetime, hours: int) -> dict[tuple[str, str], Attempts]:
    """Return the attempts of each (model, deployment) in the last whole hours and the one begun; none ahead of now.

    Raises `StorageError`.
    """
    c = rollup_deployment_hour.c
    summed = [func.sum(c[name]).label(name) for name in ("n_attempts", "ttft_ms_sum", "n_ttft", "cost_usd")]
    query = (
        select(c.model, c.deployment, c.failure_class, *summed)
        .where(in_last_hours(c.hour, now=now, hours=hours))
        .group_by(c.model, c.deployment, c.failure_class)
        .order_by(c.model, c.deployment)
    )
    async with database.reading() as connection:
        rows = (await connection.execute(query)).mappings().all()
    found: dict[tuple[str, str], Attempts] = {}
    for row in rows:
        its = found.setdefault((row["model"], row["deployment"]), Attempts())
        its.ends[row["failure_class"]] += int(row["n_attempts"])
        its.ttft_ms_sum += row["ttft_ms_sum"]
        its.n_ttft += int(row["n_ttft"])
        its.cost_usd += row["cost_usd"]
    return found


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
