import asyncio
import base64
import sys
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Column, Integer, Table, event, select, text
from sqlalchemy.exc import IntegrityError

from config.columns import Bytes, CleanText, JsonValue, UtcTime, clean_text, json_text, json_value
from config.database import METADATA, open_database, parse_url
from config.errors import SettingsError, StorageError
from config.tables import audit

SHAPES = Table(
    "shapes",
    METADATA.__class__(),
    Column("id", Integer, primary_key=True),
    Column("ts", UtcTime),
    Column("text", CleanText),
    Column("data", JsonValue),
    Column("bytes", Bytes),
)


@pytest.fixture
async def shapes(database):
    """A table with a column of each of our types."""
    async with database.writing() as connection:
        await connection.run_sync(SHAPES.metadata.create_all)
    return database


async def stored(database, **values):
    async with database.writing() as connection:
        await connection.execute(SHAPES.insert().values(id=1, **values))
    async with database.reading() as connection:
        row = (await connection.execute(select(SHAPES))).mappings().one()
        return [row[name] for name in values]


async def test_a_moment_comes_back_in_utc_whatever_zone_it_had(shapes):
    """The same moment, to the microsecond, with its zone."""
    there = datetime(2026, 11, 21, 16, 0, 0, 5, tzinfo=timezone(timedelta(hours=8)))
    (found,) = await stored(shapes, ts=there)

    assert there == found
    assert UTC == found.tzinfo


async def test_a_moment_as_the_journal_spells_it_is_understood(shapes):
    """A record that went through the journal brings its times as text."""
    assert [datetime(2026, 11, 21, 8, tzinfo=UTC)] == await stored(shapes, ts="2026-11-21T08:00:00Z")


async def test_moments_are_ordered_and_compared_as_moments(shapes):
    """Keyset paging relies on it, on SQLite too, where they are text."""
    base = datetime(2026, 11, 21, 23, 59, 59, 999_999, tzinfo=UTC)
    moments = [
        base - timedelta(microseconds=999_999),
        base,
        base + timedelta(microseconds=1),
        base + timedelta(days=50),
    ]
    async with shapes.writing() as connection:
        await connection.execute(SHAPES.insert(), [{"id": n, "ts": ts} for n, ts in enumerate(reversed(moments))])
    async with shapes.reading() as connection:
        ordered = (await connection.execute(select(SHAPES.c.ts).order_by(SHAPES.c.ts))).scalars().all()
        later = (await connection.execute(select(SHAPES.c.ts).where(SHAPES.c.ts > base))).scalars().all()

    assert moments == ordered
    assert set(moments[2:]) == set(later)


async def test_bytes_come_back_also_when_the_journal_spelled_them(shapes):
    """The journal keeps bytes as Base64."""
    assert [b"\x00\xff"] == await stored(shapes, bytes=base64.b64encode(b"\x00\xff").decode())


@pytest.mark.parametrize(
    "value",
    [None, [], {}, [1, 2.5, None, True], {"中文": "\U0001f600", "n": {"deep": [1]}}, "text", 0, False],
)
async def test_json_comes_back_as_it_was(shapes, value):
    """Objects, lists and plain values alike; nothing is null."""
    assert [value] == await stored(shapes, data=value)


async def test_a_commit_that_fails_leaves_nothing(shapes):
    """What is wrong with a row is raised as it is, and its transaction is undone."""

    async def insert_twice():
        async with shapes.writing() as connection:
            await connection.execute(SHAPES.insert().values(id=1))
            await connection.execute(SHAPES.insert().values(id=1))

    with pytest.raises(IntegrityError):
        await insert_twice()
    async with shapes.reading() as connection:
        assert [] == (await connection.execute(select(SHAPES))).all()


async def test_a_work_that_fails_in_the_writers_thread_is_undone_too(shapes):
    """`transact` is a transaction like any other."""

    def work(connection):
        connection.execute(SHAPES.insert().values(id=1))
        connection.execute(SHAPES.insert().values(id=1))

    with pytest.raises(IntegrityError):
        await shapes.transact(work)
    async with shapes.reading() as connection:
        assert [] == (await connection.execute(select(SHAPES))).all()


async def test_two_writers_at_once_wait_for_each_other(sqlite_url):
    """A transaction that reads first and writes later does not fail because another one wrote in between."""
    database = open_database(sqlite_url, busy_timeout_s=10)

    async def count_up():
        async with database.writing() as connection:
            n = (await connection.execute(text("SELECT count(*) FROM audit"))).scalar_one()
            row = {"id": str(n), "ts": datetime.now(UTC), "actor": "", "action": "", "subject": ""}
            await connection.execute(audit.insert().values(row))

    await asyncio.gather(*(count_up() for _ in range(8)))
    async with database.reading() as connection:
        found = (await connection.execute(select(audit.c.id).order_by(audit.c.id))).scalars().all()
    await database.aclose()

    assert [str(n) for n in range(8)] == found


async def test_sqlite_is_opened_as_the_house_wants_it(tmp_path):
    """Write-ahead log, normal synchronisation, foreign keys; the folder is made for its owner only."""
    database = open_database(f"sqlite:///{tmp_path}/new/state/books.sqlite")
    async with database.reading() as connection:
        found = [
            (await connection.execute(text(f"PRAGMA {name}"))).scalar_one()
            for name in ("journal_mode", "synchronous", "foreign_keys", "busy_timeout", "auto_vacuum")
        ]
    await database.aclose()

    assert ["wal", 1, 1, 2000, 2] == found
    assert 0o700 == (tmp_path / "new" / "state").stat().st_mode & 0o777


