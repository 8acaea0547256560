"""Gathers what is asked within a few milliseconds into one forward pass, off the event loop and bounded.

One thread runs the model. Who waits too long is dropped before it costs anything, and who comes while the queue is full
is turned away at once: the caller abstains in both cases.
"""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from config.errors import ThalamusError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from concurrent.futures import Executor

    from classifier.qwen.decision import Floats

_PACE = 0.2
"""Weight of the newest pass in the usual duration."""
_PROBE_EACH = 16


@dataclass(frozen=True, slots=True)
class BatchLimits:
    """How much is gathered and how much may wait."""

    window_s: float = 0.003
    """How long the first of a batch waits for company; 0 waits for none."""
    max_batch: int = 16
    max_waiting: int = 64
    """Texts that wait for their turn; one more is turned away."""


@dataclass(slots=True)
class _Waiting:
    text: str
    until: float
    answer: asyncio.Future[Floats]


class MicroBatcher:
    """Runs `score`, which blocks and takes several texts at once, in an executor of one thread.

    `score` returns one row a text. Times are those of the event loop.
    """

    def __init__(
        self, score: Callable[[Sequence[str]], Floats], executor: Executor, *, limits: BatchLimits | None = None
    ) -> None:
        self._score = score
        self._executor = executor
        self._limits = limits or BatchLimits()
        self._queue: list[_Waiting] = []
        self._wake = asyncio.Event()
        self._full = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._closing = False
        self._usual_s = 0.0
        self._late = 0

    @property
    def usual_s(self) -> float:
        """How long a pass took lately, in seconds; 0 before the first."""
        return self._usual_s

    def start(self) -> None:
        """Begin to answer; needs a running event loop."""
        self._task = asyncio.get_running_loop().create_task(self._run(), name="intent-batches")

    async def aclose(self) -> None:
        """Take nothing more, answer who waits already, and end."""
        self._closing = True
        self._wake.set()
        self._full.set()
        if self._task is not None:
            await self._task

    async def ask(self, text: str, *, deadline_s: float) -> Floats | None:
        """Return the scores of one text, (labels,); `None` where the time was too short or too many waited.

        Where a pass lately took longer than the deadline, most callers are turned away at once instead of at their
        deadline; every sixteenth is let in, so that a machine that has become faster is noticed.
        """
        if self._closing or len(self._queue) >= self._limits.max_waiting or self._would_be_late(deadline_s):
            return None
        loop = asyncio.get_running_loop()
        waiting = _Waiting(text, loop.time() + deadline_s, loop.create_future())
        self._queue.append(waiting)
        self._wake.set()
        if len(self._queue) >= self._limits.max_batch:
            self._full.set()
        try:
            async with asyncio.timeout(deadline_s):
                return await waiting.answer
        except TimeoutError:
            return None

    def _would_be_late(self, deadline_s: float) -> bool:
        if self._usual_s <= deadline_s:
            return False
        self._late += 1
        return self._late % _PROBE_EACH != 0

    async def _run(self) -> None:
        while self._queue or not self._closing:
            await self._wake.wait()
            await self._gather()
            batch = self._take()
            if batch:
                await self._answer(batch)

    async def _gather(self) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._limits.window_s):
                await self._full.wait()

    def _take(self) -> list[_Waiting]:
        """Return the next batch, without those who have gone or whose time is over."""
        now = asyncio.get_running_loop().time()
        alive = [each for each in self._queue if not each.answer.done() and each.until > now]
        batch, self._queue = alive[: self._limits.max_batch], alive[self._limits.max_batch :]
        if self._closing:
            return batch
        if not self._queue:
            self._wake.clear()
        if len(self._queue) < self._limits.max_batch:
            self._full.clear()
        return batch

    async def _answer(self, batch: Sequence[_Waiting]) -> None:
        texts = [each.text for each in batch]
        loop = asyncio.get_running_loop()
        began = loop.time()
        try:
            rows = await loop.run_in_executor(self._executor, self._score, texts)
            answers = list(zip(batch, rows, strict=True))  # a model that loses a text has failed them all
        except (ThalamusError, RuntimeError, ValueError, MemoryError) as error:  # PyTorch raises RuntimeErrors
            for each in batch:
                if not each.answer.done():
                    each.answer.set_exception(error)
            return
        took = loop.time() - began
        self._usual_s += (took - self._usual_s) * (_PACE if self._usual_s else 1.0)
        for each, row in answers:
            if not each.answer.done():
                each.answer.set_result(cast("Floats", row))
