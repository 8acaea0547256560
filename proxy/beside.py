"""Reads turns with the models that no request waits for, in a thread of their own, while an upstream thinks."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from classifier.readings import COMPLEXITY, DOMAIN, read_all

if TYPE_CHECKING:
    from collections.abc import Mapping

    from classifier.readings import Reader, Reading

HEAD_START_S: Final = 0.005
"""Seconds that a request has the interpreter for itself, to reach its upstream, before its turn is read beside it."""
HEARD_FIRST: Final = (DOMAIN, COMPLEXITY)
"""Models that a choice waits a moment for: they are quick, and the tagger of entities is not."""
MOST_WAITING: Final = 16
"""Turns that may wait for the thread; who comes then is not read."""


class SideReader:
    """The thread, and how many wait for it."""

    def __init__(self) -> None:
        self._executor = ThreadPoolExecutor(1, thread_name_prefix="beside")
        self._n_waiting = 0

    def begin(self, readers: Mapping[str, Reader], text: str) -> SideReading:
        """Return the reading of a turn, which begins by itself after the head start. Needs a running event loop."""
        loop = asyncio.get_running_loop()
        go, first = asyncio.Event(), loop.create_future()
        task = loop.create_task(self._read(readers, text, go, first), name="read-beside")
        return SideReading(task, go, first)

    def close(self) -> None:
        """Read nothing more."""
        self._executor.shutdown(wait=False, cancel_futures=True)

    async def _read(
        self, readers: Mapping[str, Reader], text: str, go: asyncio.Event, first: asyncio.Future[dict[str, Reading]]
    ) -> dict[str, Reading]:
        with suppress(TimeoutError):
            async with asyncio.timeout(HEAD_START_S):
                await go.wait()
        if self._n_waiting >= MOST_WAITING:
            return {}
        self._n_waiting += 1
        early = {name: readers[name] for name in HEARD_FIRST if name in readers}
        late = {name: reader for name, reader in readers.items() if name not in early}
        loop = asyncio.get_running_loop()
        try:
            found = await loop.run_in_executor(self._executor, read_all, early, text) if early else {}
            first.set_result(found)
            found = found | await loop.run_in_executor(self._executor, read_all, late, text)
            return {name: found[name] for name in readers if name in found}
        finally:
            self._n_waiting -= 1


class SideReading:
    """What the other models will say of one turn."""

    def __init__(
        self,
        task: asyncio.Task[dict[str, Reading]],
        go: asyncio.Event,
        first: asyncio.Future[dict[str, Reading]],
    ) -> None:
        self._task, self._go, self._first = task, go, first

    async def finish(self, *, within_s: float) -> None:
        """Begin at once where that has not happened, and wait for the end so many seconds at most."""
        self._go.set()
        await asyncio.wait({self._task}, timeout=within_s)

    async def hear(self, *, within_s: float) -> dict[str, Reading]:
        """Begin at once, and return what the quick models say, nothing where it takes longer; the others go on."""
        self._go.set()
        await asyncio.wait({self._first, self._task}, timeout=within_s, return_when=asyncio.FIRST_COMPLETED)
        return self._first.result() if self._first.done() else {}

    def take(self) -> dict[str, Reading]:
        """Return what was said, nothing where it is not there; what is not there yet is given up."""
        if not self._task.done() or self._task.cancelled() or self._task.exception() is not None:
            self._task.cancel()
            return {}
        return self._task.result()
