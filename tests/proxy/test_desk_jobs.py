"""Jobs that pages begin: processes that are watched, told of, and ended."""

from __future__ import annotations

import asyncio
import sys
from typing import TYPE_CHECKING, cast

import pytest

from admin.desk.jobs import JobBusyError
from proxy.cli.bars import Bars
from proxy.desk.jobs import HouseJobs

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator
    from pathlib import Path

    from admin.desk.jobs import JobState
    from proxy.house import House


class Rooms:
    """As much of a house as jobs look at."""

    config_file: Path | None = None


@pytest.fixture
async def jobs() -> AsyncGenerator[HouseJobs]:
    """Jobs that run Python text instead of the gateway's commands."""
    made = HouseJobs(cast("House", Rooms()), program=(sys.executable, "-c"))
    yield made
    await made.aclose()


async def ended(jobs: HouseJobs, job: str) -> JobState:
    """Return the job once it is over."""
    async with asyncio.timeout(20):
        while (state := jobs.find(job)) is None or state.ended is None:  # noqa: ASYNC110  # pages poll as well
            await asyncio.sleep(0.01)  # the job's own end is what is waited for
    return state


async def test_tells_result_steps_and_words(jobs: HouseJobs) -> None:
    """The last JSON line is the result, progress lines are the step, and the rest is kept as it was said."""
    text = (
        "import sys; print('#progress 3 7 train', file=sys.stderr); print('careful', file=sys.stderr); "
        'print(\'{"n": 1}\'); print(\'{"n": 2}\'); print("{no json")'
    )
    state = await ended(jobs, await jobs.start("forge", "intent", [text], by="dashboard:admin"))

    assert ("done", {"n": 2}) == (state.status, state.result)
    assert (3, 7, "train") == (state.done, state.total, state.step)
    assert {"careful", "{no json"} == set(state.lines)


async def test_failed_when_the_command_fails(jobs: HouseJobs) -> None:
    """An exit code other than 0 is a failure, with what was said."""
    state = await ended(jobs, await jobs.start("forge", "x", ["raise SystemExit('no such blueprint')"], by="a"))

    assert ("failed", ("no such blueprint",)) == (state.status, state.lines)


async def test_one_of_a_kind_at_a_time(jobs: HouseJobs) -> None:
    """A second job of the same kind is refused and names the first; another kind may run."""
    first = await jobs.start("forge", "x", ["import time; time.sleep(60)"], by="a")
    with pytest.raises(JobBusyError) as refused:
        await jobs.start("forge", "y", ["pass"], by="a")
    other = await jobs.start("evaluate", "y", ["pass"], by="a")

    assert first == refused.value.job
    assert "done" == (await ended(jobs, other)).status


async def test_cancelled_job_ends(jobs: HouseJobs) -> None:
    """A cancelled job's process ends; cancelling it again, or an unknown one, changes nothing."""
    job = await jobs.start("forge", "x", ["import time; time.sleep(60)"], by="a")

    assert (True, False, False) == (await jobs.cancel(job), await jobs.cancel(job), await jobs.cancel("nobody"))
    assert "cancelled" == (await ended(jobs, job)).status


async def test_endless_line_fails_the_job(jobs: HouseJobs) -> None:
    """A line without an end cannot fill the memory."""
    state = await ended(jobs, await jobs.start("forge", "x", ["print('{' * 3_000_000)"], by="a"))

    assert "failed" == state.status


async def test_oldest_jobs_are_forgotten() -> None:
    """Finished jobs are bounded in number, and the newest come first."""
    jobs = HouseJobs(cast("House", Rooms()), program=(sys.executable, "-c"), max_jobs=2)
    ids: list[str] = []
    for n in range(4):
        ids.append(await jobs.start(f"kind-{n}", "x", ["pass"], by="a"))
        await ended(jobs, ids[-1])

    assert [ids[3], ids[2]] == [each.id for each in jobs.all()]
    assert jobs.find(ids[0]) is None


def test_bars_tell_lines_where_asked(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Under the variable, each step's beginning and end are lines on stderr."""
    monkeypatch.setenv("THALAMUS_PROGRESS_LINES", "1")
    with Bars() as bars:
        bars.begin("refine rows", 2)
        bars.advance()
        bars.advance()

    assert ["#progress 0 2 refine rows", "#progress 2 2 refine rows"] == capsys.readouterr().err.splitlines()
