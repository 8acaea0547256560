"""Who waits for first content where, and where a wait lasts so long that somebody seems to have fallen silent."""

from __future__ import annotations

from dataclasses import dataclass, field
from math import inf
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Container, Iterator

    from router.attempt import Attempt

SILENT_S: Final = 2.0
"""Least time without a word, while somebody waits, that counts as silence: what comes in it is a fifth of ten seconds'
requests, which is what may be tried again."""
TIMES_TYPICAL: Final = 3.0
"""Where the first content typically takes longer, silence is as many times as long."""
NEWEST_SHARE: Final = 0.2
"""Say of the newest answer in what is typical."""


@dataclass(slots=True)
class _Line:
    """Those who wait at one deployment, by identity, oldest first; times by the attempts' clock."""

    waiting: dict[int, Attempt] = field(default_factory=dict[int, "Attempt"])
    heard: float = -inf
    typical_s: float = 0.0

    def silent(self, now: float) -> bool:
        oldest = next(iter(self.waiting.values()), None)
        return oldest is not None and now - max(oldest.started, self.heard) >= max(
            SILENT_S, TIMES_TYPICAL * self.typical_s
        )


class Waiting:
    """Attempts that have begun and have neither answered nor ended."""

    def __init__(self) -> None:
        self._lines: dict[str, _Line] = {}

    def begins(self, attempt: Attempt) -> None:
        """Count one in."""
        self._lines.setdefault(_place(attempt), _Line()).waiting[id(attempt)] = attempt

    def answers(self, attempt: Attempt, now: float) -> None:
        """Count one out that got its first content; it is a sign of life. A second time changes nothing."""
        line = self._lines.get(_place(attempt))
        if line is None or line.waiting.pop(id(attempt), None) is None:
            return
        line.heard = now
        newest = NEWEST_SHARE if line.typical_s else 1.0
        line.typical_s += newest * (now - attempt.started - line.typical_s)

    def ends(self, attempt: Attempt) -> None:
        """Count one out that got nothing."""
        line = self._lines.get(_place(attempt))
        if line is not None:
            line.waiting.pop(id(attempt), None)

    def silent(self, deployment: str, now: float) -> bool:
        """Return whether somebody waits there, and nobody has heard anything for long."""
        line = self._lines.get(deployment)
        return line is not None and line.silent(now)

    def counts(self) -> Iterator[tuple[str, int]]:
        """Yield the deployments at which somebody waits, and how many do."""
        return ((name, len(line.waiting)) for name, line in self._lines.items() if line.waiting)

    def keep(self, deployments: Container[str]) -> None:
        """Forget the others, unless somebody waits there."""
        for name in [name for name, line in self._lines.items() if name not in deployments and not line.waiting]:
            del self._lines[name]


def _place(attempt: Attempt) -> str:
    return attempt.candidate.target.deployment
