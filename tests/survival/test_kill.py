"""kill -9 of the real server under load: nothing that was acknowledged is lost, nothing is booked twice."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

import httpx
import pytest

from config.settings import StorageSettings
from router.providers.scripted import Reply, Script, UsageSpec, scripted_upstream
from tests.e2e.gateway import model, user
from tests.survival.machine import FULL, Server, rows, serving, write_settings
from tests.survival.report import tell

N_KILLS = 30 if FULL else 3
N_CLIENTS = 12
OLDER_THAN_S = StorageSettings().group_commit_ms / 1000 if FULL else 2.0
"""What is younger when the server is killed may be lost. On a machine that runs other tests, commits take longer."""
RESTART_LIMIT_S = 3.0


@dataclass
class Acknowledged:
    """Decisions whose answer a client has had in whole, with the moment."""

    at: dict[str, float] = field(default_factory=dict[str, float])

    def take_before(self, moment: float) -> set[str]:
        """Return those that were had before a moment, and forget all."""
        found = {decision for decision, when in self.at.items() if when < moment}
        self.at.clear()
        return found


@pytest.mark.slow
async def test_kills_under_load_lose_nothing_acknowledged(tmp_path: Path) -> None:
    """Acknowledged is what a client has had for longer than one group commit; a restart takes less than 3 s."""
    rng = Random(20_261_121)
    acknowledged, owed = Acknowledged(), set[str]()
    restarts: list[float] = []
    script = Script((Reply(text="one two three", usage=UsageSpec(input=3, output=3)),))
    async with scripted_upstream(script) as upstream:
        upstream.keep_requests = False
        write_settings(tmp_path, model("m", f"{upstream.url}/v1"))
        port = 0
        for _ in range(N_KILLS):
            async with serving(tmp_path, port=port) as server:
                port = server.port
                restarts.append(server.start_s)
                load = asyncio.create_task(_load(server, acknowledged))
                await _until_answered(acknowledged, rng.randint(40, 160))
                await asyncio.sleep(rng.uniform(0.0, 0.2) if FULL else OLDER_THAN_S)
                killed = time.monotonic()
                server.process.kill()
                await server.process.wait()
                await load
            owed |= acknowledged.take_before(killed - OLDER_THAN_S)
        async with serving(tmp_path, port=port) as server:  # takes over what the dead left in the journal
            restarts.append(server.start_s)
            await _until_settled(server)
    booked = {row["id"] for row in rows(tmp_path, "select id from decision")}
    [attempts] = rows(tmp_path, "select count(*) n, count(distinct decision_id) d, sum(output_tokens) t from attempt")
    [sums] = rows(tmp_path, "select sum(n_requests) n, sum(output_tokens) t from rollup_hour")

    tell(
        "kill",
        kills=N_KILLS,
        acknowledged=len(owed),
        lost=len(owed - booked),
        doubled=attempts["n"] - attempts["d"],
        booked=len(booked),
        restart_s_max=round(max(restarts[1:]), 2),
    )
    assert len(owed) > 20 * N_KILLS, "there was no load"
    assert set() == owed - booked
    assert attempts["n"] == attempts["d"] == len(booked)
    assert (sums["n"], sums["t"]) == (len(booked), attempts["t"]), "the sums are those of the rows"
    if FULL:  # a timed figure belongs to the report; on a busy machine a test of it would be a coin
        assert max(restarts[1:]) < RESTART_LIMIT_S


async def _load(server: Server, acknowledged: Acknowledged) -> None:
    """Ask with several clients, streamed and plain in turn, until the server is gone."""

    async def client(number: int) -> None:
        async with httpx.AsyncClient(base_url=server.url, timeout=10, trust_env=False) as http:
            while True:
                body = {"model": "m", "messages": user("hi"), "stream": number % 2 == 0}
                try:
                    response = await http.post("/v1/chat/completions", json=body)
                except httpx.TransportError:
                    return
                if response.status_code == httpx.codes.OK:
                    acknowledged.at[response.headers["x-thalamus-decision-id"]] = time.monotonic()

    await asyncio.gather(*map(client, range(N_CLIENTS)))


async def _until_answered(acknowledged: Acknowledged, n: int) -> None:
    async with asyncio.timeout(60):
        while len(acknowledged.at) < n:  # noqa: ASYNC110  # clients of another task
            await asyncio.sleep(0.005)


async def _until_settled(server: Server) -> None:
    async with httpx.AsyncClient(base_url=server.url, trust_env=False) as http, asyncio.timeout(20):
        while True:
            books = (await http.get("/health")).json()["components"]["database"]
            if not books["queued"] and not books["spilled"]:
                return
            await asyncio.sleep(0.05)
