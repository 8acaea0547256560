"""How large the database is; asked now and then, never on a request's way."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import text

if TYPE_CHECKING:
    from config.database import Database


async def database_size_bytes(database: Database) -> int | None:
    """Return the bytes on disk, SQLite's write-ahead log included; `None` for a database in memory.

    Raises `StorageError` when a PostgreSQL is away.
    """
    if database.dialect == "postgresql":
        async with database.reading() as connection:
            return int((await connection.execute(text("select pg_database_size(current_database())"))).scalar_one())
    name = database.engine.url.database
    if name in {None, "", ":memory:"}:
        return None
    return await asyncio.to_thread(_size_of_files, Path(name or ""))


def _size_of_files(file: Path) -> int:
    total = 0
    for each in (file, file.with_name(f"{file.name}-wal"), file.with_name(f"{file.name}-shm")):
        try:
            total += each.stat().st_size
        except OSError:  # not there yet, or folded into the database just now
            continue
    return total
