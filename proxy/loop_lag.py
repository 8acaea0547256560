"""How late the event loop is: a sleeper that notes by how much it overslept. Whoever blocks the loop shows up here."""

from __future__ import annotations

import asyncio
from collections import deque
from statistics import median
from typing import TYPE_CHECKING

from proxy.tally import LAG_SECONDS, Distribution

if TYPE_CHECKING:
    from config.types import Json

INTERVAL_S = 0.25
WINDOW_S = 60.0


class LoopLag:
    """The lags of the last minute, and their distribution since the start."""

    def __init__(self, *, interval_s: float = INTERVAL_S, window_s: float = WINDOW_S) -> None:
        self._interval_s = interval_s
        self._recent: deque[float] = deque(maxlen=round(window_s / interval_s))
        self.distribution = Distribution(LAG_SECONDS)

    async def run(self) -> None:
        """Measure until cancelled."""
        loop = asyncio.get_running_loop()
        while True:
            due = loop.time() + self._interval_s
            await asyncio.sleep(self._interval_s)
            self.overslept(loop.time() - due)

    def overslept(self, seconds: float) -> None:
        """Keep one measurement; timers that are early count as on time."""
        lag_s = max(0.0, seconds)
        self._recent.append(lag_s)
        self.distribution.observe(lag_s)

    def state(self) -> Json:
        """Return median and greatest lag of the last minute in milliseconds; `null` before the first measurement."""
        if not self._recent:
            return {"p50": None, "max": None}
        return {"p50": round(median(self._recent) * 1000, 3), "max": round(max(self._recent) * 1000, 3)}
