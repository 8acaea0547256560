"""What a judge said after the answer, written into the row of its request."""

from __future__ import annotations

from datetime import UTC, datetime

from sqlalchemy import select

from config.ids import new_id
from config.types import Decision, DecisionRecord
from config.writer import GroupWriter
from router.judge.book import JudgedBook
from router.ledger import SqlLedger
from router.tables import decision

LATER = {"outcome": "later", "followed": False}
SAID = {"outcome": "answered", "answer": {"selected_model": "大模型", "confidence": 0.8}, "cost_usd": None}


async def test_later_word_takes_the_place_of_what_was_booked(database):
    """Of one transaction or of a later one; a decision that nobody has is left out, and nothing else changes."""
    writer = GroupWriter(database, group_commit_ms=1)
    ledger, book = SqlLedger(writer), JudgedBook(writer)
    writer.start()
    made = Decision("auto", ("m",), (1.0,), ("m",), ("so",), "v", judge=LATER)
    ids = [new_id() for _ in range(3)]
    for each in ids:
        ledger.record(DecisionRecord(each, datetime.now(UTC), "completed", "chat", stream=False, decision=made))
    book.record(ids[0], SAID)
    await writer.flush()
    book.record(ids[1], SAID)
    book.record(new_id(), SAID)
    await writer.flush()
    await writer.aclose(1.0)
    async with database.reading() as connection:
        rows = (await connection.execute(select(decision.c.id, decision.c.judge, decision.c.reasons))).all()

    assert {ids[0]: SAID, ids[1]: SAID, ids[2]: LATER} == {row.id: row.judge for row in rows}
    assert [["so"]] * 3 == [list(row.reasons) for row in rows]
