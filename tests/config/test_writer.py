import asyncio
import json
import sqlite3
import threading
from datetime import UTC, datetime

import pytest
from sqlalchemy import func, select, text

from config.books import TableBook
from config.database import open_database
from config.journal import CHECKSUM_LENGTH, Journal
from config.spill import CHUNK_RECORDS
from config.tables import audit
from config.writer import GroupWriter

NOW = datetime(2026, 11, 21, 8, tzinfo=UTC)
BOOK = TableBook(audit)


def row(name, **changes):
    return {
        "id": name,
        "ts": NOW,
        "actor": "admin",
        "action": "weights",
        "subject": "gpt",
        "before": {"w": 1},
        "after": None,
    } | changes


def path_of(url):
    return url.removeprefix("sqlite:///")


async def ids(database):
    async with database.reading() as connection:
        return [each[0] for each in await connection.execute(select(audit.c.id).order_by(audit.c.id))]


@pytest.fixture
def make_writer(tmp_path):
    """Build a writer with fast backoff; closed at the end."""
    made = []

    def make(database, *, journal_bytes=1_000_000, start=True, **options):
        journal = Journal(tmp_path / "spill", max_bytes=journal_bytes) if journal_bytes else None
        writer = GroupWriter(
            database,
            journal=journal,
            **({"group_commit_ms": 1, "backoff_s": (0.01, 0.02), "clock": lambda: NOW} | options),
        )
        writer.register(BOOK)
        made.append(writer)
        if start:
            writer.start()
        return writer

    yield make
    assert all(writer._closed for writer in made)


async def until(condition):
    """Let the loop run until the condition holds."""
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110  # what is waited for is a state, not an event
            await asyncio.sleep(0.002)


async def test_records_of_one_window_are_one_transaction(database, make_writer):
    """Submitting waits for nothing; all of the window is committed together."""
    commits = []
    writer = make_writer(database, clock=lambda: commits.append(1) or NOW)
    for number in range(300):
        writer.submit(BOOK, row(f"{number:03}"))
    queued = writer.state()["queued"]
    written = await writer.flush(5)
    state = writer.state()
    await writer.aclose()

    assert 300 == queued
    assert written
    assert [f"{number:03}" for number in range(300)] == await ids(database)
    assert [1] == commits
    assert {
        "status": "ok",
        "queued": 0,
        "spilled": 0,
        "dropped": 0,
        "skipped": 0,
        "last_error": None,
        "last_commit_ts": NOW.isoformat(),
    } == state


async def test_the_window_closes_by_itself(database, make_writer):
    """Nobody needs to flush."""
    writer = make_writer(database)
    writer.submit(BOOK, row("a"))
    await until(lambda: writer.is_settled)
    await writer.aclose()

    assert ["a"] == await ids(database)


async def test_a_record_that_comes_twice_is_kept_once(database, make_writer):
    """A replayed record changes nothing."""
    writer = make_writer(database)
    writer.submit(BOOK, row("a", subject="first"))
    await writer.flush(5)
    writer.submit(BOOK, row("a", subject="second"))
    await writer.aclose()

    async with database.reading() as connection:
        assert ["first"] == list((await connection.execute(select(audit.c.subject))).scalars())


async def test_one_bad_record_costs_only_itself(database, make_writer):
    """A batch is split around what the database refuses, and what was left out is counted and not quoted."""
    writer = make_writer(database)
    for number in range(20):
        writer.submit(BOOK, row(f"{number:02}", action=None if number in {3, 11} else "secret-value"))
    writer.submit(BOOK, {"id": "no columns"})
    writer.submit(BOOK, row("naive time", ts=datetime(2026, 1, 1)))  # noqa: DTZ001  # the point of it
    await writer.flush(5)
    state = writer.state()
    await writer.aclose()

    assert 18 == len(await ids(database))
    assert (4, "ok", 0) == (state["skipped"], state["status"], state["queued"])
    assert "secret-value" not in state["last_error"]


async def test_text_that_no_database_holds_is_mended_at_the_border(database, make_writer):
    """NUL and lone surrogates do not lose a record, neither in text nor in JSON, neither directly nor by the journal."""
    writer = make_writer(database, start=False)
    bad = {"subject": "a\x00b\ud800", "before": {"k\x00": ["\x00", "\ud800", "back\\u0000slash", float("nan")]}}
    writer.submit(BOOK, row("1", **bad))
    writer._spill.move(writer._queue)
    writer.submit(BOOK, row("2", **bad))
    writer.start()
    await writer.flush(5)
    await writer.aclose()

    async with database.reading() as connection:
        found = [tuple(each) for each in await connection.execute(select(audit.c.subject, audit.c.before))]
    assert [("ab?", {"k": ["", "?", "back\\u0000slash", None]})] * 2 == found


