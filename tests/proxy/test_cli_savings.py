"""`thalamus savings`, on a fresh book and on one with requests."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from config.database import open_database
from config.types import Decision
from proxy.cli import main
from tests.router.test_savings_report import booked, dense, saved

NOW = datetime.now(UTC) - timedelta(hours=1)


def fill(folder: Path, *, n: int, reached: bool = True) -> None:
    """Book requests with passages, and as many conversations held out."""

    async def write() -> None:
        against = {**saved()["against"], "dense_at_equal_coverage": dense(reached=reached)}
        database = open_database(f"sqlite:///{folder / '.thalamus' / 'thalamus.sqlite'}")
        await database.upgrade()
        for at in range(n):
            await booked(database, {**saved(arm="passages", unit=f"p{at}"), "against": against}, tokens=800, ts=NOW)
            await booked(database, saved(arm="holdout", unit=f"h{at}"), tokens=300 + at % 9, ts=NOW)
        await database.aclose()

    asyncio.run(write())


@pytest.mark.parametrize("n", [0, 110])
def test_the_command_says_how_much_is_known(
    tmp_path: Path, n: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """In words and as JSON, with n; a share only from a hundred requests on."""
    monkeypatch.delenv("THALAMUS_CONFIG", raising=False)
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".thalamus").mkdir()
    if n:
        fill(tmp_path, n=n)
    assert 0 == main(["savings"])
    words = capsys.readouterr().out
    assert 0 == main(["savings", "--days", "7", "--json"])
    report = json.loads(capsys.readouterr().out)

    assert f"{n} requests were answered with passages in 30 days" in words
    assert n == report["requests"]["n"]
    assert (("not enough data yet: 0 of 100" in words), ("83.3 %" in words)) == (n == 0, n > 0)
    assert "do not reach that coverage" not in words
    assert ("which holds however often you look" in words) == (n > 0)


def test_what_the_judge_cost_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its price, and apart from that how many of its answers have none."""
    monkeypatch.delenv("THALAMUS_CONFIG", raising=False)
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".thalamus").mkdir()

    async def write() -> None:
        database = open_database(f"sqlite:///{tmp_path / '.thalamus' / 'thalamus.sqlite'}")
        await database.upgrade()
        tokens = {"tokens": {"input": 90, "output": 10}}
        for usd in (0.002, None):
            judged = Decision("auto", ("m",), (1.0,), ("m",), (), "v", judge={**tokens, "cost_usd": usd})
            await booked(database, saved(), decision=judged, ts=NOW)
        await database.aclose()

    asyncio.run(write())
    assert 0 == main(["savings", "--language", "en"])
    words = capsys.readouterr().out

    assert "The judge cost 0.0020 USD." in words
    assert "The price of its answers to 1 requests is unknown." in words


def test_it_speaks_chinese_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    """By option or by the terminal's language, with what is not known yet said as well."""
    monkeypatch.delenv("THALAMUS_CONFIG", raising=False)
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".thalamus").mkdir()
    fill(tmp_path, n=1, reached=False)

    assert 0 == main(["savings", "--language", "zh"])
    words = capsys.readouterr().out
    assert "30 天里有 1 个请求" in words
    assert 3 == words.count("数据还不够：1 个请求，需要 100 个")
    assert "其中 1 个请求向量达不到同等覆盖" in words
    assert 4 == words.count("数据还不够：每组需要 100 个对话")
