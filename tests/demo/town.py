"""The demo's town: upstreams, the gateway before them, the clients, and what all of them live through."""

from __future__ import annotations

import asyncio
import tempfile
import time
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

import httpx
import openai

from tests.demo.browser import logged_in, run_the_house
from tests.demo.day import peace
from tests.demo.gateway import serving
from tests.demo.ledger import Ledger
from tests.demo.street import DEPLOYMENTS, Street
from tests.demo.traffic import Clients, Seen, drive

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Iterable

    from tests.demo.day import Phase
    from tests.demo.gateway import Served
    from tests.demo.view import View

LOOKS_EVERY_S: Final = 0.2
SHARE: Final = 0.8


@dataclass(frozen=True, slots=True)
class Town:
    """Everything that runs."""

    street: Street
    served: Served
    http: httpx.AsyncClient
    """At the gateway."""
    sdk: openai.AsyncOpenAI
    clock: Callable[[], float]
    """Seconds since the town stands."""

    def clients(self, told: Callable[[Seen], None], *, seed: int, share: float = SHARE) -> Clients:
        """Return those who ask; `share` of the answers from `auto`, 0 to 1, are spoken about."""
        return Clients(self.sdk, self.http, self.clock, told, seed, share)

    def at_zero(self) -> Town:
        """Return it with a clock that begins now."""
        began = time.perf_counter()
        return replace(self, clock=lambda: time.perf_counter() - began)

    async def health(self) -> dict[str, Any]:
        """Return the parts of the gateway's health."""
        return (await self.http.get("/health")).json()["components"]


SHORT_LIVED: Final = httpx.Limits(keepalive_expiry=1)
"""Connections are let go of before the server does, which closes idle ones after five seconds."""


@asynccontextmanager
async def standing(
    *, retry_after_s: int = 1, learning: str = "live", port: int = 0, instant: bool = False
) -> AsyncGenerator[Town, None]:
    """Yield a town in which all is well; `instant` upstreams do not wait. Nothing of it is left afterwards."""
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="thalamus-demo-")))
        street = Street(retry_after_s=retry_after_s, instant=instant)
        stack.push_async_callback(street.close)
        await street.open()
        served = await stack.enter_async_context(
            serving(folder, street.urls, learning=learning, port=port, patient=instant)
        )
        http = await stack.enter_async_context(httpx.AsyncClient(base_url=served.url, timeout=60, limits=SHORT_LIVED))
        sdk = await stack.enter_async_context(
            openai.AsyncOpenAI(base_url=f"{served.url}/v1", api_key="any", max_retries=0, timeout=60)
        )
        yield Town(street, served, http, sdk, time.perf_counter).at_zero()


async def live_through(
    town: Town, ledger: Ledger, view: View, *, seconds: float, rate: float, seed: int, first: int
) -> int:
    """Live through the day and write it down; return the number of the next question."""

    def told(seen: Seen) -> None:
        ledger.seen.append(seen)
        view.seen(seen)

    async with asyncio.TaskGroup() as group:
        watching = group.create_task(_watch(town, ledger, view))
        changing = group.create_task(_change(town, ledger, view, ledger.phases))
        clients = town.clients(told, seed=seed)
        n = await drive(clients, until=seconds, rate=rate, rng=Random(seed), first=first)
        await changing
        watching.cancel()
    ledger.seen[:] = [await _with_decision(town, each) for each in sorted(ledger.seen, key=lambda each: each.began)]
    return n


async def live_in_peace(town: Town, view: View, *, seconds: float, rate: float, seed: int, first: int) -> int:
    """Live on where only one fails at times, and write nothing down; return the number of the next question."""
    calm = Ledger(())
    async with asyncio.TaskGroup() as group:
        others = [
            group.create_task(_watch(town, calm, view)),
            group.create_task(_change(town, calm, view, peace())),
        ]
        clients = town.clients(view.seen, seed=seed)
        n = await drive(clients, until=seconds, rate=rate, rng=Random(seed + first), first=first)
        for each in others:
            each.cancel()
    return n


async def visit(town: Town, at_s: float) -> None:
    """Let somebody use the dashboard at this second; what another one there has begun already is left to them."""
    await asyncio.sleep(max(0.0, at_s - town.clock()))
    with suppress(httpx.HTTPStatusError):
        async with logged_in(town.served) as browser:
            await run_the_house(browser)


async def _change(town: Town, ledger: Ledger, view: View, phases: Iterable[Phase]) -> None:
    """Bring each phase about when its time has come."""
    began = town.clock()
    for phase in phases:
        await asyncio.sleep(max(0.0, began + phase.at_s - town.clock()))
        await town.street.enter(phase)
        at = town.clock()
        ledger.enter(at)
        view.entered(at, phase)
        if phase.repaired is not None:
            name = quote(DEPLOYMENTS[phase.repaired], safe="")
            (await town.http.post(f"/api/health/{name}/reset", json={})).raise_for_status()


async def _watch(town: Town, ledger: Ledger, view: View) -> None:
    """Look at the breakers again and again."""
    names = {deployment: upstream for upstream, deployment in DEPLOYMENTS.items()}
    while True:
        for deployment, state in (await town.health())["deployments"].items():
            move = ledger.watch(town.clock(), names[deployment], state)
            if move is not None:
                view.moved(move)
        view.refresh(town.clock())
        await asyncio.sleep(LOOKS_EVERY_S)


async def _with_decision(town: Town, seen: Seen) -> Seen:
    if seen.decision_id is None:
        return seen
    found = await town.http.get(f"/v1/decisions/{seen.decision_id}")
    return replace(seen, decision=found.json()) if found.is_success else seen
