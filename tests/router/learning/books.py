"""Fills the books with decisions and opinions, as the gateway does."""

from datetime import timedelta

from config.ids import new_id
from config.types import Decision, DecisionRecord, OutcomeRecord
from config.writer import GroupWriter
from router.choosing.stored import question_json
from router.ledger import SqlLedger
from tests.router.learning.doubles import CODE, NOW


class Books:
    """A database that is written through the ledger."""

    def __init__(self, database):
        self.database = database
        self.writer = GroupWriter(database, group_commit_ms=1)
        self.ledger = SqlLedger(self.writer)
        self.writer.start()

    def decide(self, model="bad", *, served=None, question=CODE, features=None, **changes):
        """Keep a decision between `good` and `bad`, and return its id."""
        choice = Decision(
            "auto",
            ("good", "bad"),
            (0.25, 0.75),
            (model,),
            (),
            "learned-1",
            features={"question": question_json(question), "candidates": [{"model": model, "prior": 0.55}]}
            if features is None
            else features,
        )
        options = {"key_prefix": None, "ts": NOW, "decision": choice} | changes
        made = DecisionRecord(
            options.pop("id", None) or new_id(),
            status="completed",
            endpoint="/v1/chat/completions",
            stream=False,
            served_model=model if served is None else served,
            **options,
        )
        self.ledger.record(made)
        return made.id

    def say(self, decision_id, score=0.0, *, kind="rating", source="user", seconds=1, comment=None):
        """Keep an opinion, said some seconds later."""
        ts = NOW + timedelta(seconds=seconds)
        self.ledger.record_outcome(OutcomeRecord(decision_id, source, kind, ts, score=score, comment=comment))

    async def written(self):
        """Return once everything is in the database."""
        await self.writer.flush(5)
