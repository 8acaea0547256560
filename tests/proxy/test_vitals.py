"""How the gateway itself is: loop lag, process, size of the database, and `/health` as a whole."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from pathlib import Path

import pytest

from config.database import open_database
from proxy import process
from proxy.loop_lag import LoopLag
from proxy.vitals import Vitals
from router.providers.scripted import Reply, Script, scripted_upstream
from tests.e2e.gateway import model, running_gateway


def test_the_last_minute_of_lag_is_told_in_milliseconds():
    """The median and the worst; what is older than the window is gone, and early timers are on time."""
    lag = LoopLag(interval_s=20.0, window_s=60.0)
    nothing = lag.state()
    for seconds in (9.0, 0.004, -0.001, 0.002):
        lag.overslept(seconds)

    assert {"p50": None, "max": None} == nothing
    assert {"p50": 2.0, "max": 4.0} == lag.state()
    assert 4 == sum(lag.distribution.counts)


async def test_a_blocked_loop_is_seen():
    """Whoever holds the loop makes the sampler late."""
    lag = LoopLag(interval_s=0.001)
    task = asyncio.create_task(lag.run())
    async with asyncio.timeout(5):
        while not sum(lag.distribution.counts):  # noqa: ASYNC110  # the sampler tells nobody
            await asyncio.sleep(0)
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task

    assert lag.distribution.total >= 0


def test_the_process_tells_what_it_takes():
    """Figures of this very process are plausible."""
    figures = process.read_process()

    assert figures.cpu_s > 0
    assert figures.rss_bytes > 10_000_000
    assert figures.open_fds is None or figures.open_fds > (figures.open_sockets or 0)


def test_without_proc_the_rest_is_told(tmp_path: Path):
    """Elsewhere than on Linux descriptors are unknown and memory is the most there ever was."""
    assert (None, None) == process._descriptors(tmp_path / "fd")
    assert 2048 <= process._rss_bytes(tmp_path / "statm", 2048)


async def test_the_process_is_read_at_most_once_a_second():
    """A flood of health checks costs one look."""
    now = [0.0]
    vitals = Vitals(clock=lambda: now[0])
    first = await vitals.process()
    now[0] = 0.9
    again = await vitals.process()
    now[0] = 1.0
    later = await vitals.process()

    assert first is again
    assert first is not later


async def test_a_database_that_is_away_keeps_its_last_size():
    """The watcher neither dies nor forgets."""
    vitals = Vitals(database_size_bytes=7)
    database = open_database("postgresql://nobody@127.0.0.1:1/none")
    task = asyncio.create_task(vitals.watch_database(database))
    await asyncio.wait({task}, timeout=0.2)
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
    await database.aclose()

    assert 7 == vitals.database_size_bytes


async def test_health_tells_every_component(tmp_path: Path):
    """Who runs the gateway sees books, documents, models, deployments, process and queues in one answer."""
    async with (
        scripted_upstream(Script((Reply(text="hello"),))) as upstream,
        running_gateway(tmp_path, model("m", upstream.url + "/v1")) as gateway,
    ):
        await gateway.chat()
        gateway.house.health.trip("m/vllm")
        async with asyncio.timeout(5):
            while not gateway.house.vitals.database_size_bytes or gateway.house.vitals.lag.state()["max"] is None:  # noqa: ASYNC110
                await asyncio.sleep(0.02)
        parts = (await gateway.http.get("/health")).json()["components"]
        scrape = (await gateway.http.get("/metrics")).text

    assert {"database", "documents", "models", "deployments", "process", "queues"} <= set(parts)
    assert parts["database"]["size_bytes"] >= 4096  # one page: it may have been measured while it was made
    assert "open" == parts["deployments"]["m/vllm"]["state"]
    assert parts["process"]["rss_bytes"] > 10_000_000
    assert parts["process"]["n_tasks"] > 1
    assert {"p50", "max"} == set(parts["process"]["loop_lag_ms"])
    assert pytest.approx(0) == parts["queues"]["requests_in_flight"]
    assert 'thalamus_breaker_state{deployment="m/vllm",state="open"} 1.0' in scrape


async def test_who_has_no_key_sees_states_and_no_figures(tmp_path: Path):
    """Where keys are needed, strangers learn whether it is well, not which models there are or how busy it is."""
    async with (
        scripted_upstream(Script((Reply(text="hello"),))) as upstream,
        running_gateway(
            tmp_path, model("canary", upstream.url + "/v1"), env={"THALAMUS_API_KEY": "sk-for-this-test-only"}
        ) as gateway,
    ):
        async with asyncio.timeout(20):
            house = gateway.house
            while {"ok"} != {house.documents.state()["status"], house.writer.state()["status"]}:  # noqa: ASYNC110
                await asyncio.sleep(0.02)
        stranger = await gateway.http.get("/health")
        wrong = await gateway.http.get("/health", headers={"authorization": "Bearer nope"})
        known = await gateway.http.get("/health", headers={"authorization": "Bearer sk-for-this-test-only"})

    states = {part: {"status": "ok"} for part in ("database", "documents", "models", "process", "queues")}
    told = stranger.json()
    assert told == wrong.json()
    for part in (
        "classifier",
        "judge",
        "learning",
        "similar",
    ):  # which may still be loading, off, or waiting for the books
        assert ["status"] == list(told["components"].pop(part))
    assert {"status": "ok", "draining": False, "components": states} == told
    assert ["canary"] == [each for each in known.json()["components"]["models"]["live"] if each == "canary"]
