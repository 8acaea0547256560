"""How long each page of the dashboard takes on a large database: builds it, opens every page many times, tells p95.

`make bench-admin` writes `docs/reports/admin.md`. Pages are those of `admin/pages/all.py`: a new one is measured too.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import gc
import json
import os
import platform
import sys
import tempfile
import time
from collections.abc import AsyncGenerator
from dataclasses import asdict, dataclass
from datetime import timedelta
from pathlib import Path
from random import Random
from urllib.parse import urlencode

import httpx
from sqlalchemy import select

from admin.pages.all import PAGES
from admin.queries.decisions import REACH
from admin.queries.traffic import percentile
from admin.session import COOKIE
from admin.session_store import SessionStore
from admin.site import ROOT, create_site
from admin.users import UserStore
from config.database import Database
from config.loader import load_settings
from proxy.app import build_house
from proxy.cli.bars import Bars
from proxy.desk.wiring import build_desk
from proxy.lifespan import living
from proxy.server import GC_YOUNG_OBJECTS
from router.tables import decision
from router.transport import AiohttpTransport
from tests.bench.admin_books import INTENTS, KEYS, MODELS, NOW, SPAN, Built, build
from tests.e2e.gateway import model

GOAL_MS = 200.0
ORIGIN = "http://127.0.0.1:8000"
WARM_UP = 3
MODEL = "price = {{ input_usd_per_mtok = {0}, output_usd_per_mtok = {0}, source_date = 2026-11-21 }}\n"
SETTINGS = """
[routing]
shipped_models = false
[health]
find_ollama = false
probe_interval_s = 0
[storage]
url = "sqlite:///{}"
"""


@dataclass(frozen=True, slots=True)
class Case:
    """A page, as it is asked for."""

    name: str
    path: str
    query: dict[str, str]


@dataclass(frozen=True, slots=True)
class Measured:
    """What came of asking for it."""

    case: Case
    wall_ms: list[float]
    cpu_ms: list[float]
    size_bytes: int


def cases(ids: list[str], rng: Random) -> list[Case]:
    """Return every page without parameters of its own, the explorer, and the list of decisions in many ways."""
    plain = [Case(each.name, each.path, {}) for each in PAGES if "{" not in each.path]
    deep = {"before": f"{(NOW - SPAN * 0.8).isoformat()}~{ids[0]}"}
    month = {
        "since": (NOW - timedelta(days=60)).date().isoformat(),
        "until": (NOW - timedelta(days=30)).date().isoformat(),
    }
    filtered = {
        "deep": deep,
        "model": {"model": "good"},
        "model, deep": {"model": "good", **deep},
        "status": {"status": "failed_upstream"},
        "intent": {"intent": INTENTS[3]},
        "key": {"key": KEYS[7]},
        "conversation": {"conversation": f"talk-{rng.randrange(1_000)}"},
        "a month": month,
        "model and status, a month": {"model": "local", "status": "refused", **month},
        "intent, key and model": {"intent": INTENTS[5], "key": KEYS[3], "model": "cheap"},
        "text that is common": {"text": "sorts"},
        "text that nobody wrote": {"text": "nowhere to be found"},
        "text within a key": {"text": "#123456", "key": KEYS[1]},
        "all of them": {"model": MODELS[0], "status": "completed", "intent": INTENTS[0], "key": KEYS[0], "text": "排序", **month},
    }  # fmt: skip
    lists = [Case(f"decisions: {name}", "/decisions", query) for name, query in filtered.items()]
    return [*plain, *lists, Case("decision", "/decisions/{id}", {})]


async def measure(browser: httpx.AsyncClient, case: Case, ids: list[str], *, n: int) -> Measured:
    """Ask `n` times, the explorer for another decision each time. Raises `RuntimeError` for a page that fails."""
    wall, cpu, size = [], [], 0
    query = f"?{urlencode(case.query)}" if case.query else ""
    for turn in range(-WARM_UP, n):
        path = f"{ROOT}{case.path.replace('{id}', ids[turn % len(ids)])}{query}"
        began, worked = time.perf_counter(), time.process_time()
        answer = await browser.get(path)
        took, used = time.perf_counter() - began, time.process_time() - worked
        if answer.status_code != httpx.codes.OK:
            raise RuntimeError(f"{path} answered {answer.status_code}")
        if turn >= 0:
            wall.append(1000 * took)
            cpu.append(1000 * used)
        size = len(answer.content)
    return Measured(case, sorted(wall), sorted(cpu), size)


@contextlib.asynccontextmanager
async def opened(database_file: Path, folder: Path) -> AsyncGenerator[tuple[httpx.AsyncClient, Database]]:
    """Give a logged-in browser at the dashboard of a gateway with this database."""
    url, prices = "http://127.0.0.1:9/v1", (0.1, 0.4, 1.6, 6.4)
    file = folder / "thalamus.toml"
    storage = f'state_dir = "{folder}/state"\n'
    models = [
        model(name, url, provider="openai") + MODEL.format(price) for name, price in zip(MODELS, prices, strict=True)
    ]
    file.write_text(storage + SETTINGS.format(database_file) + "".join(models), encoding="utf-8")
    house = build_house(load_settings(file, {"OPENAI_API_KEY": "sk-made-up"}), transport=AiohttpTransport())
    gc.freeze()  # as the server does when it has started, see `proxy/server.py`
    gc.set_threshold(GC_YOUNG_OBJECTS)
    async with living(house, ()):
        users, sessions = UserStore(house.database), SessionStore(house.database)
        password, _role = await users.set_password("bench", role="admin", changed_by="bench")
        entered = await sessions.log_in("bench", password, address="127.0.0.1")
        if entered is None:
            raise RuntimeError("the bench could not log in")
        site = create_site(build_desk(house), sessions, clock=lambda: NOW)
        async with httpx.AsyncClient(transport=httpx.ASGITransport(site), base_url=ORIGIN) as browser:
            browser.cookies.set(COOKIE, entered[0], domain="127.0.0.1", path=ROOT)
            yield browser, house.database


async def some_ids(database: Database, n: int, rng: Random) -> list[str]:
    """Return ids of decisions from all over the time that the books hold."""
    found: list[str] = []
    async with database.reading() as connection:
        for _ in range(n):
            moment = NOW - SPAN * rng.random()
            query = select(decision.c.id).where(decision.c.ts >= moment).order_by(decision.c.ts).limit(1)
            one = (await connection.execute(query)).scalar_one_or_none()
            found += [one] if one is not None else []
    return found


async def run(options: argparse.Namespace) -> tuple[list[Measured], Built]:
    """Build and measure."""
    folder = Path(options.folder) if options.folder else Path(tempfile.mkdtemp(prefix="thalamus-bench-admin-"))
    folder.mkdir(parents=True, exist_ok=True)
    books = folder / "books.sqlite"
    noted = books.with_suffix(".json")
    if options.reuse and noted.exists():
        built = Built(**json.loads(noted.read_text("utf-8")))
    else:
        built = await build(books, options.decisions, seed=options.seed)
        noted.write_text(json.dumps(asdict(built)), "utf-8")
        print(f"{built.n_decisions:,} decisions in {built.seconds:.0f} s, {built.size_bytes / 2**20:,.0f} MiB: {books}")
    rng = Random(options.seed)
    found: list[Measured] = []
    with tempfile.TemporaryDirectory() as home, Bars() as bars:
        async with opened(books, Path(home)) as (browser, database):
            ids = await some_ids(database, 200, rng)
            wanted = [each for each in cases(ids, rng) if not options.only or options.only in each.name]
            bars.begin("pages", len(wanted))
            for case in wanted:
                found.append(await measure(browser, case, ids, n=options.visits))
                bars.advance()
    return found, built


def table(found: list[Measured]) -> str:
    """Return the rows, the slowest first."""
    lines = ["| page | p50 ms | p95 ms | CPU p50 ms | CPU p95 ms | KiB | |", "|---|---|---|---|---|---|---|"]
    for each in sorted(found, key=lambda one: -(percentile(one.wall_ms, 95) or 0.0)):
        numbers = [percentile(each.wall_ms, 50), percentile(each.wall_ms, 95), percentile(each.cpu_ms, 50), percentile(each.cpu_ms, 95)]  # fmt: skip
        told = " | ".join(f"{number or 0.0:.1f}" for number in numbers)
        reached = "reached" if (numbers[1] or 0.0) < GOAL_MS else "**missed**"
        lines.append(f"| {each.case.name} | {told} | {each.size_bytes / 1024:.0f} | {reached} |")
    return "\n".join(lines)


def report(found: list[Measured], built: Built, options: argparse.Namespace) -> str:
    """Return the report as Markdown."""
    n_missed = sum((percentile(each.wall_ms, 95) or 0.0) >= GOAL_MS for each in found)
    made = (
        f"They were made in {built.seconds:,.0f} s with {built.n_outcomes:,} outcomes: "
        f"{built.size_bytes / 2**20:,.0f} MiB."
    )
    n_slow = sum((percentile(each.cpu_ms, 95) or 0.0) >= GOAL_MS for each in found)
    load = f"{os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else "unknown"
    return REPORT.format(
        arguments=f"--decisions {built.n_decisions} --visits {options.visits} --seed {options.seed}",
        n=f"{built.n_decisions:,}",
        made=made,
        visits=options.visits,
        goal=f"{GOAL_MS:.0f}",
        verdict=_verdict(n_missed, len(found)),
        cpu_verdict=_verdict(n_slow, len(found)),
        reach=f"{REACH:,}",
        table=table(found),
        cores=os.cpu_count(),
        load=load,
        python=platform.python_version(),
    )


def _verdict(n_missed: int, n: int) -> str:
    return f"reached by all {n}" if not n_missed else f"**missed by {n_missed} of {n}**"


REPORT = """# The dashboard on a large database: figures

