import asyncio
import sqlite3
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import func, select

from config.database import open_database
from config.ids import new_id
from config.journal import Journal
from config.types import (
    AttemptRecord,
    Citation,
    Cost,
    Decision,
    DecisionRecord,
    Intent,
    OutcomeRecord,
    Span,
    Usage,
)
from config.writer import GroupWriter
from router.ledger import DecisionBook, SqlLedger
from router.rows import decision_payload
from router.tables import attempt, body, decision, model_performance, outcome, preview, rollup_hour

NOW = datetime(2026, 11, 21, 8, 30, tzinfo=UTC)


def make_record(**changes):
    choice = Decision(
        "auto",
        ("gpt", "claude"),
        (0.75, 0.25),
        ("gpt", "claude"),
        ("weights",),
        "weights-1",
        explored=True,
        arm="holdout",
        seed=2**53 - 1,
        judge={"model": "llama3", "choice": "gpt"},
        features={"language": "zh", "domain": "code", "n_turns": 3},
    )
    failed = AttemptRecord(
        1, "gpt-a", "gpt", "openai", committed=False, failure_class="rate", error="429", status=429, duration_ms=20.0
    )
    served = AttemptRecord(
        2,
        "claude-a",
        "claude",
        "anthropic",
        committed=True,
        status=200,
        ttft_ms=120.0,
        duration_ms=900.0,
        usage=Usage(100, 40, cached_tokens=60, raw={"input_tokens": 40, "odd": "\x00"}),
        cost=Cost(0.0021, "estimated"),
        finish_reason="stop",
    )
    record = DecisionRecord(
        id=new_id(),
        ts=NOW,
        status="completed",
        endpoint="/v1/chat/completions",
        stream=True,
        decision=choice,
        attempts=(failed, served),
        served_model="claude",
        conversation_id="talk",
        key_prefix="sk-thal-abcdef",
        intent=Intent(("code", "chat"), 0.9, "qwen3"),
        passages=(Citation("zh/快速开始.md", 3, 9),),
        savings={"arm": "passages", "sent_tokens": 700},
        spans=(Span("admit", 0.0, 0.1), Span("relay", 20.0, 930.0, {"note": "\ud800"})),
        preview="写一个排序函数",
    )
    return replace(record, **changes)


@pytest.fixture
async def books(database, tmp_path):
    journal = Journal(tmp_path / "journal", max_bytes=10_000_000)
    writer = GroupWriter(database, group_commit_ms=1, journal=journal, backoff_s=(0.01, 0.02))
    ledger = SqlLedger(writer)
    writer.start()
    yield database, writer, ledger
    await writer.aclose()


async def rows(database, table):
    async with database.reading() as connection:
        found = await connection.execute(select(table).order_by(*table.primary_key))
        return [dict(each) for each in found.mappings()]


async def test_a_decision_is_kept_whole(books):
    """Everything a request decided, tried and cost comes back as it went in, on both databases."""
    database, writer, ledger = books
    record = make_record(request_body=b"\x00\xff request", response_body=b"answer")
    ledger.record(record)
    await writer.flush(5)
    (kept,) = await rows(database, decision)
    first, second = await rows(database, attempt)

    assert {
        "id": record.id,
        "ts": NOW,
        "conversation_id": "talk",
        "key_prefix": "sk-thal-abcdef",
        "endpoint": "/v1/chat/completions",
        "stream": True,
        "status": "completed",
        "http_status": 200,
        "error_code": None,
        "requested": "auto",
        "chosen": "gpt",
        "served_model": "claude",
        "policy_version": "weights-1",
        "eligible": ["gpt", "claude"],
        "probabilities": [0.75, 0.25],
        "ranked": ["gpt", "claude"],
        "reasons": ["weights"],
        "explored": True,
        "arm": "holdout",
        "seed": 2**53 - 1,
        "judge": {"model": "llama3", "choice": "gpt"},
        "features": {"language": "zh", "domain": "code", "n_turns": 3},
        "intent": "code",
        "intents": ["code", "chat"],
        "confidence": 0.9,
        "intent_source": "qwen3",
        "passages": [{"doc": "zh/快速开始.md", "start_line": 3, "end_line": 9}],
        "timings": [
            {"name": "admit", "start_ms": 0.0, "duration_ms": 0.1, "notes": {}},
            {"name": "relay", "start_ms": 20.0, "duration_ms": 930.0, "notes": {"note": "?"}},
        ],
        "warnings": [],
        "n_attempts": 2,
        "duration_ms": 950.0,
        "ttft_ms": 120.0,
        "input_tokens": 100,
        "output_tokens": 40,
        "cached_tokens": 60,
        "cost_usd": 0.0021,
        "savings": {"arm": "passages", "sent_tokens": 700},
    } == kept
    assert (1, "rate", "429", 429, False, None) == tuple(
        first[name] for name in ("n", "failure_class", "error", "status", "committed", "usage_raw")
    )
    assert (2, None, {"input_tokens": 40, "odd": ""}, "upstream", 0.0021, "estimated", "stop") == tuple(
        second[name]
        for name in ("n", "failure_class", "usage_raw", "usage_source", "cost_usd", "cost_source", "finish_reason")
    )
    assert ["写一个排序函数"] == [each["text"] for each in await rows(database, preview)]
    assert [(b"\x00\xff request", b"answer")] == [
        (each["request"], each["response"]) for each in await rows(database, body)
    ]


