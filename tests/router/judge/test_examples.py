from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest

from config.ids import new_id
from config.types import Decision, DecisionRecord, OutcomeRecord
from config.writer import GroupWriter
from router.choosing.choose import choose
from router.choosing.starting import StartingExperience
from router.choosing.stored import candidates_json, question_json
from router.choosing.values import Offer, Question
from router.judge.examples import last_user_text, read_examples
from router.ledger import SqlLedger

NOW = datetime(2026, 11, 21, 8, 30, tzinfo=UTC)
OFFERS = {name: Offer(name, f"a {name} model", ("chat",)) for name in ("small", "large")}


class Books:
    """Books to write decisions and opinions into."""

    def __init__(self, database) -> None:
        self.database = database
        self.writer = GroupWriter(database, group_commit_ms=1)
        self.ledger = SqlLedger(self.writer)
        self.writer.start()

    def decide(self, text: str | None = "hello", *, score: float | None = 1.0, **changes) -> str:
        question = Question("", language="zh", domain="legal", n_tokens=20)
        choice = choose(question, tuple(OFFERS.values()), StartingExperience(), seed=changes.pop("seed", 1))
        order = tuple(OFFERS)
        probability = {each.model: each.probability for each in choice.ranked}
        decision = Decision(
            "auto",
            order,
            tuple(probability[name] for name in order),
            tuple(each.model for each in choice.ranked),
            (),
            "v",
            seed=changes.pop("drawn", choice.seed),
            features={"question": question_json(question), "candidates": candidates_json(choice)},
        )
        record = DecisionRecord(
            new_id(),
            changes.pop("ts", NOW),
            "completed",
            "/v1/chat/completions",
            stream=False,
            decision=changes.pop("decision", decision),
            served_model=changes.pop("served", decision.chosen),
            preview=text,
            **changes,
        )
        self.ledger.record(record)
        if score is not None:
            self.ledger.record_outcome(OutcomeRecord(record.id, "user", "rating", NOW, score=score))
        return record.id

    async def read(self, *, limit: int = 100, offers=None, since=NOW - timedelta(days=1)):
        await self.writer.flush(5)
        return await read_examples(self.database, since=since, offers=offers or OFFERS, limit=limit)


@pytest.fixture
async def books(database):
    found = Books(database)
    yield found
    await found.writer.aclose()


async def test_rated_decision_is_an_example(books):
    """Its question, its candidates with their records, who served with which probability, and what was thought of it."""
    made = books.decide("翻译这份合同", score=0.25, conversation_id="talk")
    [found] = await books.read()

    assert (made, "talk", 0.25, None) == (found.id, found.conversation, found.reward, found.best)
    assert ("翻译这份合同", "zh", "legal") == (
        found.case.question.text, found.case.question.language, found.case.question.domain
    )  # fmt: skip
    assert {"small", "large"} == set(found.case.models) == set(found.case.expected)
    assert "a small model" in [each.description for each in found.case.offers]
    assert found.served in found.case.models
    assert found.weight > 1
    assert not found.whole_text


async def test_stored_body_is_read_before_the_preview(books):
    """Where bodies are kept, the whole turn is the text."""
    body = json.dumps({"messages": [{"role": "user", "content": [{"type": "text", "text": "the whole turn"}]}]})
    books.decide("the wh…", request_body=body.encode())
    [found] = await books.read()

    assert "the whole turn" == found.case.question.text
    assert found.whole_text


async def test_decision_that_teaches_nothing_is_left_out(books):
    """Nobody said anything, nothing was drawn, no text was kept, another model served, a candidate is gone, too old."""
    books.decide(score=None)
    books.decide(drawn=None)
    books.decide(None)
    books.decide(" ")
    books.decide(served="gone")
    books.decide(served=next(name for name in OFFERS if name != "small"), seed=_seed_of("small"))
    books.decide(ts=NOW - timedelta(days=3))
    books.decide(decision=Decision("m", ("small",), (1.0,), ("small",), (), "named-1"))

    assert () == await books.read()
    kept = books.decide()
    assert [kept] == [each.id for each in await books.read()]
    assert () == await books.read(offers={"small": OFFERS["small"]})


async def test_named_best_model_counts_whether_drawn_or_not(books):
    """A person who says which model should have answered gives an example, whoever served."""
    made = books.decide(drawn=None, score=None)
    books.ledger.record_outcome(OutcomeRecord(made, "user", "corrected_model", NOW, comment="large"))
    [found] = await books.read()

    assert ("large", 2.0) == (found.best, found.weight)


async def test_newest_examples_come_first_and_are_bounded(books):
    """Of many, the newest are read."""
    made = [books.decide(ts=NOW - timedelta(minutes=n)) for n in range(5)]

    assert made[:3] == [each.id for each in await books.read(limit=3)]


@pytest.mark.parametrize(
    ("request_", "text"),
    [
        (b'{"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]}', "a"),
        (b'{"messages": [{"role": "user", "content": [{"text": "a"}, {"image_url": {}}, {"text": "b"}]}]}', "a\nb"),
        (b'{"prompt": "a"}', "a"),
        (b'{"messages": "no"}', ""),
        (b'{"messages": [{"role": "user", "content": 3}]}', ""),
        (b"[]", ""),
        (b"\xff", ""),
        (b"{", ""),
    ],
)
def test_last_user_turn_of_a_stored_body(request_, text):
    """Texts of the last user turn, in any shape; nothing where there is none."""
    assert text == last_user_text(request_)


def served_by_seed(seed: int) -> str:
    """Return the model that `Books.decide` draws with a seed."""
    question = Question("", language="zh", domain="legal", n_tokens=20)
    return choose(question, tuple(OFFERS.values()), StartingExperience(), seed=seed).ranked[0].model


def _seed_of(model: str) -> int:
    return next(n for n in range(100) if served_by_seed(n) == model)
