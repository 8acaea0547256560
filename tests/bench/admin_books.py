"""Fills a database with as many decisions as one wants, the same for the same seed, by the code that fills a real one."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from uuid import UUID

from sqlalchemy import create_engine

from config.columns import json_text, json_value
from config.database import open_database
from config.types import AttemptRecord, Citation, Cost, Decision, DecisionRecord, Intent, OutcomeRecord, Span, Usage
from proxy.cli.bars import Bars
from router.choosing.choose import choose
from router.choosing.starting import StartingExperience
from router.choosing.stored import candidates_json, question_json, runner_up_json
from router.choosing.values import Offer, Question
from router.ledger import DecisionBook, OutcomeBook

NOW = datetime(2026, 11, 21, 8, 0, tzinfo=UTC)
SPAN = timedelta(days=90)
BATCH = 5_000
MODELS = ("cheap", "fast", "good", "local")
OFFERS = tuple(
    Offer(
        name, domains=("code",) if i % 2 else (), input_usd=0.1 * 4**i, output_usd=0.4 * 4**i, latency_ms=200.0 * 2**i
    )
    for i, name in enumerate(MODELS)
)
DOMAINS, LANGUAGES = ("code", "math", "writing", "support", "law", "medicine"), ("en", "zh")
INTENTS = tuple(f"{domain}_{what}" for domain in DOMAINS for what in ("question", "order", "complaint", "small_talk"))
FAILURES = ("transient", "rate", "quota", "context")
KEYS = tuple(f"sk-thal-{n:06d}" for n in range(40))
QUESTIONS = ("Write a function that sorts a list of numbers.", "写一个排序函数，并解释它的复杂度。")
STAGES = ("admit", "parse", "reflex", "classify", "retrieve", "policy", "judge", "decide", "dispatch", "relay")
N_TEMPLATES = 400
CACHE_KIB = 400_000


@dataclass(frozen=True, slots=True)
class Built:
    """What was made, and how long that took."""

    n_decisions: int
    n_outcomes: int
    seconds: float
    size_bytes: int


async def build(path: Path, n_decisions: int, *, seed: int = 20261121) -> Built:
    """Make an SQLite file with this many decisions of the last ninety days. What lies there is replaced."""
    for each in (path, path.with_name(f"{path.name}-wal"), path.with_name(f"{path.name}-shm")):
        each.unlink(missing_ok=True)
    began = time.perf_counter()
    database = open_database(f"sqlite:///{path}")
    await database.upgrade()
    await database.aclose()
    engine = create_engine(f"sqlite:///{path}", json_serializer=json_text, json_deserializer=json_value)
    decisions, outcomes, n_outcomes = DecisionBook(), OutcomeBook(), 0
    with Bars() as bars, engine.connect() as connection:
        for pragma in ("synchronous=OFF", f"cache_size=-{CACHE_KIB}", "temp_store=MEMORY"):
            connection.exec_driver_sql(f"PRAGMA {pragma}")
        bars.begin(f"{n_decisions:,} decisions", -(-n_decisions // BATCH))
        for records, opinions in batches(n_decisions, Random(seed)):
            decisions.write(connection, [decisions.payload(each) for each in records])
            outcomes.write(connection, [outcomes.payload(each) for each in opinions])
            connection.commit()
            n_outcomes += len(opinions)
            bars.advance()
    engine.dispose()
    with closing(sqlite3.connect(path)) as plain:
        plain.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        [size_bytes] = plain.execute(
            "SELECT page_count * page_size FROM pragma_page_count, pragma_page_size"
        ).fetchone()
    return Built(n_decisions, n_outcomes, time.perf_counter() - began, size_bytes)


def batches(n_decisions: int, rng: Random) -> Iterator[tuple[list[DecisionRecord], list[OutcomeRecord]]]:
    """Yield decisions, oldest first, with what was said of one in twenty."""
    templates = [template(n, rng) for n in range(max(20, min(N_TEMPLATES, n_decisions // 100)))]
    step = SPAN / n_decisions
    for start in range(0, n_decisions, BATCH):
        records = [
            numbered(rng.choice(templates), NOW - SPAN + step * n, n, rng)
            for n in range(start, min(n_decisions, start + BATCH))
        ]
        yield records, [opinion(each, rng) for each in records if rng.random() < 0.05]


def numbered(record: DecisionRecord, ts: datetime, n: int, rng: Random) -> DecisionRecord:
    """Return a template as a request of its own."""
    return replace(
        record,
        id=id_at(ts, rng),
        ts=ts,
        conversation_id=f"talk-{n // 5}" if n % 3 else None,
        key_prefix=rng.choice(KEYS),
        preview=f"{record.preview} #{n}",
    )


def opinion(record: DecisionRecord, rng: Random) -> OutcomeRecord:
    """Return a rating, or, for one in ten, the intent that would have been right."""
    ts = record.ts + timedelta(minutes=1)
    if rng.random() < 0.1:
        return OutcomeRecord(record.id, "admin", "corrected_intent", ts, comment=rng.choice(INTENTS))
    good = record.served_model == "good"
    return OutcomeRecord(record.id, "user", "rating", ts, score=rng.choice((0.75, 1.0) if good else (0.0, 0.25, 0.75)))


def template(n: int, rng: Random) -> DecisionRecord:
    """Return a decision of the policy with everything that the pipeline books."""
    language, domain, intent = rng.choice(LANGUAGES), rng.choice(DOMAINS), rng.choice(INTENTS)
    question = Question("", language, domain, (intent,), complexity=rng.randint(1, 10), n_tokens=rng.randint(20, 6_000))
    choice = choose(question, OFFERS, StartingExperience(), seed=n)
    ranked = [each.model for each in choice.ranked]
    fails = rng.random() < 0.06
    status = "completed" if rng.random() < 0.97 else rng.choice(("failed_upstream", "aborted_by_client", "refused"))
    served = ranked[1 if fails else 0] if status == "completed" else None
    timings = spans(rng, candidates_json(choice))
    return DecisionRecord(
        "",
        NOW,
        status,
        "chat",
        stream=rng.random() < 0.7,
        decision=Decision(
            "auto",
            tuple(MODELS),
            tuple(next(each.probability for each in choice.ranked if each.model == name) for name in MODELS),
            tuple(ranked),
            choice.reasons,
            choice.version,
            explored=choice.explored,
            seed=n,
            features={
                "language": language,
                "domain": domain,
                "complexity": question.complexity,
                "question": question_json(question),
                "dial": 0.5,
                "experience": "start-1",
                "choice_confidence": choice.confidence,
                "candidates": candidates_json(choice),
                "runner_up": runner_up_json(choice, dial=0.5),
            },
        ),
        attempts=tuple(attempts(ranked, fails=fails, served=served, rng=rng)),
        served_model=served,
        intent=Intent((intent,), rng.uniform(0.5, 0.99), rng.choice(("rules", "micro", "qwen3")), rng.random() < 0.1),
        passages=(Citation("zh/快速开始.md", 3, 9), Citation("en/quickstart.md", 40, 52)) if n % 3 == 0 else (),
        savings=saved(rng) if n % 3 == 0 else None,
        spans=timings,
        preview=QUESTIONS[n % 2],
        error_code=None if status == "completed" else "upstream_failed",
        http_status=200 if status == "completed" else 502,
    )


def attempts(ranked: list[str], *, fails: bool, served: str | None, rng: Random) -> Iterator[AttemptRecord]:
    """Yield a failure where there was one, and the answer where there was one."""
    if fails or served is None:
        yield AttemptRecord(
            1,
            f"{ranked[0]}/one",
            ranked[0],
            "openai",
            committed=False,
            failure_class=rng.choice(FAILURES),
            error="HTTP 503: overloaded",
            status=503,
            duration_ms=rng.uniform(5, 400),
        )
    if served is not None:
        tokens = Usage(rng.randint(20, 6_000), rng.randint(5, 900), raw={"prompt_tokens": 1, "completion_tokens": 1})
        yield AttemptRecord(
            2 if fails else 1,
            f"{served}/one",
            served,
            "openai",
            committed=True,
            status=200,
            ttft_ms=rng.lognormvariate(6, 0.6),
            duration_ms=rng.lognormvariate(7, 0.8),
            usage=tokens,
            cost=Cost(rng.uniform(0.00001, 0.02), "upstream"),
            finish_reason="stop",
        )


def spans(rng: Random, candidates: list[dict[str, object]]) -> tuple[Span, ...]:
    """Return the stages as the pipeline notes them, those of the policy with its candidates."""
    found, at = [], 0.0
    for name in STAGES:
        took = rng.uniform(0.05, 4.0) if name != "dispatch" else rng.lognormvariate(7, 0.8)
        notes = {"candidates": candidates} if name == "policy" else {"skipped": True} if name == "judge" else {}
        found.append(Span(name, at, took, notes))
        at += took
    return tuple(found)


def saved(rng: Random) -> dict[str, object]:
    """Return the account of a request with passages."""
    sent, everything = rng.randint(300, 2_000), rng.randint(5_000, 60_000)
    return {
        "arm": rng.choice(("passages", "holdout")),
        "sent_tokens": sent,
        "charged": {"classifier_tokens": 0, "judge_tokens": 0, "missed_answer_tokens": everything // 20},
        "against": {"all_documents": {"tokens": everything, "saved": everything - sent - everything // 20}},
    }


def id_at(ts: datetime, rng: Random) -> str:
    """Return the id that a request of this moment might have: UUIDv7, its random bits drawn."""
    value = int(ts.timestamp() * 1000) << 80 | 7 << 76 | rng.getrandbits(12) << 64 | 2 << 62 | rng.getrandbits(62)
    return str(UUID(int=value))
