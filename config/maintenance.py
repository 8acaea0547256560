"""What an operator does with the books: upgrade, back up, prune. Each is safe while the gateway runs."""

from __future__ import annotations

import asyncio
import os
import shutil
import sqlite3
from contextlib import closing, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, cast

from sqlalchemy import column, delete, select, table

from config.columns import UtcTime
from config.database import open_database, parse_url
from config.errors import StorageError
from config.ids import new_id

if TYPE_CHECKING:
    from collections.abc import Callable

    import aiosqlite
    from sqlalchemy import URL

    from config.database import Database

PRUNE_BATCH = 500
"""Rows that are deleted in one transaction, so that the writer waits for milliseconds only."""
VACUUM_PAGES = 1_000
"""Free pages that SQLite gives back to the disk after a batch."""


@dataclass(frozen=True, slots=True)
class Pruned:
    """How many rows were deleted, by table."""

    rows: dict[str, int]


async def upgrade(database_url: str) -> None:
    """Bring the schema of a database to the newest revision. Raises `StorageError` and `SettingsError`."""
    database = open_database(database_url, busy_timeout_s=30.0)
    try:
        await database.upgrade()
    finally:
        await database.aclose()


async def backup(database_url: str, to: Path, *, replace: bool = True) -> Path:
    """Write a consistent copy of a running database to `to` and return it; an old file is replaced whole, or refused.

    SQLite gives a database file, PostgreSQL the custom format of `pg_dump`, for `pg_restore`. The pepper of the keys
    is not part of it. Raises `StorageError`.
    """
    address = parse_url(database_url)
    _refuse_folder(to)
    draft = to.with_name(f".{to.name}.{new_id()}")
    try:
        if not replace:
            _refuse_taken(to)
        to.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        os.close(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
        if address.drivername.startswith("sqlite"):
            await asyncio.to_thread(_copy_sqlite, Path(address.database or ""), draft)
        else:
            await _dump_postgresql(address, draft)
        if not replace:
            _refuse_taken(to)  # again: a copy takes its time
        draft.replace(to)
    except OSError as error:
        raise StorageError(f"the backup cannot be written: {error.strerror}") from error
    finally:
        with suppress(OSError):
            draft.unlink()
    return to


async def prune(
    database: Database,
    *,
    retention_days: int,
    body_retention_days: int,
    batch: int = PRUNE_BATCH,
    clock: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> Pruned:
    """Delete what is older than its retention, in small transactions; 0 days keeps for ever. Sums are never deleted.

    `retention_days` holds for decisions (with attempts, previews, bodies and vectors), outcomes and log events. Raises
    `StorageError`; what was deleted before stays deleted.
    """
    ages = {
        "body": body_retention_days,
        "decision": retention_days,
        "outcome": retention_days,
        "log_event": retention_days,
    }
    rows: dict[str, int] = {}
    for name, days in ages.items():
        if days > 0:
            rows[name] = await _prune_table(database, name, clock() - timedelta(days=days), batch=batch)
    return Pruned(rows)


KEYS = {"body": "decision_id", "outcome": "decision_id"}
"""Column by which old rows are found again to be deleted, where it is not `id`."""


async def _prune_table(database: Database, name: str, before: datetime, *, batch: int) -> int:
    key = KEYS.get(name, "id")
    rows = table(name, column(key), column("ts", UtcTime))  # tables belong to the rooms above, so they are named here
    oldest = select(rows.c[key]).where(rows.c.ts < before).order_by(rows.c.ts).limit(batch)
    doomed = delete(rows).where(rows.c[key].in_(oldest.scalar_subquery()), rows.c.ts < before)
    n_deleted = 0
    while True:
        async with database.writing() as connection:
            n_now = (await connection.execute(doomed)).rowcount
        if n_now == 0:
            return n_deleted
        n_deleted += n_now
        await _give_back_pages(database)


async def _give_back_pages(database: Database) -> None:
    if database.dialect == "sqlite":
        async with database.reading() as connection:
            raw = cast("aiosqlite.Connection", (await connection.get_raw_connection()).driver_connection)
            # The pragma gives back one page for each step, and of all calls only a script takes every step.
            await raw.executescript(f"PRAGMA incremental_vacuum({VACUUM_PAGES})")


def _refuse_folder(to: Path) -> None:
    if to.is_dir() or not to.name:
        raise StorageError(f"{to} is a folder; name the file that the copy goes into, such as {to / 'copy.sqlite'}")


def _refuse_taken(to: Path) -> None:
    if to.exists():
        raise StorageError(f"{to} is there already; take another name, or replace it with --force")


def _copy_sqlite(source: Path, draft: Path) -> None:
    """Copy by `VACUUM INTO`: one read transaction that holds up no writer, and a compact file."""
    if not source.is_file():
        raise StorageError(f"there is no database at {source}")
    try:
        with closing(sqlite3.connect(f"{source.resolve().as_uri()}?mode=ro", uri=True)) as connection:
            connection.execute("VACUUM INTO ?", (str(draft),))
    except sqlite3.Error as error:
        raise StorageError(f"the backup failed: {error}") from error


async def _dump_postgresql(address: URL, draft: Path) -> None:
    program = shutil.which("pg_dump")
    if program is None:
        raise StorageError("a backup of PostgreSQL needs the program pg_dump, which is not on PATH")
    environment = os.environ | {
        "PGHOST": address.host or "localhost",
        "PGPORT": str(address.port or 5432),
        "PGUSER": address.username or "",
        "PGPASSWORD": str(address.password or ""),  # not in the arguments, which other users can see
        "PGDATABASE": address.database or "",
    }
    process = await asyncio.create_subprocess_exec(
        *(program, "--format=custom", "--no-password", f"--file={draft}"),
        env={name: value for name, value in environment.items() if value},
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
    )
    _, stderr = await process.communicate()
    if process.returncode != 0:
        reason = stderr.decode(errors="replace").strip().rpartition("\n")[2]
        raise StorageError(f"pg_dump failed: {reason[-200:]}")