async def test_the_sums_of_an_hour_add_up(books):
    """Requests of one hour, model, status, key and arm share a row; failovers, costs and durations are counted."""
    database, writer, ledger = books
    ledger.record(make_record())
    await writer.flush(5)
    ledger.record(make_record(ts=NOW + timedelta(minutes=29)))
    ledger.record(make_record(ts=NOW + timedelta(minutes=30)))
    await writer.flush(5)
    first, second = await rows(database, rollup_hour)

    assert (NOW.replace(minute=0), "claude", "completed", "sk-thal-abcdef", "holdout") == tuple(first.values())[:5]
    assert (2, 4, 2, 0) == tuple(first[f"n_{name}"] for name in ("requests", "attempts", "failovers", "cost_unknown"))
    assert (200, 80, 120) == tuple(first[f"{name}_tokens"] for name in ("input", "output", "cached"))
    assert (0.0042, 1900.0, 240.0, 2) == (
        pytest.approx(first["cost_usd"]),
        first["duration_ms_sum"],
        first["ttft_ms_sum"],
        first["n_ttft"],
    )
    assert (2, 0) == (first["n_le_1000_ms"], first["n_slower"])
    assert (NOW.replace(hour=9, minute=0), 1) == (second["hour"], second["n_requests"])


async def test_the_performance_of_a_model_counts_what_the_model_did(books):
    """A failed attempt counts against its model, an answer for it; a caller's fault counts for nobody."""
    database, writer, ledger = books
    record = make_record()
    faulty = replace(record.attempts[0], failure_class="caller")
    ledger.record(record)
    ledger.record(make_record(attempts=(faulty,), served_model=None, status="refused"))
    await writer.flush(5)
    claude, gpt = await rows(database, model_performance)

    assert ("claude", "code", "zh", 1, 1, 900.0, 120.0, 1) == tuple(claude.values())[:8]
    assert ("gpt", "code", "zh", 1, 0, 0.0, 0.0, 0) == tuple(gpt.values())[:8]


async def test_a_request_refused_before_a_choice_is_in_the_books(books):
    """There is no model, no cost and no attempt, and nothing falls over."""
    database, writer, ledger = books
    refused = make_record(
        decision=None,
        attempts=(),
        served_model=None,
        status="refused",
        http_status=400,
        error_code="invalid",
        intent=None,
        spans=(),
        preview=None,
        key_prefix=None,
    )
    abstained = make_record(intent=Intent((), 0.2, "qwen3", abstained=True), served_model=None, attempts=())
    ledger.record(refused)
    ledger.record(abstained)
    await writer.flush(5)
    found = {each["id"]: each for each in await rows(database, decision)}

    assert (None, None, 0, 0.0, 0.0) == tuple(
        found[refused.id][name] for name in ("chosen", "eligible", "n_attempts", "cost_usd", "duration_ms")
    )
    assert (None, [], 0.2) == tuple(found[abstained.id][name] for name in ("intent", "intents", "confidence"))
    assert [("", "refused", "", ""), ("gpt", "completed", "sk-thal-abcdef", "holdout")] == [
        tuple(each.values())[1:5] for each in await rows(database, rollup_hour)
    ]


async def test_an_unknown_price_is_not_a_price_of_zero(books):
    """One attempt whose price nobody knows makes the cost of the request unknown."""
    database, writer, ledger = books
    record = make_record()
    unknown = replace(record.attempts[1], cost=Cost(None, "unknown"))
    ledger.record(replace(record, attempts=(unknown,)))
    await writer.flush(5)
    (kept,) = await rows(database, decision)
    (hour,) = await rows(database, rollup_hour)

    assert kept["cost_usd"] is None
    assert (1, 0.0) == (hour["n_cost_unknown"], hour["cost_usd"])


