"""The demo as a whole, made short."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.slow
async def test_a_short_bad_day_fails_nobody(tmp_path: Path) -> None:
    """Real gateway, real sockets, the official client: ends with 0, a table, and a page."""
    page = tmp_path / "new" / "day.md"
    command = ["-m", "tests.demo.run", "--seconds", "20", "--record", str(page)]
    run = await asyncio.create_subprocess_exec(
        sys.executable, *command, cwd=ROOT, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    said, _ = await asyncio.wait_for(run.communicate(), 120)

    assert 0 == run.returncode, said.decode()[-4_000:]
    assert "none failed that somebody" in said.decode()
    assert "## One failover, explained" in page.read_text(encoding="utf-8")
