"""What balancing, health, metrics and the books cost one request, measured by themselves in this process.

Each figure is the least of several repetitions, in microseconds of CPU: the part that noise cannot take away.
"""

from __future__ import annotations

import asyncio
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from config.database import open_database
from config.ids import new_id
from config.loader import load_settings
from config.trace import span
from config.types import Usage
from proxy.app import build_house
from proxy.doors import OPENAI
from proxy.exchange import Exchange
from router.attempt import AttemptLog, Candidate
from router.ledger import DecisionBook
from router.selection import candidates_of, decide_named
from router.transport import AiohttpTransport

if TYPE_CHECKING:
    from collections.abc import Callable

    from proxy.house import House

N_DEPLOYMENTS = 10
N_BATCH = 64
"""Decisions of one transaction, about what a group commit collects under load."""
REPEATS, CALLS = 7, 400
STAGES = ("admit", "parse", "reflex", "classify", "retrieve", "policy", "judge", "decide", "dispatch", "relay")
MODEL = '[[model]]\nname = "m"\n'
DEPLOYMENT = """
  [[model.deployment]]
  provider = "vllm"
  base_url = "http://127.0.0.1:{port}/v1"
  upstream_model = "m"
"""


@dataclass(frozen=True)
class Part:
    """One part of the request path."""

    name: str
    us: float


def measure_path() -> list[Part]:
    """Measure all parts; needs no server."""
    with tempfile.TemporaryDirectory(prefix="thalamus-path-") as name:
        return asyncio.run(_measure(Path(name)))


async def _measure(folder: Path) -> list[Part]:
    config = folder / "thalamus.toml"
    deployments = "".join(DEPLOYMENT.format(port=9_000 + n) for n in range(N_DEPLOYMENTS))
    config.write_text(f"[routing]\nshipped_models = false\n{MODEL}{deployments}")
    house = build_house(load_settings(config, {}), transport=AiohttpTransport())
    decision = decide_named(house.catalog, "m")

    def order() -> tuple[Candidate, ...]:
        return candidates_of(
            house.catalog,
            decision,
            balancer=house.balancer,
            affinity=house.affinity,
            conversation=b"one",
            is_healthy=lambda each: house.health.available(each.target),
        )

    candidate = order()[0]
    parts = [
        Part(f"balancing and affinity, {N_DEPLOYMENTS} deployments", _least(order)),
        Part("health: gate, breaker, retry budget", _least(lambda: _attempt(house, candidate, watch_health=True))),
        Part("load and metrics", _least(lambda: _attempt(house, candidate, watch_health=False))),
        *await _books(house, candidate, folder),
    ]
    await house.database.aclose()
    return parts


def _attempt(house: House, candidate: Candidate, *, watch_health: bool) -> None:
    attempt = AttemptLog(time.perf_counter).begin(candidate)
    if watch_health:
        house.retries.request_began()
        house.health.try_acquire(candidate.target)
        house.health.attempt_began(attempt)
        attempt.succeed()
        house.health.attempt_ended(attempt)
        return
    for observer in (house.metrics, house.load, house.balancer):
        observer.attempt_began(attempt)
    attempt.succeed()
    for observer in (house.metrics, house.load, house.balancer):
        observer.attempt_ended(attempt)


async def _books(house: House, candidate: Candidate, folder: Path) -> list[Part]:
    """Return what a decision costs on the request path, and what its writing costs beside it."""
    database = open_database(f"sqlite:///{folder / 'books.sqlite'}")
    await database.upgrade()
    book = DecisionBook()
    made = _finished(house, candidate)
    noted = _least(lambda: house.ledger.record(made.record()))
    rounds: list[float] = []
    for _ in range(REPEATS):
        records = [_finished(house, candidate).record() for _ in range(N_BATCH)]
        before = time.process_time()
        await database.transact(lambda connection: book.write(connection, [book.payload(each) for each in records]))  # noqa: B023  # awaited here
        rounds.append((time.process_time() - before) / N_BATCH * 1e6)
    await database.aclose()
    return [
        Part("the books: handing a decision over", noted),
        Part(f"the books: writing it, {N_BATCH} a transaction, in a thread of their own", min(rounds)),
    ]


def _finished(house: House, candidate: Candidate) -> Exchange:
    """Return a request as it is when it is over, with the stages of a real one."""
    exchange = Exchange(new_id(), OPENAI, AttemptLog(time.perf_counter))
    with exchange.trace:
        for stage in STAGES:
            with span(stage) as note:
                note(skipped=True)
    attempt = exchange.log.begin(candidate)
    attempt.usage = Usage(100, 20, raw={"prompt_tokens": 100, "completion_tokens": 20, "total_tokens": 120})
    attempt.succeed()
    exchange.decision = decide_named(house.catalog, "m")
    exchange.preview = "What does a gateway do with an answer that it relays from a provider?"
    return exchange


def _least(work: Callable[[], object], *, calls: int = CALLS) -> float:
    """Return microseconds of CPU of one call."""
    rounds: list[float] = []
    for _ in range(REPEATS):
        before = time.thread_time()
        for _ in range(calls):
            work()
        rounds.append((time.thread_time() - before) / calls * 1e6)
    return min(rounds)


if __name__ == "__main__":
    for part in measure_path():
        print(f"{part.us:8.1f} us  {part.name}")
