"""The logs page's view of the house."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, cast

import structlog

from admin.desk.logs import Level, LogState

if TYPE_CHECKING:
    from proxy.house import House

log = structlog.stdlib.get_logger("thalamus.proxy.desk.logs")


class HouseLogs:
    """A `LogsDesk` over the running house; the level stands in `logging`, for our events and those of libraries."""

    def __init__(self, house: House) -> None:
        self._house = house

    def state(self) -> LogState:
        """Return how the process logs now."""
        tap, settings = self._house.tap, self._house.settings
        return LogState(
            level=cast("Level", logging.getLevelName(logging.getLogger().getEffectiveLevel())),
            configured=settings.logging.level,
            is_kept=tap is not None,
            n_lost=tap.n_lost if tap is not None else 0,
            retention_days=settings.storage.retention_days,
        )

    def set_level(self, level: Level) -> None:
        """Log from this level on, until a restart."""
        logging.getLogger().setLevel(level)
        log.warning("log_level_changed", level=level)
