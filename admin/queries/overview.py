"""How the gateway did in a period: sums by hour and by model, all from the hourly sums."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy import func, select

from admin.percentiles import percentile
from admin.queries.periods import first_hour, in_last_hours
from router.learning.profiles import wilson
from router.tables import DURATION_BUCKETS_MS, rollup_hour

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy import ColumnElement

    from config.database import Database
    from config.types import Json

__all__ = ["Sums", "sums_by_hour", "sums_by_model"]

BUCKETS = (*(f"n_le_{bound}_ms" for bound in DURATION_BUCKETS_MS), "n_slower")
ADDED = ("n_requests", "n_failovers", "n_cost_unknown", "input_tokens", "output_tokens", "cost_usd")
ASKED = frozenset({"completed", "failed_upstream", "aborted_by_client"})
"""Ends of requests that a model was asked for; the others were refused, held or only analysed."""


@dataclass(slots=True)
class Sums:
    """What was added up over rows of the hourly sums."""

    by_status: dict[str, int] = field(default_factory=lambda: defaultdict[str, int](int))
    added: dict[str, float] = field(default_factory=lambda: dict.fromkeys(ADDED, 0))
    buckets: list[int] = field(default_factory=lambda: [0] * len(BUCKETS))
    """Of completed requests: a refusal is quick, and says nothing about how long answers take."""

    def add(self, row: Mapping[Any, Any]) -> None:
        """Add a row."""
        self.by_status[row["status"]] += row["n_requests"]
        for name in ADDED:
            self.added[name] += row[name]
        if row["status"] == "completed":
            self.buckets = [mine + row[name] for mine, name in zip(self.buckets, BUCKETS, strict=True)]

    def told(self) -> Json:
        """Return them as pages show them, with shares, their 95 % interval, and percentiles in milliseconds."""
        n_asked = sum(n for status, n in self.by_status.items() if status in ASKED)
        n_failed = self.by_status.get("failed_upstream", 0)
        low, high = wilson(n_failed, n_asked)
        return {
            **{name: self.added[name] if name == "cost_usd" else int(self.added[name]) for name in ADDED},
            "n_asked": n_asked,
            "n_failed": n_failed,
            "n_completed": self.by_status.get("completed", 0),
            "n_refused": self.by_status.get("refused", 0),
            "error_rate": n_failed / n_asked if n_asked else None,
            "error_low": low if n_asked else None,
            "error_high": high if n_asked else None,
            "p50": self._percentile(0.5),
            "p95": self._percentile(0.95),
        }

    def _percentile(self, share: float) -> Json | None:
        found = percentile(self.buckets, DURATION_BUCKETS_MS, share)
        return None if found is None else {"ms": found.value, "low_ms": found.low, "high_ms": found.high}


async def sums_by_hour(database: Database, *, now: datetime, hours: int, step: int) -> list[tuple[datetime, Sums]]:
    """Return the sums of each `step` hours since the period's beginning, oldest first; steps of nothing included.

    The period ends with the hour begun; steps begin at multiples of `step` hours of the UTC day, so that the first
    may be shorter. Hours ahead, of a clock that was put back, are left out.
    """
    since = first_hour(now, hours)
    first = since - timedelta(hours=since.hour % step)
    n_steps = int((now - first) / timedelta(hours=step)) + 1
    steps = {first + timedelta(hours=step * n): Sums() for n in range(n_steps)}
    for row in await _read(database, rollup_hour.c.hour, hours=hours, now=now):
        hour: datetime = row["hour"].astimezone(UTC)
        steps[hour - timedelta(hours=hour.hour % step)].add(row)
    return list(steps.items())


async def sums_by_model(database: Database, *, now: datetime, hours: int) -> list[tuple[str, Sums]]:
    """Return the sums of each model, the most requests first; `""` stands for requests that no model was chosen for."""
    models: dict[str, Sums] = defaultdict(Sums)
    for row in await _read(database, rollup_hour.c.model, hours=hours, now=now):
        models[row["model"]].add(row)
    return sorted(models.items(), key=lambda each: (-each[1].added["n_requests"], each[0]))


async def _read(database: Database, by: ColumnElement[Any], *, hours: int, now: datetime) -> list[Mapping[Any, Any]]:
    sums = [func.sum(rollup_hour.c[name]).label(name) for name in (*ADDED, *BUCKETS)]
    query = (
        select(by, rollup_hour.c.status, *sums)
        .where(in_last_hours(rollup_hour.c.hour, now=now, hours=hours))
        .group_by(by, rollup_hour.c.status)
    )
    async with database.reading() as connection:
        return list((await connection.execute(query)).mappings().all())
