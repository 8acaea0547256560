"""Names that filters offer: models that were asked, intents that were told; from small sums."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import select

from router.tables import model_performance, rollup_intent_day

if TYPE_CHECKING:
    from datetime import datetime

    from config.database import Database

__all__ = ["known_domains", "known_intents", "known_models"]


async def known_models(database: Database) -> list[str]:
    """Return every model that was ever asked, in order. Raises `StorageError`."""
    query = select(model_performance.c.model).distinct().order_by(model_performance.c.model)
    async with database.reading() as connection:
        return list((await connection.execute(query)).scalars())


async def known_intents(database: Database, *, since: datetime) -> list[str]:
    """Return every intent of requests since a moment, in order. Raises `StorageError`."""
    table = rollup_intent_day
    query = select(table.c.intent).distinct().where(table.c.day >= since, table.c.intent != "").order_by(table.c.intent)
    async with database.reading() as connection:
        return list((await connection.execute(query)).scalars())


async def known_domains(database: Database) -> list[str]:
    """Return every domain of a request that was ever answered, in order. Raises `StorageError`."""
    column = model_performance.c.domain
    async with database.reading() as connection:
        return list(
            (await connection.execute(select(column).distinct().where(column != "").order_by(column))).scalars()
        )
