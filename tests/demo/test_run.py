"""The demo as a whole, made short."""

from __future__ import annotations

import asyncio
import re
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
    command = ["-m", "tests.demo.run", "--seconds", "20", "--record", str(page)]
    run = await asyncio.create_subprocess_exec(
        sys.executable, *command, cwd=ROOT, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    said, _ = await asyncio.wait_for(run.communicate(), 120)

    told = said.decode()
    found = re.search(r"(\d+) of \d+ requests failed although somebody could", told)
    assert (0 if found is None else 1) == run.returncode, told[-4_000:]
    assert ("none failed that somebody" in told) == (found is None)
    assert found is None or int(found[1]) < 10, told[-4_000:]
    assert "## One failover, explained" in page.read_text(encoding="utf-8")