Written by `make bench-admin`; do not edit by hand. This run: `ARGS="{arguments}"`.

An SQLite file holds {n} decisions of ninety days with attempts, previews, outcomes and sums, written by the
code that writes real ones, the same for the same seed. {made}
Then every page of the dashboard is opened {visits} times in this process, as a browser would that is logged in; the
page of a decision each time for another one. The time is that of the whole answer, session and template included. CPU
is that of the process: where the machine does other work too, it tells more than the time.

Goal: p95 below {goal} ms for each page: {verdict}. By CPU: {cpu_verdict}.

{table}

Filters that no index serves together are looked for along one index in at most {reach} rows a page; the page says how
far it looked.

Python {python}, {cores} cores, load {load} at the end of the run.
"""


def main(arguments: list[str]) -> int:
    """Measure, print the table, and return 1 where a goal was missed."""
    parser = argparse.ArgumentParser(prog="make bench-admin", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--decisions", type=int, default=1_000_000, help="how many the database holds")
    parser.add_argument("--visits", type=int, default=100, help="how often each page is opened")
    parser.add_argument("--seed", type=int, default=20261121)
    parser.add_argument("--folder", default="", help="where the database is made; default: a new folder")
    parser.add_argument("--reuse", action="store_true", help="take the database that lies in the folder")
    parser.add_argument("--only", default="", help="measure only pages with this in their names; writes no report")
    parser.add_argument("--report", default="docs/reports/admin.md")
    options = parser.parse_args(arguments)
    found, built = asyncio.run(run(options))
    if not options.only:
        Path(options.report).write_text(report(found, built, options), encoding="utf-8")
    print(table(found))
    return int(any((percentile(each.wall_ms, 95) or 0.0) >= GOAL_MS for each in found))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
