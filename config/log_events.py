"""Log events on their way to the table `log_event`: heard in any thread, kept few, handed over beside the requests."""

from __future__ import annotations

import asyncio
from collections import deque
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from config.books import TableBook
from config.ids import is_id, new_id
from config.tables import log_event

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from config.types import Json
    from config.writer import GroupWriter

__all__ = ["EVENTS", "EventTap"]

EVENTS: Final = TableBook(log_event)
MAX_WAITING: Final = 1_000
"""Events that wait in memory; beyond it the oldest are lost, and counted."""
MAX_A_LOOK: Final = 100
LOOK_S: Final = 1.0
MAX_CHARS: Final = 4_000
"""Of one value; a stack trace of an error is mostly shorter."""
NOT_KEPT: Final = frozenset({"request"})
"""One a request: all of it, and more, stands in the table of decisions."""
HEAD: Final = frozenset({"event", "level", "logger", "timestamp", "decision_id"})


class EventTap:
    """Hears every event that is logged. What it keeps is as it was logged: without secrets, by `proxy/cli/logs.py`."""

    def __init__(self, *, clock: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._clock = clock
        self._waiting: deque[Json] = deque(maxlen=MAX_WAITING)
        self.n_lost = 0
        """Events that were not kept, since the start."""

    def hear(self, event: Mapping[str, Any]) -> None:
        """Take an event; cheap, and from any thread."""
        if event.get("event") in NOT_KEPT and event.get("level") == "info":
            return
        if len(self._waiting) == MAX_WAITING:
            self.n_lost += 1
        decision_id = event.get("decision_id")
        self._waiting.append(
            {
                "id": new_id(),
                "ts": self._clock(),
                "level": str(event.get("level", "info")).upper()[:16],
                "logger": str(event.get("logger", ""))[:200],
                "event": str(event.get("event", ""))[:MAX_CHARS],
                "decision_id": decision_id if isinstance(decision_id, str) and is_id(decision_id) else None,
                "fields": {name: _shortened(value) for name, value in event.items() if name not in HEAD},
            }
        )

    def hand_over(self, writer: GroupWriter) -> int:
        """Give what waits to the writer, at most so many at once, and return how many; call it on the loop.

        While the books are not well they wait here: the records of requests come first.
        """
        if writer.state()["status"] != "ok":
            return 0
        n = min(len(self._waiting), MAX_A_LOOK)
        for _ in range(n):
            writer.submit(EVENTS, self._waiting.popleft())
        return n

    async def run(self, writer: GroupWriter) -> None:
        """Hand over every second until cancelled, and once more then."""
        try:
            while True:
                self.hand_over(writer)
                await asyncio.sleep(LOOK_S)
        finally:
            self.hand_over(writer)


def _shortened(value: object) -> object:
    if isinstance(value, (bool, int, float, type(None))):
        return value
    if isinstance(value, str):
        return value if len(value) <= MAX_CHARS else value[:MAX_CHARS] + " […]"
    text = str(value)
    return value if len(text) <= MAX_CHARS else text[:MAX_CHARS] + " […]"
