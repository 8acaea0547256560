"""How the newest opinions went, in steps of the same number: a learning curve that shows minutes as well as months."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Final

from sqlalchemy import select, union_all

from router.learning.profiles import SUCCESS, wilson
from router.tables import outcome

if TYPE_CHECKING:
    from config.database import Database
    from config.types import Json

__all__ = ["recent_opinions"]

NEWEST: Final = 2_000
"""Opinions that are looked at."""
STEPS: Final = 20
FEWEST: Final = 5
"""Opinions of a step; with few opinions there are fewer steps."""
PEOPLE: Final = frozenset({"user", "admin"})


async def recent_opinions(database: Database) -> list[Json]:
    """Return the newest opinions, oldest first, as steps: `from, to, n, success_rate, low, high` (95 %, Wilson).

    Raises `StorageError`.
    """
    kinds = (
        select(outcome.c.ts, outcome.c.score, outcome.c.source)
        .where(outcome.c.kind == kind)
        .order_by(outcome.c.ts.desc())
        .limit(NEWEST)
        .subquery()
        for kind in ("rating", "thumbs")
    )
    async with database.reading() as connection:
        rows = (await connection.execute(union_all(*(select(each) for each in kinds)))).all()
    told = sorted((row.ts, row.score) for row in rows if row.score is not None and row.source in PEOPLE)[-NEWEST:]
    n_steps = max(1, min(STEPS, len(told) // FEWEST))
    bounds = [len(told) * n // n_steps for n in range(n_steps + 1)]
    steps = [told[begin:end] for begin, end in itertools.pairwise(bounds) if end > begin]
    found: list[Json] = []
    for step in steps:
        good = sum(score > SUCCESS for _ts, score in step)
        low, high = wilson(good, len(step))
        ends = {"from": step[0][0].isoformat(), "to": step[-1][0].isoformat()}
        found.append({**ends, "n": len(step), "success_rate": good / len(step), "low": low, "high": high})
    return found
