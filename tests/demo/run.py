"""`make demo`: a bad day of four scripted upstreams, lived through by one gateway and seen by its clients.

Ends with 1 where a request failed that somebody healthy could have answered, or where one that nobody could answer was
not told who had been asked.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
import time
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING
from urllib.parse import quote

import httpx
import openai

from tests.demo.day import WHOLE_DAY_S, phases
from tests.demo.ledger import Ledger
from tests.demo.report import write_report
from tests.demo.street import DEPLOYMENTS, Street, serving
from tests.demo.traffic import Seen, drive
from tests.demo.view import open_view, show_end

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.demo.view import View

LOOKS_EVERY_S = 0.2


async def live(options: argparse.Namespace) -> Ledger:
    """Live through the day and return what happened."""
    ledger = Ledger(phases(options.seconds))
    retry_after_s = max(1, round(5 * options.seconds / WHOLE_DAY_S))
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="thalamus-demo-")))
        street = Street(retry_after_s=retry_after_s)
        stack.push_async_callback(street.close)
        await street.open()
        url = await stack.enter_async_context(serving(folder, street.urls))
        http = await stack.enter_async_context(httpx.AsyncClient(base_url=url, timeout=30))
        client = await stack.enter_async_context(
            openai.AsyncOpenAI(base_url=f"{url}/v1", api_key="any", max_retries=0, timeout=60)
        )
        view = stack.enter_context(open_view(ledger, options.seconds))
        began = time.perf_counter()

        def clock() -> float:
            return time.perf_counter() - began

        def told(seen: Seen) -> None:
            ledger.seen.append(seen)
            view.seen(seen)

        rng = Random(options.seed)
        async with asyncio.TaskGroup() as group:
            watching = group.create_task(_watch(ledger, http, clock, view))
            changing = group.create_task(_change(ledger, street, http, clock, view))
            await drive(client, clock=clock, until=options.seconds, rate=options.rate, rng=rng, told=told)
            await changing
            watching.cancel()
        ledger.seen[:] = [await _with_decision(http, each) for each in sorted(ledger.seen, key=lambda each: each.began)]
    return ledger


async def _change(
    ledger: Ledger, street: Street, http: httpx.AsyncClient, clock: Callable[[], float], view: View
) -> None:
    """Bring each phase about when its time has come."""
    for phase in ledger.phases:
        await asyncio.sleep(max(0.0, phase.at_s - clock()))
        await street.enter(phase)
        at = clock()
        ledger.enter(at)
        view.entered(at, phase)
        if phase.repaired is not None:
            name = quote(DEPLOYMENTS[phase.repaired], safe="")
            (await http.post(f"/api/health/{name}/reset", json={})).raise_for_status()


async def _watch(ledger: Ledger, http: httpx.AsyncClient, clock: Callable[[], float], view: View) -> None:
    """Look at the breakers again and again."""
    names = {deployment: upstream for upstream, deployment in DEPLOYMENTS.items()}
    while True:
        found = (await http.get("/health")).json()["components"]["deployments"]
        for deployment, state in found.items():
            move = ledger.watch(clock(), names[deployment], state)
            if move is not None:
                view.moved(move)
        view.refresh(clock())
        await asyncio.sleep(LOOKS_EVERY_S)


async def _with_decision(http: httpx.AsyncClient, seen: Seen) -> Seen:
    if seen.decision_id is None:
        return seen
    found = await http.get(f"/v1/decisions/{seen.decision_id}")
    return replace(seen, decision=found.json()) if found.is_success else seen


def main() -> int:
    """Read the options, live through the day, show the end, and judge it."""
    parser = argparse.ArgumentParser(prog="make demo", description=__doc__)
    parser.add_argument("--seconds", type=float, default=WHOLE_DAY_S, help="length of the day (default: 90)")
    parser.add_argument("--rate", type=float, default=6.0, help="questions a second (default: 6)")
    parser.add_argument("--seed", type=int, default=1, help="for what is asked when (default: 1)")
    parser.add_argument("--record", type=Path, help="write the run as Markdown into this file")
    options = parser.parse_args()
    ledger = asyncio.run(live(options))
    show_end(ledger)
    if options.record is not None:
        write_report(options.record, ledger, options)
    return 1 if ledger.failed() or ledger.untold() else 0


if __name__ == "__main__":
    sys.exit(main())
