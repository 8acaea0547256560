"""What answers of a model use: tokens and time, as the books have it. Prices come from the catalogue."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from sqlalchemy import func, select

from router.tables import model_performance, rollup_hour

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from config.database import Database
    from router.choosing.values import Expected, Offer, Question

USUAL_TOKENS: Final = 300.0
"""Output tokens of an answer before anything is known, weighing as much as 20 answers."""
PULL_ROWS: Final = 20.0


@dataclass(frozen=True, slots=True)
class Usages:
    """Means by model."""

    output_tokens: Mapping[str, tuple[float, float]]
    """Answers, and their output tokens together."""
    first_ms: Mapping[str, tuple[float, float]]
    """Streamed answers, and their times to the first content together, milliseconds."""

    def told(self, question: Question, offer: Offer, before: Expected) -> Expected:
        """Return the expectation with cost and latency as they were seen, where they were."""
        cost, latency = before.cost_usd, before.latency_ms
        if offer.model in self.output_tokens and offer.input_usd is not None and offer.output_usd is not None:
            n, tokens = self.output_tokens[offer.model]
            usual = (tokens + PULL_ROWS * USUAL_TOKENS) / (n + PULL_ROWS)
            cost = (question.n_tokens * offer.input_usd + usual * offer.output_usd) / 1e6
        if latency is None and offer.model in self.first_ms:
            n, ms = self.first_ms[offer.model]
            latency = ms / n
        return replace(before, cost_usd=cost, latency_ms=latency)


async def usages(database: Database, *, since: datetime) -> Usages:
    """Return what answers used: tokens since a moment, times since ever. Raises `StorageError`."""
    tokens = (
        select(rollup_hour.c.model, func.sum(rollup_hour.c.n_requests), func.sum(rollup_hour.c.output_tokens))
        .where(rollup_hour.c.hour >= since, rollup_hour.c.status == "completed")
        .group_by(rollup_hour.c.model)
    )
    table = model_performance.c
    times = select(table.model, func.sum(table.n_ttft), func.sum(table.ttft_ms_sum)).group_by(table.model)
    async with database.reading() as connection:
        used = (await connection.execute(tokens)).all()
        took = (await connection.execute(times)).all()
    return Usages(
        {model: (float(n), float(total)) for model, n, total in used if n > 0},
        {model: (float(n), float(total)) for model, n, total in took if n > 0},
    )
