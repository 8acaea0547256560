"""The one database: its engine, its two kinds of transaction, its upgrade. Tables live in the rooms that write them."""

from __future__ import annotations

import asyncio
import logging
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Literal, cast

from sqlalchemy import MetaData, create_engine, event
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.ext.asyncio import create_async_engine

from config.columns import json_text, json_value
from config.database_errors import described, is_trouble
from config.database_file import DatabaseFile
from config.database_pool import LeavingPool
from config.errors import SettingsError, StorageError
from config.revision import bring_up_to_date

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Generator

    from sqlalchemy import URL, Connection, Engine
    from sqlalchemy.engine.interfaces import DBAPIConnection
    from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine
    from sqlalchemy.pool import AsyncAdaptedQueuePool, ConnectionPoolEntry

    from config.database_file import FileId

Dialect = Literal["sqlite", "postgresql"]

METADATA = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)
"""Every table of the house; constraints are named alike on both databases, so that migrations can speak of them."""

DRIVERS: dict[str, str] = {
    "sqlite": "sqlite+aiosqlite",
    "postgresql": "postgresql+asyncpg",
    "postgres": "postgresql+asyncpg",
}
WRITES = {"thalamus_writes": True}
"""Execution option of write transactions: on SQLite they take the write lock at their beginning, because a lock
that is asked for in mid-transaction fails at once instead of waiting (SQLITE_BUSY_SNAPSHOT)."""

POSTGRESQL_TIMEOUT_S = 5.0
"""Longest wait for a connection; a statement may take six times as long."""


class Database:
    """An engine with its two kinds of transaction. Build it with `open_database`; close it with `aclose`."""

    def __init__(
        self,
        engine: AsyncEngine,
        *,
        blocking_engine: Engine | None = None,
        file: DatabaseFile | None = None,
        driver_errors: tuple[type[Exception], ...] = (),
    ) -> None:
        self.engine = engine
        self._file = file
        self._mending = asyncio.Lock()
        self._blocking_writes = blocking_engine.execution_options(**WRITES) if blocking_engine else None
        self._thread = ThreadPoolExecutor(1, "thalamus-books") if blocking_engine else None
        self.dialect: Dialect = "sqlite" if engine.dialect.name == "sqlite" else "postgresql"
        self._writes = engine.execution_options(**WRITES)
        self._driver_errors = (*driver_errors, OSError, TimeoutError)

    @asynccontextmanager
    async def reading(self) -> AsyncGenerator[AsyncConnection]:
        """Give a connection for reads. Raises `StorageError` when the database is away."""
        with self._translated():
            async with self.engine.connect() as connection:
                yield connection

    @asynccontextmanager
    async def writing(self) -> AsyncGenerator[AsyncConnection]:
        """Give a transaction that commits at the end. Raises `StorageError` when the database is locked, full or away.

        A file that was moved or deleted is such a case; the next transaction makes a new one, with the newest schema.
        What is wrong with the rows themselves is raised as SQLAlchemy raises it.
        """
        with self._translated():
            begun_in = await self._present_file()
            async with self._writes.begin() as connection:
                yield connection
            if self._file is not None:
                self._file.confirm(begun_in)

    async def transact(self, work: Callable[[Connection], None]) -> None:
        """Run `work` in a write transaction with as few hand-overs as possible: for those who write much.

        For an SQLite file all of it happens in one thread (an `AsyncConnection` goes there and back for each
        statement, at about 100 us of the loop). When cancelled, `work` may still commit. Raises as `writing` does.
        """
        with self._translated():
            begun_in = await self._present_file()
            await self._run(work)
            if self._file is not None:
                self._file.confirm(begun_in)

    async def upgrade(self) -> None:
        """Bring the schema to the newest revision; two processes may do so at once. Raises `StorageError`."""
        with self._translated():
            async with self._mending:  # Alembic keeps the migration that runs in a global
                await self._run(bring_up_to_date)
        if self._file is not None:
            self._file.needs_schema = False

    async def aclose(self, patience_s: float = 1.0) -> None:
        """Close every connection, after what `transact` has begun.

        Connections that somebody uses get `patience_s` seconds to come back; a later one is closed when it does.
        """
        if self._thread is not None and self._blocking_writes is not None:
            await asyncio.to_thread(self._thread.shutdown)
            self._blocking_writes.dispose()
        event.listen(self.engine.sync_engine, "checkin", _close_late)
        with suppress(TimeoutError):
            async with asyncio.timeout(patience_s):
                while cast("AsyncAdaptedQueuePool", self.engine.pool).checkedout():  # noqa: ASYNC110  # a pool tells nobody
                    await asyncio.sleep(0.005)
        await self.engine.dispose()

    async def _run(self, work: Callable[[Connection], None]) -> None:
        if self._thread is None or self._blocking_writes is None:
            async with self._writes.begin() as connection:
                await connection.run_sync(work)
            return
        await asyncio.get_running_loop().run_in_executor(self._thread, _transact, self._blocking_writes, work)

    async def _present_file(self) -> FileId | None:
        """Return the file that is open, one with tables. Raises `StorageError` once when it is there no more."""
        if self._file is None:
            return None
        try:
            found = self._file.opened()
        except StorageError:
            await self._let_go(self._file)
            raise
        if self._file.needs_schema:
            await self.upgrade()
        return found

    async def _let_go(self, file: DatabaseFile) -> None:
        """Close what leads to a file that is there no more; those who use a connection just now keep it to the end."""
        async with self._mending:
            try:
                file.opened()
            except StorageError:
                if self._blocking_writes is not None:
                    self._blocking_writes.dispose()
                await self.engine.dispose()
                file.let_go()

    @contextmanager
    def _translated(self) -> Generator[None]:
        try:
            yield
        except DBAPIError as error:
            if not is_trouble(error):
                raise
            raise StorageError(described(error)) from error
        except (PoolTimeoutError, *self._driver_errors) as error:
            raise StorageError(described(error)) from error


