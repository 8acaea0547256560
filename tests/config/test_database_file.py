import asyncio
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import select
from sqlalchemy.util import greenlet_spawn

from config.database import open_database
from config.errors import StorageError
from config.tables import audit


def row(name):
    return {"id": name, "ts": datetime(2026, 11, 21, tzinfo=UTC), "actor": "", "action": "", "subject": ""}


async def write(database, name):
    async with database.writing() as connection:
        await connection.execute(audit.insert().values(row(name)))


async def transact(database, name):
    await database.transact(lambda connection: connection.execute(audit.insert().values(row(name))))


async def names(database):
    async with database.reading() as connection:
        return list((await connection.execute(select(audit.c.id).order_by(audit.c.id))).scalars())


def path_of(database):
    return Path(database.engine.url.database)


def files_of(database):
    path = path_of(database)
    return sorted(path.parent.glob(f"{path.name}*"))


@pytest.mark.parametrize("with_log", [True, False])
@pytest.mark.parametrize("put", [write, transact])
async def test_a_deleted_file_takes_no_more_records_and_the_next_one_has_tables(sqlite_database, put, with_log):
    """One transaction fails aloud, the next finds a new file with the newest schema, and what it wrote is there."""
    await write(sqlite_database, "before")
    await transact(sqlite_database, "before too")
    for each in files_of(sqlite_database) if with_log else [path_of(sqlite_database)]:
        each.unlink()

    with pytest.raises(StorageError, match="moved or deleted"):
        await put(sqlite_database, "lost")
    await put(sqlite_database, "after")
    await write(sqlite_database, "later")
    again = open_database(f"sqlite:///{path_of(sqlite_database)}")
    found = await names(again)
    await again.aclose()

    assert ["after", "later"] == found
    assert found == await names(sqlite_database)


@pytest.mark.parametrize("put", [write, transact])
async def test_a_file_put_in_the_place_of_another_is_opened(sqlite_database, tmp_path, put):
    """A backup that is moved over a running database is read and written from the second transaction on."""
    await write(sqlite_database, "old")
    backup = open_database(f"sqlite:///{tmp_path}/backup.sqlite")
    await backup.upgrade()
    await write(backup, "from the backup")
    await backup.aclose()
    for each in files_of(sqlite_database):
        each.unlink()  # SQLite would replay a write-ahead log that stays behind into the backup
    (tmp_path / "backup.sqlite").rename(path_of(sqlite_database))

    with pytest.raises(StorageError, match="moved or deleted"):
        await put(sqlite_database, "new")
    await put(sqlite_database, "new")

    assert ["from the backup", "new"] == await names(sqlite_database)


async def test_a_file_deleted_during_a_transaction_is_told_after_its_commit(sqlite_database):
    """What was committed into a file without a name is not reported as written."""

    def work(connection):
        connection.execute(audit.insert().values(row("a")))
        for each in files_of(sqlite_database):
            each.unlink()

    await write(sqlite_database, "before")
    with pytest.raises(StorageError, match="moved or deleted"):
        await sqlite_database.transact(work)
    with pytest.raises(StorageError, match="moved or deleted"):
        await write(sqlite_database, "a")
    await write(sqlite_database, "a")

    assert ["a"] == await names(sqlite_database)


async def test_a_new_connection_does_not_read_beside_the_old_ones(sqlite_database):
    """A reader that would be led to another file than those before it fails until the old file is let go."""
    await write(sqlite_database, "before")
    async with sqlite_database.reading():
        for each in files_of(sqlite_database):
            each.unlink()
        with pytest.raises(StorageError, match="moved or deleted"):
            await names(sqlite_database)
    with pytest.raises(StorageError, match="moved or deleted"):
        await write(sqlite_database, "after")
    await write(sqlite_database, "after")

    assert ["after"] == await names(sqlite_database)


async def test_many_writers_find_the_file_gone_at_once(sqlite_url):
    """Each fails at most once, and the new file is made once."""
    database = open_database(sqlite_url, busy_timeout_s=20.0)  # they wait for each other, however busy the machine is
    await asyncio.gather(*(write(database, f"before {n}") for n in range(3)))
    for each in files_of(database):
        each.unlink()

    failed = await asyncio.gather(*(write(database, str(n)) for n in range(6)), return_exceptions=True)
    await asyncio.gather(*(write(database, str(n)) for n, error in enumerate(failed) if error is not None))
    found = await names(database)
    await database.aclose()

    assert any(isinstance(error, StorageError) for error in failed)
    assert [str(n) for n in range(6)] == found


async def test_a_folder_that_is_gone_is_the_databases_trouble(tmp_path):
    """No new file can be made, which is told each time and raises nothing else."""
    database = open_database(f"sqlite:///{tmp_path}/state/books.sqlite")
    await database.upgrade()
    (tmp_path / "state").rename(tmp_path / "aside")
    for _ in range(3):
        with pytest.raises(StorageError):
            await write(database, "a")
    (tmp_path / "aside").rename(tmp_path / "state")
    await write(database, "a")
    found = await names(database)
    await database.aclose()

    assert ["a"] == found


async def test_who_reads_while_the_file_is_lost_takes_its_connection_along(sqlite_database):
    """Its connection leads to a file that is there no more; it is closed at its end, with its thread."""
    await write(sqlite_database, "a")
    async with sqlite_database.reading() as connection:
        own = (await connection.get_raw_connection()).driver_connection
        for each in files_of(sqlite_database):
            each.unlink()
        with pytest.raises(StorageError, match="moved or deleted"):
            await write(sqlite_database, "b")
        held = (await connection.execute(select(audit.c.id))).scalars().all()

    assert ["a"] == list(held)
    with pytest.raises(ValueError, match="no active connection"):
        await own.execute("SELECT 1")


async def test_a_connection_opened_in_a_pool_that_was_left_is_closed_when_it_comes_back(sqlite_database):
    """A reader that had the old pool in its hand while the file was let go opens the new file there: nobody takes it."""
    await write(sqlite_database, "before")
    old = sqlite_database.engine.sync_engine.pool
    for each in files_of(sqlite_database):
        each.unlink()
    with pytest.raises(StorageError):
        await write(sqlite_database, "lost")
    await write(sqlite_database, "after")
    assert old is not sqlite_database.engine.sync_engine.pool
    found = await greenlet_spawn(old.connect)
    driver = found.driver_connection
    await greenlet_spawn(found.close)

    with pytest.raises(ValueError, match=r"closed|no active"):
        await driver.execute("select 1")
