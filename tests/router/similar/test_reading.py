from __future__ import annotations

from collections.abc import AsyncGenerator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import func, select

from config.columns import json_text, json_value
from config.database import Database, open_database
from config.ids import new_id
from config.maintenance import prune
from config.types import AttemptRecord, DecisionRecord, OutcomeRecord
from config.writer import GroupWriter
from router.history import decision_json
from router.ledger import DecisionBook, OutcomeBook, SqlLedger
from router.rows import decision_payload
from router.similar.forgetting import forget_questions
from router.similar.reading import AT_ONCE, newest_ids, rated_among, spoken_of_since, stored_among, stored_since
from router.similar.values import Rated
from router.similar.vectors import Hashing
from router.tables import question_vector

HASHING = Hashing(b"a secret of tests")
NOW = datetime(2026, 11, 21, 8, 30, tzinfo=UTC)


@pytest.fixture
async def database(empty_database_url: str) -> AsyncGenerator[Database, None]:
    """An upgraded database of each dialect."""
    opened = open_database(empty_database_url)
    await opened.upgrade()
    yield opened
    await opened.aclose()


def record(decision_id: str, asked: str | None = "sort a list", **changes: Any) -> DecisionRecord:
    """Return an answered request."""
    attempt = AttemptRecord(1, "m-a", "m", "vllm", committed=True, status=200, duration_ms=2000.0)
    found = DecisionRecord(decision_id, NOW, "completed", "chat", stream=False, decision=None, attempts=(attempt,))
    return replace(found, **{"asked": asked, "served_model": "m", "key_prefix": "sk-1", **changes})


async def written(database: Database, *records: DecisionRecord | OutcomeRecord) -> None:
    """Write records as the group writer does."""
    decisions = [DecisionBook(HASHING).payload(each) for each in records if isinstance(each, DecisionRecord)]
    outcomes = [OutcomeBook().payload(each) for each in records if isinstance(each, OutcomeRecord)]

    def work(connection: Any) -> None:
        if decisions:
            DecisionBook(HASHING).write(connection, decisions)
        if outcomes:
            OutcomeBook().write(connection, outcomes)

    await database.transact(work)


async def n_vectors(database: Database) -> int:
    """Return how many are stored."""
    async with database.reading() as connection:
        return int((await connection.execute(select(func.count()).select_from(question_vector))).scalar_one())


async def test_an_answered_question_is_stored_as_its_vector_and_never_as_its_words(database: Database) -> None:
    """With its form and about the time of its end; one nobody answered, and one without words, are not."""
    ids = [new_id() for _ in range(4)]
    await written(
        database,
        record(ids[0]),
        record(ids[1], None),
        record(ids[2], "???"),
        record(ids[3], served_model=None),
    )
    (found,) = await stored_since(database, NOW)
    payload = json_text(decision_payload(record(ids[0], "a most secret sentence"), HASHING))

    assert (ids[0], "m", "sk-1", NOW, None) == (
        found.asked.decision_id,
        found.asked.model,
        found.asked.caller,
        found.asked.at,
        found.asked.rated,
    )
    assert (HASHING.form, HASHING.vector_of("sort a list"), NOW + timedelta(seconds=2)) == (
        found.form,
        found.vector,
        found.created,
    )
    assert 1 == await n_vectors(database)
    assert "secret" not in payload
    assert "secret" not in repr(record(ids[0], "a most secret sentence"))


async def test_a_record_that_comes_out_of_the_journal_has_its_vector(database: Database) -> None:
    """And one that an older version journalled has none, but is written."""
    ids = [new_id(), new_id()]
    journalled = json_value(json_text(decision_payload(record(ids[0]), HASHING)))
    older = json_value(json_text(decision_payload(record(ids[1]), HASHING)))
    del older["vector"]
    await database.transact(lambda connection: DecisionBook(HASHING).write(connection, [journalled, older]))

    assert [HASHING.vector_of("sort a list")] == [each.vector for each in await stored_among(database, ids)]
    assert await decision_json(database, ids[1]) is not None


async def test_ratings_join_their_question_whenever_they_come(database: Database) -> None:
    """Both when it is read, and later; a corrected model by the name that it stands for; a comment says nothing."""
    ids = [new_id() for _ in range(3)]
    later = NOW + timedelta(hours=1)
    await written(
        database,
        *(record(each) for each in ids),
        OutcomeRecord(ids[0], "user", "rating", NOW, score=0.75),
        OutcomeRecord(ids[1], "user", "corrected_model", later, comment="alias"),
        OutcomeRecord(ids[2], "user", "comment", later, comment="hm"),
        OutcomeRecord(new_id(), "user", "rating", later, score=0.0),
    )
    read = {each.asked.decision_id: each.asked.rated for each in await stored_among(database, ids)}
    canonical = {"alias": "m"}
    spoken = await spoken_of_since(database, NOW)
    served = {each: "m" for each in spoken if each in ids}
    said = await rated_among(database, served, canonical=lambda each: canonical.get(each, each))

    assert Rated(0.75, "user", NOW) == read[ids[0]]
    assert Rated(0.0, "user", later) == read[ids[1]]
    assert {ids[1]: Rated(1.0, "user", later), ids[2]: None} == said


async def test_the_newest_come_first_and_no_more_than_wanted(database: Database) -> None:
    """By when they were written."""
    ids = [new_id() for _ in range(3)]
    await written(database, *(record(each, ts=NOW + timedelta(minutes=n)) for n, each in enumerate(ids)))

    assert (ids[2], ids[1]) == await newest_ids(database, limit=2)
    assert [ids[1], ids[2]] == [
        each.asked.decision_id for each in await stored_since(database, NOW + timedelta(seconds=30))
    ]


async def test_a_page_that_ends_within_a_moment_goes_on_there(database: Database) -> None:
    """By the time and then by the decision, so that questions of one moment are read once each."""
    ids = [f"d-{n:04}" for n in range(2 * AT_ONCE + 5)]
    await written(database, *(record(each) for each in reversed(ids)))
    since, after, read = NOW, "", list[str]()
    while page := await stored_since(database, since, after=after):
        since, after = page[-1].created, page[-1].asked.decision_id
        read += [each.asked.decision_id for each in page]

    assert ids == read
    assert (ids[-1], ids[-2]) == await newest_ids(database, limit=2)


async def test_retention_deletes_vectors_with_their_decisions(database: Database) -> None:
    """Nobody is found by a question that the books forgot."""
    await written(database, record(new_id()), record(new_id(), ts=NOW + timedelta(days=40)))
    await prune(database, retention_days=30, body_retention_days=7, clock=lambda: NOW + timedelta(days=41))

    assert 1 == await n_vectors(database)


async def test_a_decision_that_waits_is_told_without_its_vector(database: Database) -> None:
    """What the doors tell of a decision is what it was before there were vectors."""
    writer = GroupWriter(database)
    ledger = SqlLedger(writer, hashing=HASHING)
    decision_id = new_id()
    ledger.record(record(decision_id))
    told = await decision_json(database, decision_id, writer=writer)

    assert told is not None
    assert "vector" not in told
    await writer.aclose(1.0)


async def test_a_key_is_forgotten_with_its_questions_and_no_other_is(database: Database) -> None:
    """The decisions stay: they are the books."""
    ids = [new_id() for _ in range(3)]
    await written(database, record(ids[0]), record(ids[1]), record(ids[2], key_prefix="sk-2"))
    n = await forget_questions(database, "sk-1")

    assert (2, (ids[2],)) == (n, await newest_ids(database, limit=10))
    assert await decision_json(database, ids[0]) is not None
