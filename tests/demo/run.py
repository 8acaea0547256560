"""`make demo`: a bad day of four scripted upstreams, lived through by one gateway and seen by its clients.

Before the day all is well, but for one upstream that fails at times. Two thirds of the questions leave the choice to the
gateway, and most of their answers are rated as they deserve: the gateway's dashboard, whose address and password stand
on top, shows how it learns from that. On a terminal peaceful traffic goes on after the day until Ctrl-C.

Ends with 1 where a request failed that somebody healthy could have answered, or where one that nobody could answer was
not told who had been asked.
"""

from __future__ import annotations

import argparse
import asyncio
import signal
import sys
from pathlib import Path

from tests.demo.day import WHOLE_DAY_S, phases
from tests.demo.ledger import Ledger
from tests.demo.report import write_report
from tests.demo.town import Town, live_in_peace, live_through, standing, visit
from tests.demo.view import open_view, show_end

CALM = 2 / 3
"""Length of the peace before the day, in days."""
OPERATOR_AT_S = 40.0
"""Seconds of peace after which somebody uses the dashboard, at its end at the latest."""
INTERRUPTED = 130
"""Exit code of what Ctrl-C ended before it could judge."""


async def live(options: argparse.Namespace) -> Ledger:
    """Live in peace, then through the day, show its end, go on where that is wanted, and return what the day brought."""
    ledger = Ledger(phases(options.seconds))
    retry_after_s = max(1, round(5 * options.seconds / WHOLE_DAY_S))
    traffic = {"rate": options.rate, "seed": options.seed}
    calm_s = CALM * options.seconds if options.calm is None else options.calm
    async with standing(retry_after_s=retry_after_s, learning=options.learning, port=options.port) as town:
        n = await calm(town.at_zero(), seconds=calm_s, **traffic) if calm_s else 0
        with open_view(ledger, town.served, until=f"the day has {options.seconds:.0f}") as view:
            n = await live_through(town.at_zero(), ledger, view, seconds=options.seconds, first=n, **traffic)
        show_end(ledger)
        if options.record is not None:
            write_report(options.record, ledger, options)
        if options.stay:
            await stay(town.at_zero(), first=n, **traffic)
    return ledger


async def calm(town: Town, *, seconds: float, rate: float, seed: int) -> int:
    """Live in peace before the day, while somebody uses the dashboard; return the number of the next question."""
    with open_view(Ledger(()), town.served, until=f"the bad day begins at {seconds:.0f}") as view:
        async with asyncio.TaskGroup() as group:
            group.create_task(visit(town, min(OPERATOR_AT_S, seconds)))
            return await live_in_peace(town, view, seconds=seconds, rate=rate, seed=seed, first=0)


async def stay(town: Town, *, rate: float, seed: int, first: int) -> None:
    """Go on until Ctrl-C, or until the process is told to end."""
    over = asyncio.Event()
    for each in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(each, over.set)
    with open_view(Ledger(()), town.served, until="Ctrl-C ends it, 按 Ctrl-C 结束") as view:
        going = asyncio.create_task(live_in_peace(town, view, seconds=float("inf"), rate=rate, seed=seed, first=first))
        ending = asyncio.create_task(over.wait())
        await asyncio.wait({going, ending}, return_when=asyncio.FIRST_COMPLETED)
        if going.done() and not over.is_set():
            going.result()  # says what went wrong
        going.cancel()
        ending.cancel()
        await asyncio.gather(going, ending, return_exceptions=True)


def main() -> int:
    """Read the options, live through the day, show the end, and judge it."""
    parser = argparse.ArgumentParser(prog="make demo", description=__doc__)
    parser.add_argument("--seconds", type=float, default=WHOLE_DAY_S, help="length of the day (default: 90)")
    parser.add_argument("--calm", type=float, help="seconds of peace before it (default: two thirds of the day)")
    parser.add_argument("--rate", type=float, default=6.0, help="questions a second (default: 6)")
    parser.add_argument("--seed", type=int, default=1, help="for what is asked when (default: 1)")
    parser.add_argument("--record", type=Path, help="write the run as Markdown into this file")
    parser.add_argument(
        "--learning", choices=("live", "off"), default="live", help="off: nothing is learned from ratings"
    )
    parser.add_argument("--port", type=int, default=0, help="the gateway's port (default: a free one)")
    parser.add_argument(
        "--stay", action=argparse.BooleanOptionalAction, default=sys.stdout.isatty(),
        help="go on after the day until Ctrl-C (default: on a terminal)",
    )  # fmt: skip
    options = parser.parse_args()
    try:
        ledger = asyncio.run(live(options))
    except KeyboardInterrupt:
        return INTERRUPTED
    return 1 if ledger.failed() or ledger.untold() else 0


if __name__ == "__main__":
    sys.exit(main())
