import sqlite3
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from config.database import open_database
from config.errors import UnavailableError
from config.ids import new_id
from config.journal import Journal
from config.types import AttemptRecord, Cost, Decision, DecisionRecord, OutcomeRecord, Span, Usage
from config.writer import GroupWriter
from router.history import decision_bodies, decision_json, latest_decision_id
from router.ledger import SqlLedger

NOW = datetime(2026, 11, 21, 8, 30, tzinfo=UTC)


def make_record(**changes):
    choice = Decision("auto", ("gpt",), (1.0,), ("gpt",), ("only one",), "v1", features={"language": "en"})
    served = AttemptRecord(
        1,
        "gpt-a",
        "gpt",
        "openai",
        committed=True,
        status=200,
        usage=Usage(3, 4, raw={"n": 1}),
        cost=Cost(0.5, "upstream"),
    )
    record = DecisionRecord(
        id=new_id(),
        ts=NOW,
        status="completed",
        endpoint="/v1/chat/completions",
        stream=False,
        decision=choice,
        attempts=(served,),
        served_model="gpt",
        conversation_id="talk",
        key_prefix="sk-thal-abcdef",
        spans=(Span("admit", 0.0, 1.0),),
        preview="hello",
        response_body=b"answer",
    )
    return replace(record, **changes)


@pytest.fixture
async def books(database):
    writer = GroupWriter(database, group_commit_ms=1)
    ledger = SqlLedger(writer)
    writer.start()
    yield database, writer, ledger
    await writer.aclose()


async def test_a_decision_is_told_alike_before_and_after_it_is_written(database):
    """Who asks right after the answer gets the same JSON as who asks later."""
    writer = GroupWriter(database, group_commit_ms=10_000)
    ledger = SqlLedger(writer)
    writer.start()
    record = make_record()
    ledger.record(record)
    waiting = await decision_json(database, record.id, writer=writer)
    await writer.flush(5)
    written = await decision_json(database, record.id, writer=writer)
    await writer.aclose()

    assert waiting == written
    assert {"id": record.id, "ts": "2026-11-21T08:30:00+00:00", "preview": "hello", "outcomes": []} == {
        name: written[name] for name in ("id", "ts", "preview", "outcomes")
    }
    assert [(1, "gpt-a", 0.5, {"n": 1})] == [
        (each["n"], each["deployment"], each["cost_usd"], each["usage_raw"]) for each in written["attempts"]
    ]


async def test_a_decision_without_a_preview_has_none(books):
    """What is not stored is told as null."""
    database, writer, ledger = books
    record = make_record(preview=None, response_body=None)
    ledger.record(record)
    waiting = await decision_json(database, record.id, writer=writer)
    await writer.flush(5)
    written = await decision_json(database, record.id)

    assert (None, None) == (waiting["preview"], written["preview"])
    assert (None, None) == await decision_bodies(database, record.id)


async def test_outcomes_and_stored_bodies_are_told(books):
    """What people thought stands with the decision; bodies are asked for by themselves."""
    database, writer, ledger = books
    record = make_record()
    ledger.record(record)
    ledger.record_outcome(OutcomeRecord(record.id, "user", "comment", NOW, comment="好"))
    await writer.flush(5)
    found = await decision_json(database, record.id)

    assert [
        {"source": "user", "kind": "comment", "score": None, "comment": "好", "ts": "2026-11-21T08:30:00+00:00"}
    ] == found["outcomes"]
    assert (None, b"answer") == await decision_bodies(database, record.id)


async def test_an_unknown_decision_is_nothing(books):
    """Nobody made it, so there is nothing to tell."""
    database, writer, _ = books

    assert await decision_json(database, "no id", writer=writer) is None


async def test_a_decision_in_the_journal_is_found_once_it_can_be_written(sqlite_database, tmp_path):
    """What a crash left in the journal is flushed before it is called unknown."""
    before = GroupWriter(sqlite_database, journal=Journal(tmp_path, max_bytes=100_000))
    record = make_record()
    SqlLedger(before).record(record)
    await before.aclose()
    writer = GroupWriter(sqlite_database, group_commit_ms=10_000, journal=Journal(tmp_path, max_bytes=100_000))
    SqlLedger(writer)
    writer.start()
    found = await decision_json(sqlite_database, record.id, writer=writer)
    await writer.aclose()

    assert record.id == found["id"]


async def test_books_that_cannot_be_read_are_a_503_not_a_404(tmp_path):
    """A database that is away does not make a decision unknown."""
    path = tmp_path / "broken.sqlite"
    path.write_bytes(b"this is no database" * 100)
    database = open_database(f"sqlite:///{path}")
    with pytest.raises(UnavailableError, match="cannot be read"):
        await decision_json(database, "id")
    await database.aclose()
    with pytest.raises(sqlite3.DatabaseError):  # it was the file, and nothing repaired it
        sqlite3.connect(path).execute("SELECT 1 FROM decision")


async def test_the_latest_decision_is_that_of_the_conversation_and_the_key(books):
    """Newest first, by whatever is known of the caller."""
    database, writer, ledger = books
    old, new = make_record(), make_record(ts=NOW + timedelta(seconds=1), conversation_id="other")
    foreign = make_record(ts=NOW + timedelta(seconds=2), key_prefix=None)
    nothing = await latest_decision_id(database)
    for record in (foreign, new, old):
        ledger.record(record)
    await writer.flush(5)

    assert nothing is None
    assert foreign.id == await latest_decision_id(database)
    assert new.id == await latest_decision_id(database, key_prefix="sk-thal-abcdef")
    assert old.id == await latest_decision_id(database, key_prefix="sk-thal-abcdef", conversation_id="talk")