async def test_locked_database_is_waited_for_and_nothing_is_lost(sqlite_database, sqlite_url, make_writer):
    """Another process's lock degrades the books, sends records to the journal, and is forgotten when it ends."""
    writer = make_writer(sqlite_database)
    other = sqlite3.connect(path_of(sqlite_url), isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    for number in range(CHUNK_RECORDS * 2):
        writer.submit(BOOK, row(f"{number:03}"))
    await until(lambda: writer.state()["spilled"] == CHUNK_RECORDS * 2)
    degraded = writer.state()
    in_time = await writer.flush(0.02)
    other.execute("ROLLBACK")
    other.close()
    written = await writer.flush(5)
    state = writer.state()
    await writer.aclose()

    assert ("degraded", "database is locked") == (degraded["status"], degraded["last_error"])
    assert (False, True) == (in_time, written)
    assert ("ok", 0, 0) == (state["status"], state["spilled"], state["dropped"])
    assert CHUNK_RECORDS * 2 == len(await ids(sqlite_database))


async def test_full_disk_degrades_and_recovers(sqlite_url, make_writer):
    """A database that cannot grow keeps its rows whole, and takes what waited once there is room."""
    database = open_database(sqlite_url)
    writer = make_writer(database)
    async with database.reading() as connection:
        pages = (await connection.exec_driver_sql("PRAGMA page_count")).scalar_one()
    await database.transact(lambda connection: connection.exec_driver_sql(f"PRAGMA max_page_count={pages}"))
    for number in range(200):
        writer.submit(BOOK, row(f"{number:03}", subject="x" * 2_000))
    await until(lambda: writer.state()["status"] == "degraded")
    error = writer.state()["last_error"]
    await database.transact(lambda connection: connection.exec_driver_sql("PRAGMA max_page_count=1000000"))
    written = await writer.flush(5)
    await writer.aclose()
    async with database.reading() as connection:
        n_rows = (await connection.execute(select(func.count()).select_from(audit))).scalar_one()
        integrity = (await connection.execute(text("PRAGMA integrity_check"))).scalar_one()
    await database.aclose()

    assert "database or disk is full" == error
    assert (True, 200, "ok") == (written, n_rows, integrity)


@pytest.mark.postgres
async def test_postgres_that_cannot_be_reached_is_waited_for(make_writer, unused_tcp_port):
    """No server at all is trouble, not a reason to drop records."""
    database = open_database(f"postgresql://nobody:hunter2@127.0.0.1:{unused_tcp_port}/none")
    writer = make_writer(database)
    writer.submit(BOOK, row("a"))
    await until(lambda: writer.state()["spilled"] == 1)
    state = writer.state()
    await writer.aclose(0.01)
    await database.aclose()

    assert ("degraded", 0, 0) == (state["status"], state["dropped"], state["skipped"])
    assert "hunter2" not in str(state)


@pytest.mark.postgres
async def test_postgres_that_restarts_loses_nothing(postgres, postgres_url, make_writer):
    """Connections cut by the server are opened again, and a database that is missing is waited for."""
    database = open_database(postgres_url)
    writer = make_writer(database)
    writer.submit(BOOK, row("a"))
    await writer.flush(5)
    await asyncio.to_thread(postgres.disconnect, postgres_url)
    writer.submit(BOOK, row("b"))
    written = await writer.flush(5)
    await writer.aclose()
    found = await ids(database)
    await database.aclose()

    assert (True, ["a", "b"]) == (written, found)


async def test_a_schema_that_is_not_upgraded_yet_is_waited_for(empty_database_url, make_writer):
    """A missing table is the database's trouble: no record is thrown away for it."""
    database = open_database(empty_database_url)
    writer = make_writer(database)
    writer.submit(BOOK, row("a"))
    await until(lambda: writer.state()["status"] == "degraded")
    await database.upgrade()
    await writer.flush(5)
    await writer.aclose()
    found = await ids(database)
    await database.aclose()

    assert ["a"] == found


async def test_beyond_the_queue_the_journal_and_beyond_that_a_count(sqlite_database, make_writer):
    """Memory and disk are both bounded; what fits nowhere is counted."""
    writer = make_writer(sqlite_database, queue_max=4, journal_bytes=1_500, start=False)
    for number in range(40):
        writer.submit(BOOK, row(f"{number:02}"))
    state = writer.state()
    writer.start()
    await writer.flush(5)
    await writer.aclose()
    found = await ids(sqlite_database)

    assert state["queued"] == 4
    assert state["spilled"] > 2
    assert 40 == state["queued"] + state["spilled"] + state["dropped"]
    assert [f"{number:02}" for number in range(40 - state["dropped"])] == found


async def test_without_a_journal_the_queue_alone_is_the_bound(sqlite_database, make_writer):
    """The oldest records are kept."""
    writer = make_writer(sqlite_database, queue_max=2, journal_bytes=0, start=False)
    for name in "abc":
        writer.submit(BOOK, row(name))
    writer.start()
    await writer.aclose()

    assert ["a", "b"] == await ids(sqlite_database)
    assert 1 == writer.state()["dropped"]


async def test_a_record_that_cannot_even_be_journalled_costs_only_itself(sqlite_database, make_writer):
    """What has no rows is left out and counted; its neighbours go to the journal."""
    writer = make_writer(sqlite_database, start=False)
    for record in (row("a"), {"id": "no columns"}, row("b")):
        writer.submit(BOOK, record)
    writer._spill.move(writer._queue)
    state = writer.state()
    writer.start()
    await writer.aclose()

    assert (1, 2, 0) == (state["skipped"], state["spilled"], state["queued"])
    assert ["a", "b"] == await ids(sqlite_database)


async def test_large_records_are_bounded_by_their_bytes(sqlite_database, make_writer):
    """A few records with bodies fill the memory that thousands of plain ones may take, and go to the journal."""
    writer = make_writer(sqlite_database, queue_max_bytes=100, start=False)
    for number in range(10):
        writer.submit(BOOK, row(f"{number}"), size_bytes=60)
    state = writer.state()
    writer.start()
    written = await writer.flush(5)
    await writer.aclose()

    assert ("degraded", 2, 8, 0) == tuple(state[name] for name in ("status", "queued", "spilled", "dropped"))
    assert written
    assert [f"{number}" for number in range(10)] == await ids(sqlite_database)


async def test_closing_while_the_database_is_locked_leaves_the_rest_to_the_next_start(
    sqlite_database, sqlite_url, make_writer
):
    """What cannot be written within the deadline is journalled, and the next process writes it."""
    other = sqlite3.connect(path_of(sqlite_url), isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    first = make_writer(sqlite_database, group_commit_ms=10_000)
    for name in "ab":
        first.submit(BOOK, row(name))
    await first.aclose(0.01)
    await first.aclose()
    first.submit(BOOK, row("too late"))
    other.execute("ROLLBACK")
    other.close()
    second = make_writer(sqlite_database)
    second.submit(BOOK, row("c"))
    await second.flush(5)
    await second.aclose()

    assert 1 == first.state()["dropped"]
    assert ["a", "b", "c"] == await ids(sqlite_database)


async def test_a_crash_between_commit_and_clearing_the_journal_doubles_nothing(database, make_writer, tmp_path):
    """A journal that is replayed a second time adds no row."""
    first = make_writer(database, start=False)
    for number in range(10):
        first.submit(BOOK, row(f"{number}"))
    first._spill.move(first._queue)
    path = next((tmp_path / "spill").glob("*"))
    as_before_the_crash = path.read_bytes()
    first.start()
    await first.flush(5)
    await first.aclose()
    once = await ids(database)
    path.write_bytes(as_before_the_crash)
    second = make_writer(database)
    await second.flush(5)
    state = second.state()
    await second.aclose()

    assert once == await ids(database) == [f"{number}" for number in range(10)]
    assert ("ok", 0) == (state["status"], state["skipped"])


async def test_lines_that_this_version_cannot_read_are_passed_over(sqlite_database, make_writer, tmp_path):
    """A journal of another version holds up nobody."""
    journal = Journal(tmp_path / "spill", max_bytes=10_000)
    journal.append([b'{"book":"unknown","key":"","payload":{}}', b"[1]", b"no json"])
    journal.close()
    writer = make_writer(sqlite_database)
    await writer.flush(5)
    state = writer.state()
    await writer.aclose()

    assert (3, 0, "ok") == (state["skipped"], state["spilled"], state["status"])


async def test_a_waiting_record_can_be_found(sqlite_database, make_writer):
    """Who asks for a record right after submitting it gets it, although it is not written yet."""
    writer = make_writer(sqlite_database, group_commit_ms=10_000)
    writer.submit(BOOK, row("a"), key="a")
    found = writer.find("audit", "a")
    missing = (writer.find("audit", "b"), writer.find("log_event", "a"))
    await writer.aclose()

    assert found == row("a")
    assert missing == (None, None)


async def test_flush_before_the_start_says_that_nothing_was_written(sqlite_database, make_writer):
    """Nobody writes yet, so nobody waits."""
    writer = make_writer(sqlite_database, start=False)
    idle = await writer.flush(1)
    writer.submit(BOOK, row("a"))
    waiting = await writer.flush(1)
    await writer.aclose()

    assert (True, False) == (idle, waiting)


class DyingBook(TableBook):
    """Raises once what no record can be blamed for."""

    n_deaths = 1

    def write(self, connection, payloads):
        if self.n_deaths:
            self.n_deaths -= 1
            raise MemoryError
        super().write(connection, payloads)


async def test_a_writer_that_dies_is_started_again_with_its_records(sqlite_database, make_writer):
    """The supervisor restarts the task; the batch that was in its hands is written."""
    book = DyingBook(audit)
    writer = make_writer(sqlite_database)
    writer.register(book)
    writer.submit(book, row("a"))
    await until(lambda: writer.state()["last_error"] is not None)
    died = writer.state()
    written = await writer.flush(5)
    await writer.aclose()

    assert ("degraded", "the writer died: MemoryError") == (died["status"], died["last_error"])
    assert (True, ["a"]) == (written, await ids(sqlite_database))


async def test_closing_right_after_a_death_starts_nothing_again(sqlite_database, make_writer):
    """A closed writer stays closed, and its records are in the journal."""
    book = DyingBook(audit)
    writer = make_writer(sqlite_database)
    writer.register(book)
    writer.submit(book, row("a"))
    await until(lambda: writer.state()["last_error"] is not None)
    await writer.aclose(0.01)
    writer.start()

    assert writer._task.done()


def journalled(folder):
    """Return the names of the rows in a journal as one finds it who starts after a kill."""
    lines = [line for file in sorted(folder.glob("*.jsonl")) for line in file.read_bytes().splitlines()]
    return [json.loads(line[CHECKSUM_LENGTH:])["payload"]["id"] for line in lines]


class SlowBook(TableBook):
    """Writes once it may."""

    def __init__(self):
        super().__init__(audit)
        self.may_write = threading.Event()

    def write(self, connection, payloads):
        assert self.may_write.wait(10)
        super().write(connection, payloads)


async def test_what_a_slow_commit_holds_up_survives_a_kill(sqlite_database, make_writer, tmp_path):
    """Records in a commit that takes long, and those behind it, are in the journal meanwhile, and are written once."""
    book, spill = SlowBook(), tmp_path / "spill"
    writer = make_writer(sqlite_database)
    writer.register(book)
    for name in "abc":
        writer.submit(book, row(name))
    await until(lambda: journalled(spill) == ["a", "b", "c"])
    for name in "de":
        writer.submit(book, row(name))
    await until(lambda: journalled(spill) == ["a", "b", "c", "d", "e"])
    late = writer.state()
    book.may_write.set()
    written = await writer.flush(5)
    left = journalled(spill)
    await writer.aclose()

    assert ("ok", 5, 0) == (late["status"], late["queued"], late["spilled"])
    assert written
    assert [] == left
    assert list("abcde") == await ids(sqlite_database)


async def test_a_commit_in_time_touches_no_journal(sqlite_database, make_writer, tmp_path):
    """The copy is for the late: it is not paid for by the others."""
    writer = make_writer(sqlite_database, group_commit_ms=60_000)
    writer.submit(BOOK, row("a"))
    written = await writer.flush(5)
    left = journalled(tmp_path / "spill")
    await writer.aclose()

    assert written
    assert [] == left


async def test_records_wait_safely_before_the_books_are_open(sqlite_database, make_writer, tmp_path):
    """What is submitted before anybody writes is in the journal too."""
    writer = make_writer(sqlite_database, start=False)
    writer.submit(BOOK, row("a"))
    await until(lambda: journalled(tmp_path / "spill") == ["a"])
    writer.start()
    await writer.flush(5)
    left = journalled(tmp_path / "spill")
    await writer.aclose()

    assert [] == left
    assert ["a"] == await ids(sqlite_database)
