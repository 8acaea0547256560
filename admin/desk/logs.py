"""What the logs page may see and do beside the table of events."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol

__all__ = ["Level", "LogState", "LogsDesk"]

Level = Literal["DEBUG", "INFO", "WARNING", "ERROR"]


@dataclass(frozen=True, slots=True)
class LogState:
    """How the process logs now."""

    level: Level
    """Least severe event that is logged now."""
    configured: Level
    """What the settings say, which a restart brings back."""
    is_kept: bool
    """Whether events are kept for the page; not where another program set up the process's logging."""
    n_lost: int
    """Events since the start that were not kept, because too many came or the database was away."""
    retention_days: int
    """Days after which events are deleted; 0 keeps them for ever."""


class LogsDesk(Protocol):
    """The log of the running process."""

    def state(self) -> LogState:
        """Return how it logs now."""
        ...

    def set_level(self, level: Level) -> None:
        """Log from this level on, until a restart."""
        ...
