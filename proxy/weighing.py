"""Reckons beside a request what plain search by vectors would have sent; only `/route`, which shows it, waits."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

    from config.types import Passage
    from proxy.exchange import Exchange
    from retrieval.equal_coverage import DenseTopK
    from retrieval.scoped import DenseOf

MOST_WAITING: Final = 16
"""Requests that may wait for the thread; who comes then is not weighed."""
SHOWN_S: Final = 0.5
"""Seconds that `/route` waits at most."""

Weighing = asyncio.Future["DenseTopK | None"]


class Weigher:
    """The thread, and how many wait for it."""

    def __init__(self) -> None:
        self._executor = ThreadPoolExecutor(1, thread_name_prefix="weigh")
        self._n_waiting = 0

    def begin(self, dense: DenseOf | None, passages: Sequence[Passage]) -> Weighing | None:
        """Begin to reckon in the thread; `None` where there are no vectors, or too many wait. Needs a running loop."""
        if dense is None or self._n_waiting >= MOST_WAITING:
            return None
        self._n_waiting += 1
        weighing = asyncio.get_running_loop().run_in_executor(self._executor, dense, tuple(passages))
        weighing.add_done_callback(self._ended)
        return weighing

    def _ended(self, _weighing: Weighing) -> None:
        self._n_waiting -= 1


async def settled(exchange: Exchange) -> None:
    """Wait a moment for what the answer is to show."""
    weighing = None if exchange.savings is None else exchange.savings.weighing
    if weighing is not None and exchange.door.shows_passages:
        await asyncio.wait({weighing}, timeout=SHOWN_S)


def outcome(weighing: Weighing | None) -> DenseTopK | None:
    """Return what was reckoned; `None` where it is not there, or could not be."""
    if weighing is None or not weighing.done() or weighing.cancelled() or weighing.exception() is not None:
        return None
    return weighing.result()
