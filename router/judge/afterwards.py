"""Questions to the judge that no request waits for: asked one at a time, once their requests are answered."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

MOST_WAITING: Final = 16
"""Questions that may wait for their turn; who comes then is not asked about."""


class Afterwards:
    """A line of questions and the one task that asks them. Use it on one loop; close it in the end."""

    def __init__(self, *, most: int = MOST_WAITING) -> None:
        self._most = most
        self._line: deque[Callable[[], Awaitable[None]]] = deque()
        self._task: asyncio.Task[None] | None = None

    def __len__(self) -> int:
        """Return how many wait for their turn."""
        return len(self._line)

    def offer(self, ask: Callable[[], Awaitable[None]]) -> bool:
        """Have a question asked later, and return whether there was room for it. `ask` must not raise."""
        if len(self._line) >= self._most:
            return False
        self._line.append(ask)
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._ask_all(), name="judge-afterwards")
        return True

    async def aclose(self) -> None:
        """Ask nothing more."""
        self._line.clear()
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _ask_all(self) -> None:
        while self._line:
            await self._line.popleft()()
