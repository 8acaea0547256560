"""Reads what was set while the gateway runs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import select

from config.tables import setting_override

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from config.database import Database

__all__ = ["MAX_OVERRIDES", "overrides"]

MAX_OVERRIDES = 1_000


async def overrides(database: Database) -> Sequence[Mapping[str, Any]]:
    """Return key, value, who set it and when, by key. Raises `StorageError`."""
    query = select(setting_override).order_by(setting_override.c.key).limit(MAX_OVERRIDES)
    async with database.reading() as connection:
        return [dict(row) for row in (await connection.execute(query)).mappings()]