async def test_a_database_in_memory_is_one_database():
    """Everybody waits for its one connection, and the writer's transactions happen in it."""
    database = open_database("sqlite://")
    await database.transact(SHAPES.metadata.create_all)

    async def insert(number):
        async with database.writing() as connection:
            await connection.execute(SHAPES.insert().values(id=number))

    await asyncio.gather(*(insert(number) for number in range(5)))
    async with database.reading() as connection:
        found = (await connection.execute(select(SHAPES.c.id).order_by(SHAPES.c.id))).scalars().all()
    await database.aclose()

    assert [0, 1, 2, 3, 4] == found


@pytest.mark.parametrize(
    ("url", "driver"),
    [
        ("sqlite:///a.sqlite", "sqlite+aiosqlite"),
        ("sqlite+aiosqlite:///a.sqlite", "sqlite+aiosqlite"),
        ("postgres://host/name", "postgresql+asyncpg"),
        ("postgresql://host/name", "postgresql+asyncpg"),
        ("postgresql+psycopg://host/name", "postgresql+asyncpg"),
    ],
)
def test_every_usual_url_finds_its_driver(url, driver):
    """People write the URL as other programs want it."""
    assert driver == parse_url(url).drivername


@pytest.mark.parametrize("url", ["", "no url", "mysql://root:hunter2@host/name", "sqlite+hunter2"])
def test_a_url_that_is_none_of_ours_is_refused_without_its_password(url):
    """The message says what would be right and repeats no secret."""
    with pytest.raises(SettingsError, match="postgresql://") as caught:
        open_database(url)

    assert "hunter2" not in str(caught.value)


def test_postgres_without_its_driver_says_what_to_install(monkeypatch):
    """The driver is an extra; who asks for PostgreSQL without it learns the command."""
    monkeypatch.setitem(sys.modules, "asyncpg", None)
    with pytest.raises(SettingsError, match="scale"):
        open_database("postgresql://host/name")


@pytest.mark.postgres
@pytest.mark.parametrize("host", ["127.0.0.1:1", "host.invalid"])
async def test_a_server_that_is_not_there_is_a_storage_error(host):
    """Refused or without a name, the error is ours and names no password."""
    database = open_database(f"postgresql://me:hunter2@{host}/name")
    with pytest.raises(StorageError) as caught:
        async with database.reading():
            pass
    await database.aclose()

    assert "hunter2" not in str(caught.value)
    assert str(caught.value)


@pytest.mark.postgres
async def test_a_database_that_the_server_does_not_have_is_a_storage_error(postgres):
    """The server answers, and says no."""
    database = open_database(postgres.base_url + "missing")
    with pytest.raises(StorageError, match="does not exist"):
        async with database.reading():
            pass
    await database.aclose()


async def test_a_pool_without_a_free_connection_is_a_storage_error(sqlite_url):
    """Waiting has an end."""
    database = open_database(sqlite_url, pool_size=1)
    database.engine.pool._timeout = 0.01
    async with database.reading(), database.reading():
        with pytest.raises(StorageError):
            async with database.reading():
                pass
    await database.aclose()


@given(st.text(st.characters(codec=None), max_size=50))
def test_clean_text_fits_both_databases_and_leaves_good_text_alone(value):
    """Whatever comes, what is stored is UTF-8 without NUL."""
    cleaned = clean_text(value)

    assert "\x00" not in cleaned.encode().decode()
    assert cleaned == value or any(char == "\x00" or "\ud800" <= char <= "\udfff" for char in value)


PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats() | st.text(st.characters(codec=None)),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(st.characters(codec=None)), inner, max_size=4),
    max_leaves=12,
)


@given(PLAIN)
def test_any_json_becomes_text_that_both_databases_take(value):
    """NaN, NUL and lone surrogates are mended; the rest is told as it is."""
    written = json_text(value)

    assert "\\u0000" not in written.replace("\\\\", "")
    assert json_text(json_value(written)) == written


def test_what_is_no_json_is_told_as_text():
    """A stage's note may hold any object; it must not lose the record."""
    written = json_text({(1, 2): {"when": datetime(2026, 1, 1, tzinfo=UTC), "path": ValueError("a\x00b")}})

    assert '{"(1, 2)":{"when":"2026-01-01T00:00:00Z","path":"ab"}}' == written


async def test_who_reads_while_it_is_closed_takes_its_connection_along(database):
    """Nobody waits for a slow reader without end, and its connection is closed when it comes back."""
    async with database.reading() as connection:
        own = await connection.get_raw_connection()
        driver = own.driver_connection
        await database.aclose(patience_s=0.01)
        found = (await connection.execute(text("SELECT 1"))).scalar_one()

    assert 1 == found
    assert driver._connection is None if database.dialect == "sqlite" else driver.is_closed()


async def test_closing_waits_for_who_still_reads(database):
    """A reader that ends in time gives its connection back before the rest are closed."""
    is_open, given_back = asyncio.Event(), []
    event.listen(database.engine.sync_engine, "checkin", lambda *which: given_back.append(which))

    async def read():
        async with database.reading() as connection:
            is_open.set()
            return (await connection.execute(text("SELECT 1"))).scalar_one()

    reading = asyncio.create_task(read())
    await is_open.wait()
    await database.aclose(patience_s=20)

    assert 1 == len(given_back)
    assert 1 == await reading
