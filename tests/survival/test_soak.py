"""Thousands of requests, a tenth of them into faults: nothing leaks, and the money is right to the last token."""

from __future__ import annotations

import asyncio
from collections import Counter
from contextlib import AsyncExitStack, suppress
from pathlib import Path

import httpx
import pytest

from router.providers.scripted import Match, Reply, Script, UsageSpec, scripted_upstream
from tests.e2e.gateway import user
from tests.survival.machine import FULL, Server, open_sockets, rows, rss_mib, serving, write_settings
from tests.survival.report import tell

N_REQUESTS = 10_000 if FULL else 1_500
N_CLIENTS = 24
WARM_UP = 500
FAULTS = (
    "server_error",
    "overloaded",
    "cut_before_content",
    "cut_mid_stream",
    "malformed_sse",
    "empty_stream",
    "error_event",
    "reset",
    "context_overflow",
    "json_instead_of_sse",
)
SPENT = UsageSpec(input=1_000, output=200)
PRICE = "price = { input_usd_per_mtok = 2.0, output_usd_per_mtok = 10.0, source_date = 2026-11-21 }"
COST_USD = 1_000 * 2e-6 + 200 * 10e-6
MODELS = """
[breaker]
enabled = false
[[model]]
name = "m"
fallbacks = ["spare"]
  [[model.deployment]]
  provider = "vllm"
  base_url = "{faulty}"
  upstream_model = "m"
  context_window = 1000
  {price}
[[model]]
name = "spare"
  [[model.deployment]]
  provider = "vllm"
  base_url = "{sound}"
  upstream_model = "m"
  context_window = 100000
  {price}
"""


@pytest.mark.slow
async def test_a_tenth_of_faults_leaks_nothing_and_bills_right(tmp_path: Path) -> None:
    """Every request that a healthy candidate could answer is answered; sockets, tasks and memory come back."""
    told: Counter[str] = Counter()
    answered = Reply(text="one two three", usage=SPENT)
    faulty = [Reply(match=Match(contains=f"<{fault}>"), text="one two", fault=fault) for fault in FAULTS]
    async with AsyncExitStack() as upstreams, AsyncExitStack() as stack:
        first = await upstreams.enter_async_context(scripted_upstream(Script((*faulty, answered))))
        second = await upstreams.enter_async_context(scripted_upstream(Script((answered,))))
        first.keep_requests = second.keep_requests = False
        write_settings(tmp_path, MODELS.format(faulty=f"{first.url}/v1", sound=f"{second.url}/v1", price=PRICE))
        server = await stack.enter_async_context(serving(tmp_path))
        pid = server.process.pid
        await _quiet(server)  # whoever is probed has been, and that connection is kept
        tasks = await _n_tasks(server)
        await asyncio.sleep(0.5)  # our own question's connection is closed
        sockets = open_sockets(pid)
        await _load(server, WARM_UP, told)
        await _quiet(server)
        memory = rss_mib(pid)
        await _load(server, N_REQUESTS, told)
        await upstreams.aclose()  # and with them the connections that were kept for the next request
        await _quiet(server)
        tasks_after, memory_after = await _n_tasks(server), rss_mib(pid)
        sockets_after = await _sockets_left(pid, sockets)
    n = WARM_UP + N_REQUESTS
    [books] = rows(
        tmp_path,
        "select count(*) n, sum(status = 'completed') done, sum(case when status = 'completed' then cost_usd end) usd "
        "from decision",
    )
    [sums] = rows(tmp_path, "select sum(cost_usd) usd, sum(n_requests) n from rollup_hour")
    [attempts] = rows(tmp_path, "select sum(cost_usd) usd from attempt")

    expected_usd = told["whole"] * COST_USD
    tell(
        "soak",
        requests=n,
        faults=n // 10,
        answered=told["whole"],
        broken_mid_stream=told["broken"],
        failed=told["failed"],
        money_error_usd=round(abs(books["usd"] - expected_usd), 9),
        leaked_sockets=max(0, sockets_after - sockets),
        leaked_tasks=max(0, tasks_after - tasks),
        memory_drift_percent=round((memory_after / memory - 1) * 100, 1),
    )
    assert (n, 0) == (sum(told.values()), told["failed"])
    assert (n, told["whole"]) == (books["n"], books["done"])
    assert 0 < told["broken"] <= n // 10
    assert expected_usd == pytest.approx(books["usd"], rel=1e-9)
    assert (n, attempts["usd"]) == (sums["n"], pytest.approx(sums["usd"], rel=1e-9))
    assert sockets_after <= sockets
    assert tasks_after <= tasks
    assert memory_after <= memory * 1.05


async def _load(server: Server, n: int, told: Counter[str]) -> None:
    """Ask so many times; every tenth question runs into a fault of the first deployment."""
    questions = iter(range(n))

    async def client() -> None:
        async with httpx.AsyncClient(base_url=server.url, timeout=30, trust_env=False) as http:
            for number in questions:
                fault = f"<{FAULTS[number // 10 % len(FAULTS)]}>" if number % 10 == 0 else "hello"
                body = {"model": "m", "messages": user(fault), "stream": number % 20 != 0 and number % 3 != 1}
                if number % 10 == 0:
                    body["stream"] = True  # most faults are faults of streams
                told[_outcome(await http.post("/v1/chat/completions", json=body))] += 1

    await asyncio.gather(*(client() for _ in range(N_CLIENTS)))


def _outcome(response: httpx.Response) -> str:
    if response.status_code != httpx.codes.OK:
        return "failed"
    return "broken" if '"error"' in response.text else "whole"


async def _quiet(server: Server) -> None:
    """Wait until all is booked and nothing is under way; kept connections to upstreams stay."""
    async with httpx.AsyncClient(base_url=server.url, trust_env=False) as http, asyncio.timeout(60):
        while True:
            components = (await http.get("/health")).json()["components"]
            if not components["database"]["queued"] and not components["database"]["spilled"]:
                break
            await asyncio.sleep(0.1)
    await asyncio.sleep(1.0)


async def _sockets_left(pid: int, before: int) -> int:
    """Return how many sockets are held once those whose other side has just left are closed; a leak stays."""
    with suppress(TimeoutError):
        async with asyncio.timeout(10):
            while open_sockets(pid) > before:  # noqa: ASYNC110  # of another process
                await asyncio.sleep(0.05)
    return open_sockets(pid)


async def _n_tasks(server: Server) -> int:
    async with httpx.AsyncClient(base_url=server.url, trust_env=False) as http:
        return int((await http.get("/health")).json()["components"]["process"]["n_tasks"])
