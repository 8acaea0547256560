"""Fills a database with a world's decisions and ratings, through the books of the ledger."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from config.types import AttemptRecord, Cost, Decision, DecisionRecord, OutcomeRecord, Usage
from router.choosing.stored import question_json
from router.ledger import DecisionBook, OutcomeBook

NOW = datetime.now(UTC) - timedelta(hours=2)


def record_of(row, **changes):
    """Return the record of a logged decision, as the gateway books it."""
    fields = {
        "id": row.id,
        "ts": NOW,
        "status": "completed",
        "endpoint": "chat",
        "stream": False,
        "decision": Decision(
            requested="auto",
            eligible=row.eligible,
            probabilities=row.probabilities,
            ranked=(row.chosen, *(name for name in row.eligible if name != row.chosen)),
            reasons=(),
            policy_version="learned-1-test",
            features={"question": question_json(row.question), "expected": dict(row.expected), "dial": 0.5},
        ),
        "attempts": (
            AttemptRecord(
                1, f"{row.served}/p", row.served or row.chosen, "p", committed=True, usage=Usage(100, 10),
                cost=Cost(row.cost_usd, "estimated"),
            ),
        ),
        "served_model": row.served,
        "conversation_id": row.conversation,
    }  # fmt: skip
    return DecisionRecord(**(fields | changes))


async def booked(database, records, outcomes=()):
    """Write records and outcomes."""
    decisions, said = DecisionBook(), OutcomeBook()
    async with database.writing() as connection:
        await connection.run_sync(decisions.write, [decisions.payload(each) for each in records])
        if outcomes:
            await connection.run_sync(said.write, [said.payload(each) for each in outcomes])


async def booked_world(database, rows):
    """Write logged rows with their ratings by users."""
    ratings = [rated(each.id, each.reward) for each in rows if each.reward is not None]
    await booked(database, [record_of(each) for each in rows], ratings)


def rated(decision_id, score, *, source="user", kind="rating", comment=None):
    """Return one outcome."""
    return OutcomeRecord(decision_id, source, kind, NOW, score=score, comment=comment)