def _close_late(_connection: DBAPIConnection, record: ConnectionPoolEntry) -> None:
    if record.dbapi_connection is not None:
        record.invalidate()


def _transact(engine: Engine, work: Callable[[Connection], None]) -> None:
    with engine.begin() as connection:
        work(connection)


def open_database(url: str, *, busy_timeout_s: float = 2.0, pool_size: int = 5) -> Database:
    """Open a SQLAlchemy URL of SQLite or PostgreSQL; nothing is connected yet, and the file's folder is made.

    `busy_timeout_s` is how long SQLite waits for another process's lock before it reports it. Raises `SettingsError`
    for a URL that is neither.
    """
    address = parse_url(url)
    if address.drivername.startswith("sqlite"):
        return _open_sqlite(address, busy_timeout_s=busy_timeout_s, pool_size=pool_size)
    return _open_postgresql(address, pool_size=pool_size)


def parse_url(url: str) -> URL:
    """Return the URL with the asynchronous driver of its database. Raises `SettingsError`; the URL is not repeated."""
    try:
        address = make_url(url)
    except ArgumentError as error:
        raise SettingsError(
            "the database URL cannot be read; it looks like sqlite:///FILE or postgresql://…"
        ) from error
    driver = DRIVERS.get(address.drivername.partition("+")[0])
    if driver is None:
        raise SettingsError(f"'{address.drivername}' is no database we can use; take sqlite:///FILE or postgresql://…")
    return address.set(drivername=driver)


def _open_sqlite(address: URL, *, busy_timeout_s: float, pool_size: int) -> Database:
    in_memory = address.database in {None, "", ":memory:"}
    if address.database is not None and not in_memory:
        Path(address.database).parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    options = {"json_serializer": json_text, "json_deserializer": json_value}
    logging.getLogger(LeavingPool.__module__).setLevel(logging.WARNING)  # as SQLAlchemy has its own pools
    engine = create_async_engine(
        address,
        poolclass=LeavingPool,
        # A database in memory is its connection: there is one, and everybody waits for it.
        pool_size=1 if in_memory else pool_size,
        max_overflow=0 if in_memory else pool_size,
        **options,
    )
    blocking = None if in_memory else create_engine(address.set(drivername="sqlite+pysqlite"), **options)
    has_file = blocking is not None and not (address.database or "").startswith("file:")
    file = DatabaseFile(address.database or "") if has_file else None
    for each in (engine.sync_engine, blocking):
        if each is not None:
            if file is not None:
                event.listen(each, "connect", file.check_connection)
                event.listen(each, "checkin", file.check_return)
            event.listen(each, "connect", _sqlite_setup(round(busy_timeout_s * 1000)))
            event.listen(each, "begin", _begin_sqlite)
    return Database(engine, blocking_engine=blocking, file=file)


def _sqlite_setup(busy_timeout_ms: int) -> Callable[[DBAPIConnection, object], None]:
    def set_up(connection: DBAPIConnection, _record: object) -> None:
        connection.isolation_level = None  # pyright: ignore[reportAttributeAccessIssue]  # sqlite3: we say BEGIN
        cursor = connection.cursor()
        for statement in (
            f"PRAGMA busy_timeout={busy_timeout_ms}",
            "PRAGMA auto_vacuum=INCREMENTAL",  # heeded only while the file is empty
            "PRAGMA journal_mode=WAL",
            "PRAGMA synchronous=NORMAL",
            "PRAGMA foreign_keys=ON",
        ):
            cursor.execute(statement)
        cursor.close()

    return set_up


def _begin_sqlite(connection: Connection) -> None:
    writes = connection.get_execution_options().get("thalamus_writes", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _open_postgresql(address: URL, *, pool_size: int) -> Database:
    try:
        import asyncpg  # noqa: PLC0415  # pyright: ignore[reportMissingTypeStubs]  # an extra: not everybody has it

        engine = create_async_engine(
            address,
            pool_size=pool_size,
            max_overflow=pool_size,
            pool_timeout=POSTGRESQL_TIMEOUT_S,
            pool_pre_ping=True,
            connect_args={"timeout": POSTGRESQL_TIMEOUT_S, "command_timeout": 6 * POSTGRESQL_TIMEOUT_S},
            json_serializer=json_text,
            json_deserializer=json_value,
        )
    except ImportError as error:
        raise SettingsError("PostgreSQL needs the extra: pip install 'thalamus-proxy[scale]'") from error
    return Database(engine, driver_errors=(asyncpg.PostgresError, asyncpg.InterfaceError))
