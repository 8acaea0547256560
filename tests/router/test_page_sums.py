"""What the books add up for the dashboard's pages, beside the rows."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select

from config.ids import new_id
from config.types import AttemptRecord, Cost, Decision, DecisionRecord, Intent, OutcomeRecord, Usage
from router.ledger import DecisionBook, OutcomeBook
from router.sums import dearest_usd
from router.tables import rollup_deployment_hour, rollup_intent_day, rollup_saving_day

NOW = datetime(2026, 11, 21, 8, 30, tzinfo=UTC)
DAY = NOW.replace(hour=0, minute=0)
CANDIDATES = [
    {"model": "cheap", "expected_cost_usd": 0.001},
    {"model": "good", "expected_cost_usd": 0.004},
    {"model": "unpriced", "expected_cost_usd": None},
]
SAVINGS = {
    "arm": "passages",
    "sent_tokens": 700,
    "charged": {"classifier_tokens": 10, "judge_tokens": 5, "missed_answer_tokens": 85},
    "against": {"all_documents": {"tokens": 9_000, "saved": 8_200}},
}


def make_record(**changes):
    choice = Decision(
        "auto", ("cheap", "good"), (0.7, 0.3), ("cheap", "good"), (), "v1", features={"candidates": CANDIDATES}
    )
    failed = AttemptRecord(1, "cheap/a", "cheap", "a", committed=False, failure_class="rate", duration_ms=20.0)
    served = AttemptRecord(
        2, "cheap/b", "cheap", "b", committed=True, ttft_ms=120.0, duration_ms=900.0, usage=Usage(100, 40), cost=None
    )
    record = DecisionRecord(
        new_id(),
        NOW,
        "completed",
        "chat",
        stream=False,
        decision=choice,
        attempts=(failed, replace(served, cost=Cost(0.002, "upstream"))),
        served_model="cheap",
        intent=Intent(("code",), 0.8, "micro"),
        savings=SAVINGS,
    )
    return replace(record, **changes)


async def written(database, *records, said=()):
    decisions, outcomes = DecisionBook(), OutcomeBook()
    if records:
        await database.transact(lambda c: decisions.write(c, [decisions.payload(each) for each in records]))
    if said:
        await database.transact(lambda c: outcomes.write(c, [outcomes.payload(each) for each in said]))


async def rows(database, table):
    async with database.reading() as connection:
        return [dict(each) for each in (await connection.execute(select(table))).mappings()]


async def test_attempts_are_summed_by_deployment_hour_and_how_they_ended(database):
    """A failure and an answer of one request stand in two rows, each with its histogram."""
    await written(database, make_record(), make_record(ts=NOW + timedelta(minutes=5)))
    found = {each["deployment"]: each for each in await rows(database, rollup_deployment_hour)}

    assert {"cheap/a": ("rate", 2, 0), "cheap/b": ("", 2, 2)} == {
        name: (each["failure_class"], each["n_attempts"], each["n_committed"]) for name, each in found.items()
    }
    assert (2, 0, 2) == (found["cheap/a"]["n_le_100_ms"], found["cheap/b"]["n_le_100_ms"], found["cheap/b"]["n_ttft"])
    assert (0.004, "cheap") == (found["cheap/b"]["cost_usd"], found["cheap/b"]["model"])


async def test_a_rating_joins_the_day_of_its_decision_whichever_comes_first(database):
    """Said before or after the decision was written, and said again: it counts once, with its last value."""
    early, late = make_record(), make_record()
    tomorrow = NOW + timedelta(days=1)
    await written(database, said=[OutcomeRecord(early.id, "user", "rating", tomorrow, score=1.0)])
    await written(database, early, late)
    await written(database, said=[OutcomeRecord(late.id, "user", "rating", tomorrow, score=0.25)])
    await written(database, said=[OutcomeRecord(late.id, "user", "rating", NOW + timedelta(days=2), score=0.5)])
    [found] = await rows(database, rollup_intent_day)

    assert (DAY, "code", "micro", "cheap") == tuple(found[name] for name in ("day", "intent", "source", "model"))
    assert (2, 2, 2) == (found["n_requests"], found["n_completed"], found["n_ratings"])
    assert (1.5, 1.25, 1.6) == (found["rating_sum"], found["rating_square_sum"], found["confidence_sum"])


async def test_savings_are_summed_by_day_for_completed_requests_only(database):
    """Tokens are of those with passages; money is of those whose dearest alternative is known."""
    refused = make_record(status="refused", decision=None, attempts=(), served_model=None, savings=None)
    await written(database, make_record(), make_record(savings=None), refused)
    found = {each["arm"]: each for each in await rows(database, rollup_saving_day)}

    assert {"passages", ""} == set(found)
    with_passages = found["passages"]
    assert (1, 700, 100, 9_000) == tuple(
        with_passages[name] for name in ("n_passages", "sent_tokens", "charged_tokens", "all_documents_tokens")
    )
    assert (1, 0.002, 0.008) == (with_passages["n_priced"], with_passages["cost_usd"], with_passages["dearest_usd"])
    assert (0, 1) == (found[""]["n_passages"], found[""]["n_priced"])


@pytest.mark.parametrize(
    ("features", "cost", "served"),
    [
        (None, 0.1, "cheap"),
        ({"candidates": "odd"}, 0.1, "cheap"),
        ({"candidates": CANDIDATES}, None, "cheap"),
        ({"candidates": CANDIDATES}, 0.1, "unpriced"),
        ({"candidates": []}, 0.1, "cheap"),
    ],
)
def test_nobody_invents_what_the_dearest_model_would_have_cost(features, cost, served):
    """Without candidates, a cost or the served model's price, the alternative is unknown."""
    row = {"features": features, "cost_usd": cost, "served_model": served, "chosen": "cheap"}

    assert dearest_usd(row) is None
