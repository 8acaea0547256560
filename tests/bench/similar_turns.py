"""How long the memory of past questions holds the event loop: at its load, at a comparison, and while it follows.

`python -m tests.bench.similar_turns` prints the table of `docs/reports/similar.md`. A database of 20,000 questions, one
in five rated, is read as a gateway reads it, while a callback that puts itself into every turn of the loop tells the
turns apart. By the clock a turn also waits for other programs and for threads that read; the processor's time is the
loop's own.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import sys
import tempfile
import time
from collections.abc import Awaitable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from types import SimpleNamespace
from typing import Any, cast

from sqlalchemy import delete, insert

from config.database import Database, open_database
from config.ids import new_id
from config.settings import Settings
from proxy.server import GC_YOUNG_OBJECTS, SWITCH_INTERVAL_S
from proxy.similar import FAR_LOOK_S, Similar
from router.similar.memory import CAPACITY
from router.similar.vectors import Hashing
from router.tables import decision, outcome, question_vector

SEED = 20261122
RATED = 5
N_WORDS = 3_000
HASHING = Hashing(b"a secret of the benchmark")


class Turns:
    """Notes how long each turn of the loop takes, in milliseconds."""

    def __init__(self) -> None:
        self.clock: list[float] = []
        self.work: list[float] = []
        self._on = True
        self._began = time.perf_counter(), time.thread_time()

    def beat(self) -> None:
        """Close a turn, and come again in the next one."""
        now = time.perf_counter(), time.thread_time()
        self.clock.append((now[0] - self._began[0]) * 1e3)
        self.work.append((now[1] - self._began[1]) * 1e3)
        self._began = now
        if self._on:
            asyncio.get_running_loop().call_soon(self.beat)

    def end(self) -> None:
        """Come no more."""
        self._on = False


async def measured(name: str, work: Awaitable[None]) -> None:
    """Print what one piece of work took."""
    gc.collect()
    turns = Turns()
    asyncio.get_running_loop().call_soon(turns.beat)
    began = time.perf_counter()
    await work
    took_s = time.perf_counter() - began
    turns.end()
    await asyncio.sleep(0)
    clock, worked = sorted(turns.clock[1:]), sorted(turns.work[1:])
    late = sum(each > 5.0 for each in worked)  # the goal, in milliseconds
    print(
        f"| {name} | {took_s:.1f} s | {sum(worked) / 1e3:.1f} s | {worked[-1]:.1f} ms | {late} | {clock[-1]:.1f} ms |"
    )


async def filled(database: Database, n: int, *, apart: timedelta = timedelta(seconds=1)) -> list[str]:
    """Write questions, the newest now, and return their decisions."""
    random, now = Random(SEED), datetime.now(UTC)
    words = [f"w{each}" for each in range(N_WORDS)]
    ids = [new_id() for _ in range(n)]
    for start in range(0, n, 1_000):
        some = list(enumerate(ids))[start : start + 1_000]
        async with database.writing() as connection:
            await connection.execute(insert(decision), [_decision(each, now - (n - at) * apart) for at, each in some])
            await connection.execute(
                insert(question_vector),
                [
                    {
                        "decision_id": each,
                        "created_ts": now - (n - at) * apart,
                        "form": HASHING.form,
                        "vector": HASHING.vector_of(" ".join(random.choices(words, k=20))),
                    }
                    for at, each in some
                ],
            )
            await connection.execute(
                insert(outcome),
                [
                    {"decision_id": each, "source": "user", "kind": "rating", "score": 0.75, "ts": now}
                    for at, each in some
                    if at % RATED == 0
                ],
            )
    return ids


def _decision(decision_id: str, moment: datetime) -> dict[str, Any]:
    return {
        "id": decision_id,
        "ts": moment,
        "key_prefix": "sk-1",
        "endpoint": "chat",
        "stream": False,
        "status": "completed",
        "http_status": 200,
        "served_model": "m",
        "passages": [],
        "timings": [],
        "warnings": [],
        "n_attempts": 1,
        "duration_ms": 1.0,
        "input_tokens": 1,
        "output_tokens": 1,
        "cached_tokens": 0,
    }


async def _measure(url: str, n: int) -> None:
    gc.freeze()  # this and the next two as a gateway does
    gc.set_threshold(GC_YOUNG_OBJECTS)
    sys.setswitchinterval(SWITCH_INTERVAL_S)
    database = open_database(url)
    await database.upgrade()
    ids = await filled(database, n)
    house = cast("Any", SimpleNamespace(settings=Settings(), catalog=SimpleNamespace(canonical=str)))
    now = [1_000.0]
    similar = Similar(database, HASHING, monotonic=lambda: now[0])
    print(
        "| | takes | the loop's own work | longest turn | over 5 ms | longest by the clock |\n|---|---|---|---|---|---|"
    )
    await measured(f"load of {n:,}", similar.look(house))
    now[0] += FAR_LOOK_S
    await measured("comparison without changes", similar.look(house))
    async with database.writing() as connection:
        for start in range(0, n // 2, 1_000):
            await connection.execute(delete(decision).where(decision.c.id.in_(ids[start : start + 1_000])))
    now[0] += FAR_LOOK_S
    await measured("comparison after half was deleted", similar.look(house))
    await filled(database, 2_000, apart=timedelta(milliseconds=1))
    await measured("following 2,000 new ones", similar.look(house))
    print(f"\n{len(similar.memory):,} are remembered.")
    await database.aclose()


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--questions", type=int, default=CAPACITY)
    parser.add_argument("--url", help="an empty database; else SQLite in a folder of its own")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(_measure(options.url or f"sqlite:///{Path(folder) / 'books.sqlite'}", options.questions))


if __name__ == "__main__":
    main()
