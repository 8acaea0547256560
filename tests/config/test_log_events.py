import asyncio
from datetime import UTC, datetime

import pytest
from sqlalchemy import select

from config.ids import new_id
from config.log_events import EVENTS, MAX_A_LOOK, MAX_WAITING, EventTap
from config.tables import log_event
from config.writer import GroupWriter

NOW = datetime(2026, 11, 21, 8, 30, tzinfo=UTC)


@pytest.fixture
async def writer(database):
    made = GroupWriter(database, group_commit_ms=1)
    made.register(EVENTS)
    made.start()
    yield made
    await made.aclose()


@pytest.fixture
def tap():
    return EventTap(clock=lambda: NOW)


async def kept(database):
    async with database.reading() as connection:
        return [dict(row) for row in (await connection.execute(select(log_event).order_by(log_event.c.id))).mappings()]


async def test_an_event_is_kept_with_its_fields(tap, writer, database):
    """What was logged comes back from both databases: level, part, words, decision, and whatever stood beside them."""
    decision_id = new_id()
    tap.hear(
        {
            "event": "breaker_opened", "level": "warning", "logger": "thalamus.router.health", "timestamp": "ignored",
            "decision_id": decision_id, "deployment": "好/one\x00", "n": 3, "ok": True, "none": None, "list": ["a", 1],
        }
    )  # fmt: skip
    tap.hand_over(writer)
    await writer.flush(5)
    (row,) = await kept(database)

    assert (NOW, "WARNING", "thalamus.router.health", "breaker_opened", decision_id) == tuple(
        row[name] for name in ("ts", "level", "logger", "event", "decision_id")
    )
    assert {"deployment": "好/one", "n": 3, "ok": True, "none": None, "list": ["a", 1]} == row["fields"]


async def test_the_line_of_a_request_is_not_kept_twice(tap, writer):
    """All of it stands in the table of decisions; what goes wrong in one is kept."""
    tap.hear({"event": "request", "level": "info"})
    tap.hear({"event": "request", "level": "error"})

    assert 1 == tap.hand_over(writer)


async def test_long_values_are_cut_and_odd_ones_are_text(tap, writer, database):
    """No event is larger than a few values of four thousand characters."""
    tap.hear({"event": "x" * 10_000, "exception": "y" * 10_000, "odd": {1, 2}, "long": ["z" * 9_000], "decision_id": 7})
    tap.hand_over(writer)
    await writer.flush(5)
    (row,) = await kept(database)

    assert 4_000 == len(row["event"])
    assert [4_004, 4_004] == [len(row["fields"][name]) for name in ("exception", "long")]
    assert row["decision_id"] is None
    assert "odd" in row["fields"]


async def test_a_flood_loses_the_oldest_and_counts_them(tap, writer):
    """Memory is bounded, and so is what one look gives to the writer."""
    for n in range(MAX_WAITING + 7):
        tap.hear({"event": f"e{n}", "level": "info"})

    assert 7 == tap.n_lost
    assert MAX_A_LOOK == tap.hand_over(writer)


async def test_events_wait_while_the_books_are_not_well(tap, sqlite_database):
    """The records of requests come first; a writer that was not started is not well."""
    writer = GroupWriter(sqlite_database)
    writer.register(EVENTS)
    tap.hear({"event": "e", "level": "info"})
    before = writer.state()["status"]
    n = tap.hand_over(writer)
    await writer.aclose()

    assert (before != "ok") is (n == 0)


async def test_what_waits_at_the_end_is_handed_over(tap, writer, database):
    """A stop does not lose the last second."""
    task = asyncio.create_task(tap.run(writer))
    await asyncio.sleep(0)
    tap.hear({"event": "last", "level": "info"})
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    await writer.flush(5)

    assert ["last"] == [row["event"] for row in await kept(database)]
