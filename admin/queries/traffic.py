"""How the last minutes went: percentiles of the newest requests, read through the index of their times."""

from __future__ import annotations

import math
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from sqlalchemy import select

from router.tables import decision

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from config.database import Database
    from config.types import Json

__all__ = ["MAX_ROWS", "WINDOW", "figures", "percentile"]

WINDOW: Final = timedelta(minutes=5)
MAX_ROWS: Final = 5_000
"""Newest requests that are looked at; with more in the window, `n` says how many were."""
FAILED: Final = "failed_upstream"


async def figures(database: Database, *, now: datetime) -> Json:
    """Return count, rate, failures and percentiles in milliseconds of the last five minutes. Raises `StorageError`."""
    table = decision.c
    query = (
        select(table.ts, table.status, table.duration_ms, table.ttft_ms)
        .where(table.ts.between(now - WINDOW, now))
        .order_by(table.ts.desc())
        .limit(MAX_ROWS)
    )
    async with database.reading() as connection:
        rows = (await connection.execute(query)).all()
    took = sorted(row.duration_ms for row in rows)
    waited = sorted(row.ttft_ms for row in rows if row.ttft_ms is not None)
    spans_s = (now - rows[-1].ts).total_seconds() if len(rows) == MAX_ROWS else WINDOW.total_seconds()
    return {
        "n": len(rows),
        "is_cut": len(rows) == MAX_ROWS,
        "per_minute": round(60 * len(rows) / max(spans_s, 1.0), 2),
        "n_failed": sum(row.status == FAILED for row in rows),
        "duration_ms": {f"p{each}": percentile(took, each) for each in (50, 95, 99)},
        "ttft_ms": {f"p{each}": percentile(waited, each) for each in (50, 95, 99)},
        "n_ttft": len(waited),
    }


def percentile(ordered: Sequence[float], percent: int) -> float | None:
    """Return the nearest-rank percentile of values in order, `None` of none."""
    return ordered[max(0, math.ceil(len(ordered) * percent / 100) - 1)] if ordered else None
