"""Jobs as processes: `thalamus <command>` with the gateway's own settings, watched until they end."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections import OrderedDict, deque
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final, cast

from admin.desk.jobs import JobBusyError, JobState
from config.ids import new_id
from proxy.cli.bars import PROGRESS_LINE, PROGRESS_LINES

if TYPE_CHECKING:
    from asyncio.subprocess import Process
    from collections.abc import Callable, Sequence

    from admin.desk.jobs import JobStatus
    from config.types import Json
    from proxy.house import House

MAX_JOBS: Final = 50
MAX_LINES: Final = 60
MAX_LINE_BYTES: Final = 1_000_000
"""A longer line is a result that is too large to show; the job fails."""
KILL_S: Final = 5.0
"""Seconds between asking a job to end and ending it."""


@dataclass(slots=True, kw_only=True)
class _Job:
    id: str
    kind: str
    subject: str
    by: str
    started: datetime
    process: Process
    status: JobStatus = "running"
    ended: datetime | None = None
    step: str = ""
    done: int = 0
    total: int = 0
    lines: deque[str] = field(default_factory=lambda: deque(maxlen=MAX_LINES))
    result: Json | None = None

    def told(self) -> JobState:
        return JobState(
            id=self.id,
            kind=self.kind,
            subject=self.subject,
            by=self.by,
            started=self.started,
            status=self.status,
            ended=self.ended,
            step=self.step,
            done=self.done,
            total=self.total,
            lines=tuple(self.lines),
            result=self.result,
        )


class HouseJobs:
    """A `JobsDesk`. Close it with `aclose`, which ends what runs."""

    def __init__(
        self,
        house: House,
        *,
        program: Sequence[str] = (sys.executable, "-m", "proxy.cli"),
        max_jobs: int = MAX_JOBS,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._max_jobs = max_jobs
        self._house = house
        self._program = tuple(program)
        self._clock = clock
        self._jobs: OrderedDict[str, _Job] = OrderedDict()
        self._watchers: set[asyncio.Task[None]] = set()

    async def start(self, kind: str, subject: str, command: Sequence[str], *, by: str) -> str:
        """Run a command and return the job's id."""
        for job in self._jobs.values():
            if job.kind == kind and job.status == "running":
                raise JobBusyError(job.id)
        file = self._house.config_file
        process = await asyncio.create_subprocess_exec(
            *self._program,
            *command,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            limit=MAX_LINE_BYTES,
            env={**os.environ, PROGRESS_LINES: "1", **({"THALAMUS_CONFIG": str(file)} if file is not None else {})},
        )
        job = _Job(id=new_id(), kind=kind, subject=subject, by=by, started=self._clock(), process=process)
        self._jobs[job.id] = job
        for old in [each.id for each in self._jobs.values() if each.status != "running"]:
            if len(self._jobs) > self._max_jobs:
                del self._jobs[old]
        watcher = asyncio.create_task(self._watch(job), name=f"job-{kind}")
        self._watchers.add(watcher)
        watcher.add_done_callback(self._watchers.discard)
        return job.id

    def all(self) -> tuple[JobState, ...]:
        """Return all jobs, the newest first."""
        return tuple(job.told() for job in reversed(self._jobs.values()))

    def find(self, job: str) -> JobState | None:
        """Return how a job stands."""
        found = self._jobs.get(job)
        return found.told() if found is not None else None

    async def cancel(self, job: str) -> bool:
        """End a job that runs, first by asking it."""
        found = self._jobs.get(job)
        if found is None or found.status != "running":
            return False
        found.status = "cancelled"
        with suppress(ProcessLookupError):
            found.process.terminate()
        try:
            async with asyncio.timeout(KILL_S):
                await found.process.wait()
        except TimeoutError:
            found.process.kill()
        return True

    async def aclose(self) -> None:
        """End every job that runs, and wait until they are gone."""
        await asyncio.gather(*(self.cancel(each) for each in tuple(self._jobs)))
        await asyncio.gather(*self._watchers)

    async def _watch(self, job: _Job) -> None:
        process = job.process
        assert process.stdout is not None and process.stderr is not None, "both are pipes"  # noqa: S101, PT018
        try:
            await asyncio.gather(_read(process.stdout, job, _result_in), _read(process.stderr, job, _progress_in))
        except ValueError:  # a line beyond the limit
            job.lines.append(f"a line of more than {MAX_LINE_BYTES:,} bytes")
            process.kill()
        code = await process.wait()
        job.ended = self._clock()
        if job.status == "running":
            job.status = "done" if code == 0 else "failed"


async def _read(stream: asyncio.StreamReader, job: _Job, take: Callable[[str, _Job], bool]) -> None:
    while raw := await stream.readline():
        line = raw.decode("utf-8", "replace").rstrip()
        if line and not take(line, job):
            job.lines.append(line)


def _result_in(line: str, job: _Job) -> bool:
    """Take a line that is a JSON object; return whether it is."""
    if not line.startswith("{"):
        return False
    try:
        found: object = json.loads(line)
    except ValueError:
        return False
    job.result = cast("Json", found)
    return True


def _progress_in(line: str, job: _Job) -> bool:
    """Take a line that says how far the work is; return whether it does."""
    if not line.startswith(PROGRESS_LINE):
        return False
    done, _, rest = line.removeprefix(PROGRESS_LINE).partition(" ")
    total, _, step = rest.partition(" ")
    job.done, job.total, job.step = int(done), int(total), step
    return True
