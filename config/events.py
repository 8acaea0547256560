"""What happens, told at once to whoever looks: live pages. Nobody looking, nothing done."""

from __future__ import annotations

import asyncio
from collections import deque
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

__all__ = ["MAX_WAITING", "Feed", "Viewer"]

T = TypeVar("T")

MAX_WAITING: Final = 200
"""Events that wait for a slow viewer; beyond them the oldest is dropped."""


class Viewer(Generic[T]):
    """Somebody who looks: a short queue that never holds up whoever tells. Used on one event loop."""

    def __init__(self, fits: Callable[[T], bool], max_waiting: int) -> None:
        self._fits = fits
        self._waiting: deque[T] = deque(maxlen=max_waiting)
        self._arrived = asyncio.Event()
        self.n_dropped = 0

    def offer(self, event: T) -> None:
        """Queue what this viewer wants to see."""
        if self._fits(event):
            self.n_dropped += len(self._waiting) == self._waiting.maxlen
            self._waiting.append(event)
            self._arrived.set()

    async def take(self, within_s: float) -> list[T]:
        """Return what came since, oldest first; nothing when that is so for `within_s` seconds."""
        try:
            async with asyncio.timeout(within_s):
                await self._arrived.wait()
        except TimeoutError:
            return []
        self._arrived.clear()
        taken = list(self._waiting)
        self._waiting.clear()
        return taken


class Feed(Generic[T]):
    """Tells every viewer of every event. With none, telling is one look at an empty set."""

    def __init__(self) -> None:
        self._viewers: set[Viewer[T]] = set()
        self._n_dropped = 0

    @property
    def n_viewers(self) -> int:
        """Return how many look now."""
        return len(self._viewers)

    @property
    def n_dropped(self) -> int:
        """Return how many events did not reach a viewer that was too slow."""
        return self._n_dropped + sum(each.n_dropped for each in self._viewers)

    def finished(self, record: T) -> None:
        """Tell of it; never waits and never raises."""
        for viewer in self._viewers:
            viewer.offer(record)

    def close(self, timeout_s: float) -> None:
        """Nothing waits to be told."""

    @contextmanager
    def viewing(self, fits: Callable[[T], bool], *, max_waiting: int = MAX_WAITING) -> Generator[Viewer[T]]:
        """Give a queue of what fits, for as long as somebody looks."""
        viewer = Viewer(fits, max_waiting)
        self._viewers.add(viewer)
        try:
            yield viewer
        finally:
            self._viewers.discard(viewer)
            self._n_dropped += viewer.n_dropped
