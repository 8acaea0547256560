"""What the gateway does for its books by itself: old rows are pruned, and records that are lost are told of."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import structlog

from config import maintenance

if TYPE_CHECKING:
    from collections.abc import Callable

    from config.database import Database
    from config.settings import StorageSettings
    from config.writer import GroupWriter

PRUNE_INTERVAL_S: Final = 3600.0
FIRST_PRUNE_S: Final = 60.0
"""Seconds from the start to the first prune, so that it does not compete with what waits in the journal."""
PRUNE_BATCH: Final = 100
"""Rows a transaction: the writer waits behind it for some milliseconds."""
LOOK_S: Final = 1.0
TELL_S: Final = 60.0
"""Seconds between two warnings while records go on being lost."""

log = structlog.stdlib.get_logger("thalamus.proxy.upkeep")


@dataclass(slots=True)
class LossWatch:
    """Tells of records that neither the database nor the journal could take: its begin, once a minute, its end."""

    _n_seen: int = 0
    _n_told: int = 0
    _n_before: int = 0
    _told_at: float | None = None

    def look(self, n_dropped: int, now: float, *, is_well: bool) -> None:
        """Take the count since the start, seconds of a monotonic clock, and whether the books are well again."""
        if n_dropped > self._n_seen:
            if self._told_at is None:
                self._n_before = self._n_seen
            self._n_seen = n_dropped
        is_new = self._n_seen > self._n_told
        if is_new and (self._told_at is None or now - self._told_at >= TELL_S):
            log.warning("records_dropped", n_dropped=self._n_seen - self._n_before, reason="the journal is full")
            self._n_told, self._told_at = self._n_seen, now
        elif is_well and self._told_at is not None:
            log.info("records_kept_again", n_dropped=self._n_seen - self._n_before)
            self._n_told, self._told_at = self._n_seen, None


async def watch_losses(writer: GroupWriter) -> None:
    """Look at the books every second until cancelled."""
    watch = LossWatch()
    loop = asyncio.get_running_loop()
    while True:
        state = writer.state()
        watch.look(int(str(state["dropped"])), loop.time(), is_well=state["status"] == "ok")
        await asyncio.sleep(LOOK_S)


async def prune_by_itself(
    database: Database,
    storage: Callable[[], StorageSettings],
    *,
    first_s: float = FIRST_PRUNE_S,
    interval_s: float = PRUNE_INTERVAL_S,
) -> None:
    """Prune every `interval_s` seconds until cancelled, by the settings of that moment. Raises `StorageError`."""
    await asyncio.sleep(first_s)
    while True:
        wanted = storage()
        pruned = await maintenance.prune(
            database,
            retention_days=wanted.retention_days,
            body_retention_days=wanted.body_retention_days,
            batch=PRUNE_BATCH,
        )
        if any(pruned.rows.values()):
            log.info("pruned", **{f"n_{name}": count for name, count in pruned.rows.items()})
        await asyncio.sleep(interval_s)
