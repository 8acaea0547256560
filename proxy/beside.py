"""Reads turns with the models that no request waits for, in a thread of their own, while an upstream thinks."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from classifier.readings import read_all

if TYPE_CHECKING:
    from collections.abc import Mapping

    from classifier.readings import Reader, Reading

HEAD_START_S: Final = 0.005
"""Seconds that a request has the interpreter for itself, to reach its upstream, before its turn is read beside it."""
MOST_WAITING: Final = 16
"""Turns that may wait for the thread; who comes then is not read."""


class SideReader:
    """The thread, and how many wait for it."""

    def __init__(self) -> None:
        self._executor = ThreadPoolExecutor(1, thread_name_prefix="beside")
        self._n_waiting = 0

    def begin(self, readers: Mapping[str, Reader], text: str) -> SideReading:
        """Return the reading of a turn, which begins by itself after the head start. Needs a running event loop."""
        go = asyncio.Event()
        task = asyncio.get_running_loop().create_task(self._read(readers, text, go), name="read-beside")
        return SideReading(task, go)

    def close(self) -> None:
        """Read nothing more."""
        self._executor.shutdown(wait=False, cancel_futures=True)

    async def _read(self, readers: Mapping[str, Reader], text: str, go: asyncio.Event) -> dict[str, Reading]:
        with suppress(TimeoutError):
            async with asyncio.timeout(HEAD_START_S):
                await go.wait()
        if self._n_waiting >= MOST_WAITING:
            return {}
        self._n_waiting += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._executor, read_all, readers, text)
        finally:
            self._n_waiting -= 1


class SideReading:
    """What the other models will say of one turn."""

    def __init__(self, task: asyncio.Task[dict[str, Reading]], go: asyncio.Event) -> None:
        self._task, self._go = task, go

    async def finish(self, *, within_s: float) -> None:
        """Begin at once where that has not happened, and wait for the end so many seconds at most."""
        self._go.set()
        await asyncio.wait({self._task}, timeout=within_s)

    @property
    def done(self) -> bool:
        """Whether taking now gives nothing up."""
        return self._task.done()

    def take(self) -> dict[str, Reading]:
        """Return what was said, nothing where it is not there; what is not there yet is given up."""
        if not self._task.done() or self._task.cancelled() or self._task.exception() is not None:
            self._task.cancel()
            return {}
        return self._task.result()
