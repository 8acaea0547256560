"""How the gateway itself is: loop lag, process, database size; gathered beside the requests, told at once."""

from __future__ import annotations

import asyncio
import os
import time
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from config.database_size import database_size_bytes
from config.errors import StorageError
from config.types import Json
from proxy.loop_lag import LoopLag
from proxy.process import ProcessFigures, read_process

if TYPE_CHECKING:
    from collections.abc import Callable

    from config.database import Database

SIZE_INTERVAL_S = 30.0
"""Seconds between two looks at the size of the database."""
FIRST_SIZE_S = 0.5
"""Seconds between two looks while there is nothing to see: a new database is made in the first moments."""
PROCESS_AGE_S = 1.0
"""A reading of the process counts this long: `/health` is public, and a flood of it must not cost a look each."""


@dataclass(slots=True)
class Vitals:
    """Figures beside the requests, gathered by background work that the lifespan supervises."""

    lag: LoopLag = field(default_factory=LoopLag)
    database_size_bytes: int | None = None
    """As last measured; `None` before, and for a database in memory."""
    clock: Callable[[], float] = time.monotonic
    _read: tuple[float, ProcessFigures] | None = None

    async def watch_database(self, database: Database) -> None:
        """Measure the size of the database until cancelled; while it is away the last size stands."""
        while True:
            await self.measure(database)
            await asyncio.sleep(SIZE_INTERVAL_S if self.database_size_bytes else FIRST_SIZE_S)

    async def measure(self, database: Database) -> None:
        """Look at the size of the database once."""
        with suppress(StorageError):  # the state of the books says so already
            self.database_size_bytes = await database_size_bytes(database)

    async def process(self) -> ProcessFigures:
        """Return what the process takes, at most a second old; read off the loop."""
        now = self.clock()
        if self._read is None or now - self._read[0] >= PROCESS_AGE_S:
            self._read = (now, await asyncio.to_thread(read_process))
        return self._read[1]

    def process_state(self, figures: ProcessFigures) -> Json:
        """Return the process for `/health`. Call it on the loop."""
        return {
            "status": "ok",
            "cpu_s": round(figures.cpu_s, 3),
            "rss_bytes": figures.rss_bytes,
            "loop_lag_ms": self.lag.state(),
            "open_fds": figures.open_fds,
            "open_sockets": figures.open_sockets,
            "max_fds": figures.max_fds,
            "n_tasks": len(asyncio.all_tasks()),
            "n_threads": figures.n_threads,
            "n_cpus": os.cpu_count(),
        }
