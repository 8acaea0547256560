"""Reads turns with the models that no request waits for, in a thread of their own, while an upstream thinks.

Two of them a choice may want to hear before: those are quick, and read a short turn where the request is.
"""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from classifier.cascade import is_long
from classifier.readings import COMPLEXITY, DOMAIN, read_all, read_aside

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from classifier.readings import Reader, Reading

HEAD_START_S: Final = 0.005
"""Seconds that a request has the interpreter for itself, to reach its upstream, before its turn is read beside it."""
HEARD_FIRST: Final = (DOMAIN, COMPLEXITY)
"""Models that a choice waits a moment for: they are quick, and the tagger of entities is not."""
MOST_WAITING: Final = 16
"""Turns that may wait for the thread; who comes then is not read."""


@dataclass(slots=True)
class Turn:
    """One turn, who is to read it, and how far that is."""

    text: str
    early: Mapping[str, Reader]
    late: Mapping[str, Reader]
    began: bool = False
    """Whether the thread was given it."""
    given_up: bool = False

    def goes_on(self) -> bool:
        """Return whether somebody still wants to hear of it; asked by the thread before each model."""
        return not self.given_up


class SideReader:
    """The thread, and how many wait for it."""

    def __init__(self) -> None:
        self._executor = ThreadPoolExecutor(1, thread_name_prefix="beside")
        self._n_waiting = 0

    def begin(self, readers: Mapping[str, Reader], text: str) -> SideReading:
        """Return the reading of a turn, which begins by itself after the head start. Needs a running event loop."""
        early = {name: readers[name] for name in HEARD_FIRST if name in readers}
        late = {name: reader for name, reader in readers.items() if name not in early}
        loop, turn = asyncio.get_running_loop(), Turn(text, early, late)
        go, first = asyncio.Event(), loop.create_future()
        task = loop.create_task(self._read(turn, tuple(readers), go, first), name="read-beside")
        return SideReading(task, go, first, turn)

    def close(self) -> None:
        """Read nothing more."""
        self._executor.shutdown(wait=False, cancel_futures=True)

    async def _read(
        self, turn: Turn, names: Sequence[str], go: asyncio.Event, first: asyncio.Future[dict[str, Reading]]
    ) -> dict[str, Reading]:
        with suppress(TimeoutError):
            async with asyncio.timeout(HEAD_START_S):
                await go.wait()
        if self._n_waiting >= MOST_WAITING:
            return first.result() if first.done() else {}
        self._n_waiting += 1
        try:
            if not first.done():
                turn.began = True
                first.set_result(await self._in_thread(turn.early, turn) if turn.early else {})
            found = first.result() | await self._in_thread(turn.late, turn)
            return {name: found[name] for name in names if name in found}
        finally:
            self._n_waiting -= 1

    def _in_thread(self, readers: Mapping[str, Reader], turn: Turn) -> asyncio.Future[dict[str, Reading]]:
        loop = asyncio.get_running_loop()
        return loop.run_in_executor(self._executor, read_aside, readers, turn.text, turn.goes_on)


class SideReading:
    """What the other models will say of one turn."""

    def __init__(
        self,
        task: asyncio.Task[dict[str, Reading]],
        go: asyncio.Event,
        first: asyncio.Future[dict[str, Reading]],
        turn: Turn,
    ) -> None:
        self._task, self._go, self._first, self._turn = task, go, first, turn

    async def finish(self, *, within_s: float) -> None:
        """Begin at once where that has not happened, and wait for the end so many seconds at most."""
        self._go.set()
        await asyncio.wait({self._task}, timeout=within_s)

    async def hear(self, *, within_s: float) -> dict[str, Reading]:
        """Return what the quick models say, nothing where it takes longer; the others read later, in the thread.

        A short turn is read here and now, on the event loop: to hand it to a thread and back takes longer than that.
        """
        turn, first = self._turn, self._first
        if not (turn.began or first.done() or self._task.done() or is_long(turn.text)):
            first.set_result(read_all(turn.early, turn.text))
        if not first.done():
            self._go.set()
            await asyncio.wait({first, self._task}, timeout=within_s, return_when=asyncio.FIRST_COMPLETED)
        return self._heard()

    def take(self) -> dict[str, Reading]:
        """Return what was said, of a reading that is not over what the quick models said; the rest is given up."""
        self._turn.given_up = True
        if self._task.done() and not self._task.cancelled() and self._task.exception() is None:
            return self._task.result()
        self._task.cancel()
        return self._heard()

    def _heard(self) -> dict[str, Reading]:
        return self._first.result() if self._first.done() and not self._first.cancelled() else {}