async def test_a_record_that_comes_twice_counts_once(books):
    """The same decision and the same outcome, in one batch and in two, add nothing the second time."""
    database, writer, ledger = books
    record = make_record()
    rating = OutcomeRecord(record.id, "user", "rating", NOW, score=1.0)
    for _ in range(2):
        for _ in range(2):
            ledger.record(record)
            ledger.record_outcome(rating)
        await writer.flush(5)
    (hour,) = await rows(database, rollup_hour)
    claude, gpt = await rows(database, model_performance)

    assert (1, 2) == (hour["n_requests"], len(await rows(database, attempt)))
    assert (1, 1, 1.0, 1) == (gpt["n_attempts"], claude["n_attempts"], claude["rating_sum"], claude["n_ratings"])


async def test_a_journal_of_the_version_before_savings_is_written(books):
    """What an older process left behind knows nothing of the newest column."""
    database, _writer, _ = books
    payload = decision_payload(make_record())
    del payload["decision"]["savings"]
    async with database.writing() as connection:
        await connection.run_sync(DecisionBook().write, [payload])
    (kept,) = await rows(database, decision)

    assert (payload["decision"]["id"], None) == (kept["id"], kept["savings"])


async def test_a_replayed_journal_doubles_neither_rows_nor_sums(sqlite_database, sqlite_url, tmp_path):
    """A crash after the commit and before the journal is cleared changes no number."""
    records = [make_record(request_body=b"\xff", preview="\x00") for _ in range(5)]

    async def run(write):
        writer = GroupWriter(
            sqlite_database,
            group_commit_ms=1,
            journal=Journal(tmp_path / "spill", max_bytes=1_000_000),
            backoff_s=(0.01, 0.02),
        )
        ledger = SqlLedger(writer)
        write(ledger)
        if write is nothing:
            writer.start()
            await writer.flush(5)
        await writer.aclose(0.01)

    def nothing(_):
        pass

    def everything(ledger):
        for record in records:
            ledger.record(record)
            ledger.record_outcome(OutcomeRecord(record.id, "user", "thumbs", NOW, score=1.0))

    await run(everything)  # never started: all of it goes to the journal
    path = next((tmp_path / "spill").glob("*"))
    journal = path.read_bytes()
    await run(nothing)
    once = [
        await rows(sqlite_database, table) for table in (decision, attempt, outcome, rollup_hour, model_performance)
    ]
    path.write_bytes(journal)
    await run(nothing)
    twice = [
        await rows(sqlite_database, table) for table in (decision, attempt, outcome, rollup_hour, model_performance)
    ]

    assert [5, 10, 5, 1, 2] == [len(each) for each in once]
    assert (5, 5) == (once[3][0]["n_requests"], once[4][0]["n_ratings"])
    assert once == twice
    assert [b"\xff"] * 5 == [each["request"] for each in await rows(sqlite_database, body)]


async def test_a_later_opinion_replaces_an_earlier_one(books):
    """The newest rating of a source counts, in the row and in the sums; an older one that comes late does not."""
    database, writer, ledger = books
    record = make_record()
    ledger.record(record)
    for minutes, score in ((1, 0.0), (3, 0.75), (2, 0.25)):
        ledger.record_outcome(OutcomeRecord(record.id, "user", "rating", NOW + timedelta(minutes=minutes), score=score))
        await writer.flush(5)
    ledger.record_outcome(OutcomeRecord(record.id, "admin", "rating", NOW, score=1.0))
    ledger.record_outcome(OutcomeRecord(record.id, "user", "comment", NOW, comment="好"))
    await writer.flush(5)
    kept = [(each["source"], each["kind"], each["score"]) for each in await rows(database, outcome)]
    claude = (await rows(database, model_performance))[0]

    assert [("admin", "rating", 1.0), ("user", "comment", None), ("user", "rating", 0.75)] == kept
    assert (1.75, 2) == (claude["rating_sum"], claude["n_ratings"])


async def test_an_opinion_that_comes_before_its_decision_counts_when_the_decision_comes(books):
    """An outcome may be written while its decision still waits in another process's journal."""
    database, writer, ledger = books
    record = make_record()
    ledger.record_outcome(OutcomeRecord(record.id, "user", "rating", NOW, score=0.5))
    await writer.flush(5)
    before = await rows(database, model_performance)
    ledger.record(record)
    await writer.flush(5)
    claude = (await rows(database, model_performance))[0]

    assert [] == before
    assert (0.5, 1) == (claude["rating_sum"], claude["n_ratings"])


