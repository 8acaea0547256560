"""Sums of what was saved, and the comparison with conversations that were held out."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import insert, select

from config.ids import new_id
from config.types import AttemptRecord, Decision, DecisionRecord, Usage
from router.ledger import DecisionBook
from router.savings_experiment import MIN_CONVERSATIONS
from router.savings_report import MIN_REQUESTS, savings_report
from router.tables import decision, outcome

NOW = datetime(2026, 11, 21, 8, 30, tzinfo=UTC)
SINCE = NOW - timedelta(days=1)


def dense(*, reached: bool = True) -> dict[str, object]:
    """Return what vectors alone would have sent."""
    return {"tokens": 2020, "saved": 1010, "k": 30, "held": 0.9, "reached": reached}


def saved(*, intent: int | None = 3000, arm: str | None = None, unit: str | None = None) -> dict[str, object]:
    """Return the account of one request, as it is booked."""
    return {
        "placed": arm != "holdout",
        "sent_tokens": 1000,
        "charged": {"classifier_tokens": 4, "judge_tokens": 6, "missed_answer_tokens": 490},
        "against": {
            "all_documents": {"tokens": 9000},
            "intent_documents": None if intent is None else {"tokens": intent},
            "dense_at_equal_coverage": dense(),
        },
        "arm": arm,
        "unit": unit,
        "p_holdout": None if arm is None else 0.5,
    }


async def booked(database, *savings: dict[str, object] | None, tokens: int = 100, **changes: object) -> None:
    """Write a decision for each."""
    book = DecisionBook()
    attempt = AttemptRecord(1, "m/p", "m", "p", committed=True, usage=Usage(tokens, 0))
    fields = {"ts": NOW, "status": "completed", "endpoint": "chat", "stream": False, "decision": None} | changes
    payloads = [
        book.payload(DecisionRecord(id=new_id(), attempts=(attempt,), savings=each, **fields)) for each in savings
    ]
    async with database.writing() as connection:
        await connection.run_sync(book.write, payloads)


async def test_sums_hold_every_charge(database):
    """What was sent and what is charged, against both; requests without passages, failed and old ones are left out."""
    await booked(database, *[saved()] * MIN_REQUESTS, saved(intent=None), None)
    await booked(database, saved(), status="failed_upstream")
    await booked(database, saved(), ts=SINCE - timedelta(seconds=1))
    told = (await savings_report(database, since=SINCE))["requests"]

    n = MIN_REQUESTS + 1
    assert (n, 1000 * n, 500 * n) == (told["n"], told["sent_tokens"], told["charged_tokens"])
    assert {"n": n, "tokens": 9000 * n, "saved": 7500 * n, "percent": 83.3} == told["against_all_documents"]
    assert {"n": 100, "tokens": 300_000, "saved": 150_000, "percent": 50.0} == told["against_intent_documents"]


async def test_vectors_alone_are_compared_where_they_were_reckoned(database):
    """Missed answers are charged to neither; what does not reach is counted too, and how often that is."""
    without, beyond = saved(), saved()
    without["against"] = {name: each for name, each in saved()["against"].items() if name != "dense_at_equal_coverage"}
    beyond["against"] = {**saved()["against"], "dense_at_equal_coverage": dense(reached=False)}
    unknown = {**saved(), "against": {**saved()["against"], "dense_at_equal_coverage": None}}
    await booked(database, *[saved()] * 99, beyond, without, unknown)
    told = (await savings_report(database, since=SINCE))["requests"]

    assert {
        "n": 100, "tokens": 202_000, "saved": 101_000, "percent": 50.0, "n_not_reached": 1,
    } == told["against_dense_at_equal_coverage"]  # fmt: skip


async def test_below_a_hundred_there_is_no_share(database):
    """The sums are told, with how many are needed."""
    await booked(database, saved())
    told = (await savings_report(database, since=SINCE))["requests"]["against_all_documents"]

    assert {
        "n": 1, "tokens": 9000, "saved": 7500, "percent": None, "note": "not enough data yet: 1 of 100 requests",
    } == told  # fmt: skip


@pytest.mark.parametrize("n_each", [MIN_CONVERSATIONS - 1, MIN_CONVERSATIONS])
async def test_arms_are_compared_by_conversation_once_both_are_large_enough(database, n_each: int):
    """A conversation of many turns counts once; the difference is that of the means, with its interval."""
    for n in range(n_each):
        await booked(database, *[saved(arm="passages", unit=f"p{n}")] * (1 + n % 3), tokens=800 + n % 7)
        await booked(database, saved(arm="holdout", unit=f"h{n}"), tokens=300 + n % 5)
    report = await savings_report(database, since=SINCE)
    told = report["experiment"]

    assert (n_each, n_each) == (told["conversations_with_passages"], told["conversations_held_out"])
    assert sum(1 + n % 3 for n in range(n_each)) == report["requests"]["n"], "who was held out saved nothing"
    assert "not enough data yet" in told["measures"]["rating"]["note"], "nobody said what they thought"
    if n_each < MIN_CONVERSATIONS:
        assert "not enough data yet" in told["measures"]["tokens"]["note"]
    else:
        found = told["measures"]["tokens"]
        assert (n_each, n_each) == (found["n_with_passages"], found["n_held_out"])
        assert found["low"] < 501 < found["high"]
        assert abs(found["difference"] - 501) < 30


async def test_an_empty_book_says_so(database):
    """Nothing is divided by nothing."""
    report = await savings_report(database, since=SINCE)

    assert (0, None) == (report["requests"]["n"], report["requests"]["against_all_documents"]["percent"])
    assert "not enough data yet" in report["experiment"]["measures"]["tokens"]["note"]


async def test_ratings_are_those_of_the_requests_they_are_about(database):
    """Stars and thumbs, 0 to 1, as a mean where somebody gave both; comments are no ratings."""
    await booked(database, saved(arm="passages", unit="p"), saved(arm="holdout", unit="h"), saved())
    async with database.writing() as connection:
        ids = [row.id for row in await connection.execute(select(decision.c.id).order_by(decision.c.id))]
        rows = [(ids[0], "rating", 0.5), (ids[0], "thumbs", 1.0), (ids[1], "comment", None)]
        for at, (id_, kind, score) in enumerate(rows):
            await connection.execute(
                insert(outcome).values(decision_id=id_, source=f"s{at}", kind=kind, score=score, ts=NOW)
            )
    report = await savings_report(database, since=SINCE)

    rating = report["experiment"]["measures"]["rating"]
    assert (1, 0) == (rating["n_with_passages"], rating["n_held_out"])
    assert 2 == report["requests"]["n"], "a request with two ratings is one request"


async def test_judge_is_charged_also_where_it_spoke_after_the_answer(database):
    """Its tokens and money are those of its own column, which is written late; an unknown price is counted, not free."""
    await booked(database, saved())
    said = {"tokens": {"input": 90, "output": 10}}
    for cost in (0.002, None):
        judged = Decision("auto", ("m",), (1.0,), ("m",), (), "v", judge={**said, "cost_usd": cost})
        await booked(database, saved(), decision=judged)
    told = (await savings_report(database, since=SINCE))["requests"]

    assert 500 + 2 * (4 + 100 + 490) == told["charged_tokens"]
    assert (0.002, 1) == (told["judge_usd"], told["judge_unpriced"])
