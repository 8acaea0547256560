"""What the playground may do: ask several models the same, at once, through the same pipeline as clients."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

__all__ = ["Column", "PlaygroundDesk", "Run"]

ColumnStatus = Literal["waiting", "answering", "done", "failed"]


@dataclass(slots=True)
class Column:
    """One model's answer, growing."""

    asked: str
    """The name that was asked for, such as `auto`."""
    status: ColumnStatus = "waiting"
    served: str | None = None
    decision_id: str | None = None
    text: str = ""
    reason: str | None = None
    """Why it failed."""
    ttft_ms: float | None = None
    duration_ms: float | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None


@dataclass(slots=True, kw_only=True)
class Run:
    """One prompt, and who was asked."""

    id: str
    prompt: str
    started: datetime
    by: str
    columns: tuple[Column, ...]
    version: int = field(default=0)
    """Grows with every change of a column."""

    @property
    def is_over(self) -> bool:
        """Whether every column has ended."""
        return all(each.status in {"done", "failed"} for each in self.columns)


class PlaygroundDesk(Protocol):
    """Runs of this process; few are kept."""

    def models(self) -> tuple[str, ...]:
        """Return what can be asked."""
        ...

    async def start(self, prompt: str, models: Sequence[str], *, by: str) -> Run:
        """Ask each model, and return at once. Raises `BusyError` while too many runs go on."""
        ...

    def find(self, run: str) -> Run | None:
        """Return a run, `None` for one that is not known any more."""
        ...

    async def changed(self, run: Run, seen: int, *, wait_s: float) -> int:
        """Return the run's version once it is another than `seen`, or after `wait_s` seconds."""
        ...


class BusyError(Exception):
    """Too many runs go on at once."""
