"""The demo as a whole, made short."""

from __future__ import annotations

import asyncio
import re
import signal
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.slow
async def test_a_short_bad_day_is_told_in_full(tmp_path: Path) -> None:
    """Real gateway, real sockets, the official client: a table, a page, and an exit code that agrees with them.

    That nobody fails is for the recorded run and `tests/e2e/test_sudden_outage.py`: here other tests take the machine's
    time from a day that is squeezed into seconds.
    """
    page = tmp_path / "new" / "day.md"
    command = ["-m", "tests.demo.run", "--seconds", "20", "--record", str(page), "--calm", "0", "--no-stay"]
    run = await asyncio.create_subprocess_exec(
        sys.executable, *command, cwd=ROOT, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    said, _ = await asyncio.wait_for(run.communicate(), 120)

    told = said.decode()
    found = re.search(r"(\d+) of (\d+) requests failed although somebody could", told)
    assert (0 if found is None else 1) == run.returncode, told[-4_000:]
    assert ("none failed that somebody" in told) == (found is None)
    assert found is None or int(found[1]) < 0.25 * int(found[2]), told[-4_000:]
    assert "## One failover, explained" in page.read_text(encoding="utf-8")


@pytest.mark.slow
@pytest.mark.timeout(240)
async def test_it_stays_until_ctrl_c_and_tells_where_the_dashboard_is() -> None:
    """After the day peaceful traffic goes on; Ctrl-C ends it without a complaint, and the day is judged all the same."""
    command = ["-m", "tests.demo.run", "--seconds", "2", "--calm", "1", "--stay", "--learning", "off"]
    run = await asyncio.create_subprocess_exec(
        sys.executable, *command, cwd=ROOT, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    assert run.stdout is not None
    told = ""
    async with asyncio.timeout(200):
        while told.count("== peaceful traffic") < 2:
            line = await run.stdout.readline()
            assert line, told[-4_000:]
            told += line.decode()
        run.send_signal(signal.SIGINT)
        told += (await run.stdout.read()).decode()
        await run.wait()

    assert {0, 1} >= {run.returncode}, told[-4_000:]
    assert "Traceback" not in told
    assert 3 == len(
        re.findall(r"^Dashboard: http://127\.0\.0\.1:\d+/dashboard  name: admin  password: \S+$", told, re.MULTILINE)
    )
    assert 3 == len(
        re.findall(r"^控制台：http://127\.0\.0\.1:\d+/dashboard  用户名：admin  密码：\S+$", told, re.MULTILINE)
    )
