"""Long work that pages begin: training, evaluating. It runs beside the gateway, in a process of its own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from config.types import Json

__all__ = ["JobBusyError", "JobState", "JobStatus", "JobsDesk", "newest", "of_kind"]

JobStatus = Literal["running", "done", "failed", "cancelled"]
REASON_LINES: Final = 8
"""Of the last things a job said before it failed."""


class JobBusyError(Exception):
    """A job of this kind runs already; its id is `job`."""

    def __init__(self, job: str) -> None:
        super().__init__(job)
        self.job = job


@dataclass(frozen=True, slots=True, kw_only=True)
class JobState:
    """How a job stands."""

    id: str
    kind: str
    """What is done, such as `forge`."""
    subject: str
    """To what, such as a blueprint's name."""
    status: JobStatus
    started: datetime
    ended: datetime | None
    by: str
    step: str
    """The step that it is at; empty before the first."""
    done: int
    total: int
    """Parts of the step, 0 where they are not counted."""
    lines: tuple[str, ...]
    """The last things it said."""
    result: Json | None
    """The last JSON object it printed, where it printed any."""

    @property
    def reason(self) -> str:
        """Why it failed, in its own last words; empty where it did not."""
        return "\n".join(self.lines[-REASON_LINES:]) if self.status == "failed" else ""


class JobsDesk(Protocol):
    """Jobs of this process; they end with it, and the oldest finished ones are forgotten."""

    async def start(self, kind: str, subject: str, command: Sequence[str], *, by: str) -> str:
        """Run `thalamus <command>` and return the job's id. Raises `JobBusyError` while one of its kind runs."""
        ...

    def all(self) -> tuple[JobState, ...]:
        """Return all jobs, the newest first."""
        ...

    def find(self, job: str) -> JobState | None:
        """Return how a job stands, `None` for one that is not known."""
        ...

    async def cancel(self, job: str) -> bool:
        """End a job that runs; return whether it did."""
        ...


def of_kind(jobs: JobsDesk | None, kind: str) -> tuple[JobState, ...]:
    """Return the jobs of a kind, the newest first; none where the gateway has no jobs."""
    return tuple(job for job in jobs.all() if job.kind == kind) if jobs is not None else ()


def newest(jobs: JobsDesk | None, kind: str) -> JobState | None:
    """Return the newest job of a kind, `None` where there is none."""
    return next(iter(of_kind(jobs, kind)), None)