async def test_opinions_of_an_answer_that_no_model_gave_count_for_nobody(books):
    """A refused request has no model that could be rated."""
    database, writer, ledger = books
    refused = make_record(decision=None, attempts=(), served_model=None, status="refused")
    ledger.record(refused)
    ledger.record_outcome(OutcomeRecord(refused.id, "user", "rating", NOW, score=0.5))
    await writer.flush(5)

    assert 1 == len(await rows(database, outcome))
    assert [] == await rows(database, model_performance)


async def test_decisions_made_while_the_database_is_locked_are_all_there_afterwards(
    sqlite_database, sqlite_url, tmp_path
):
    """The request path never notices; every decision is written once the lock is gone."""
    journal = Journal(tmp_path / "spill", max_bytes=10_000_000)
    writer = GroupWriter(sqlite_database, group_commit_ms=1, queue_max=8, journal=journal, backoff_s=(0.01, 0.02))
    ledger = SqlLedger(writer)
    writer.start()
    other = sqlite3.connect(sqlite_url.removeprefix("sqlite:///"), isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    for _ in range(50):
        ledger.record(make_record())
        await asyncio.sleep(0)
    await writer.flush(0.1)
    state = writer.state()
    other.execute("ROLLBACK")
    other.close()
    await writer.flush(5)
    await writer.aclose()
    async with sqlite_database.reading() as connection:
        n_decisions = (await connection.execute(select(func.count()).select_from(decision))).scalar_one()
        n_requests = (await connection.execute(select(func.sum(rollup_hour.c.n_requests)))).scalar_one()

    assert ("degraded", 0) == (state["status"], state["dropped"])
    assert (50, 50) == (n_decisions, n_requests)


KEEP_WRITING = """
import asyncio, sys
from datetime import UTC, datetime
from pathlib import Path
from config.database import open_database
from config.ids import new_id
from config.journal import Journal
from config.types import DecisionRecord
from config.writer import GroupWriter
from router.ledger import DecisionBook, SqlLedger
from router.rows import decision_payload

async def main():
    database = open_database(sys.argv[1])
    journal = Journal(Path(sys.argv[2]), max_bytes=10_000_000)
    writer = GroupWriter(database, group_commit_ms=1, journal=journal)
    ledger = SqlLedger(writer)
    writer.start()
    while True:
        ids = [new_id() for _ in range(20)]
        for each in ids:
            ledger.record(DecisionRecord(each, datetime.now(UTC), "completed", "/x", False, None))
        await writer.flush()
        print(*ids, flush=True)

asyncio.run(main())
"""


async def test_kill_9_loses_no_written_decision_and_doubles_none(database, database_url, tmp_path):
    """What the writer said it wrote is there after a kill, once, and the sums agree with the rows."""
    said = []
    for _ in range(3):
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-c", KEEP_WRITING, database_url, str(tmp_path / "spill")),
            stdout=asyncio.subprocess.PIPE,
        )
        for _ in range(10):
            said += (await process.stdout.readline()).decode().split()
        process.kill()
        await process.wait()
        rest = (await process.stdout.read()).decode()
        said += [each for line in rest.splitlines(keepends=True) if line.endswith("\n") for each in line.split()]
    kept = [each["id"] for each in await rows(database, decision)]
    async with database.reading() as connection:
        n_requests = (await connection.execute(select(func.sum(rollup_hour.c.n_requests)))).scalar_one()

    assert 600 <= len(said)
    assert set(said) <= set(kept)
    assert len(kept) == n_requests


@pytest.mark.postgres
async def test_two_replicas_add_to_the_same_sums(postgres_url):
    """Sums that two processes add to at once lose nothing."""
    databases = [open_database(postgres_url) for _ in range(2)]
    writers = [GroupWriter(each, group_commit_ms=0, backoff_s=(0.01, 0.02)) for each in databases]
    ledgers = [SqlLedger(each) for each in writers]
    for writer in writers:
        writer.start()
    for _ in range(15):
        for ledger in ledgers:
            for model in ("gpt", "claude"):
                ledger.record(make_record(served_model=model))
        await asyncio.gather(*(writer.flush(10) for writer in writers))
    async with databases[0].reading() as connection:
        n_requests = (await connection.execute(select(func.sum(rollup_hour.c.n_requests)))).scalar_one()
        n_attempts = (await connection.execute(select(func.sum(model_performance.c.n_attempts)))).scalar_one()
    for writer, each in zip(writers, databases, strict=True):
        await writer.aclose()
        await each.aclose()

    assert (60, 120) == (n_requests, n_attempts)
