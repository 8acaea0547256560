"""Rows 29, 30, 32 and 33: requests go on while the books, the disk or the clock are not well."""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx
import pytest

from router.providers.scripted import Reply, Script, ScriptedUpstream, UsageSpec, scripted_upstream
from router.providers.scripted.actions import Hang
from tests.e2e.gateway import Gateway, model, running_gateway
from tests.faults.answering import TEXT, half
from tests.faults.dialects import WORDS
from tests.faults.seen import Seen, attempt_words, book_words, client_words, hold, read_answer
from tests.faults.server import FaultServer

MODES = [True, False]
SCRIPT = Script((Reply(text=TEXT, usage=UsageSpec(input=9, output=2)),))
SOUND = '\n[[provider]]\nname = "sound"\nneeds_key = false\n'
IDLE_S = 0.5


@pytest.fixture
async def upstream() -> AsyncGenerator[ScriptedUpstream, None]:
    """One sound upstream."""
    async with scripted_upstream(SCRIPT) as running:
        yield running


def books(folder: Path) -> str:
    """Return the settings of a database in this folder."""
    return f'[storage]\nurl = "sqlite:///{folder}/books.sqlite"\n'


async def health_of(gateway: Gateway) -> str:
    """Return how the database says it is."""
    return (await gateway.http.get("/health")).json()["components"]["database"]["status"]


async def until(condition: Callable[[], bool]) -> None:
    """Wait for what has no event."""
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110  # what is awaited has no event
            await asyncio.sleep(0.01)


@pytest.mark.parametrize("stream", MODES, ids=["streamed", "plain"])
async def test_row_30_a_locked_database(tmp_path: Path, upstream: ScriptedUpstream, stream: bool) -> None:
    """Another writer holds the database: the answer comes, `/health` says it, and the record is written later."""
    async with running_gateway(
        tmp_path, books(tmp_path), SOUND, model("m", upstream.url + "/v1", provider="sound")
    ) as gateway:
        with closing(sqlite3.connect(tmp_path / "books.sqlite", isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            answer = await gateway.chat(stream=stream)
            await until(lambda: gateway.house.writer.state()["status"] == "degraded")
            during = await health_of(gateway)
            other.execute("ROLLBACK")
        written = await gateway.house.writer.flush(10)
        booked = await gateway.decision(answer)
        after = await health_of(gateway)

    assert ("degraded", True, "ok", 0) == (during, written, after, gateway.house.writer.state()["dropped"])
    _hold(30, ("another writer holds it", "被另一个写入者占用"), stream, answer, booked)


@pytest.mark.parametrize("stream", MODES, ids=["streamed", "plain"])
async def test_row_29_a_full_disk(tmp_path: Path, upstream: ScriptedUpstream, stream: bool) -> None:
    """The database may not grow: answers come, `/health` says it, and every record is written once there is room."""
    async with running_gateway(
        tmp_path, books(tmp_path), SOUND, model("m", upstream.url + "/v1", provider="sound")
    ) as gateway:
        database = gateway.house.database
        await database.transact(lambda each: each.exec_driver_sql("PRAGMA max_page_count=1"))  # the least: what it has
        answers = [await gateway.chat(stream=stream)]
        while gateway.house.writer.state()["status"] == "ok":
            answers.append(await gateway.chat(stream=stream))
            await gateway.house.writer.flush(0.05)
            assert len(answers) < 500
        during = await health_of(gateway)
        await database.transact(lambda each: each.exec_driver_sql("PRAGMA max_page_count=1000000"))
        written = await gateway.house.writer.flush(10)
        after = await health_of(gateway)
        booked = [await gateway.decision(answer) for answer in answers]

    assert ("degraded", True, "ok") == (during, written, after)
    assert {("completed", 200)} == {(each["status"], each["http_status"]) for each in booked}
    _hold(29, ("the file may not grow", "文件无法增长"), stream, answers[-1], booked[-1])


AWAY: dict[str, tuple[str, str]] = {
    "folder": ("a folder in its place", "原处成了文件夹"),
    "garbage": ("a file in its place that is no database", "原处的文件不是数据库"),
}


@pytest.mark.parametrize("how", AWAY)
async def test_row_32_a_database_that_is_away(tmp_path: Path, upstream: ScriptedUpstream, how: str) -> None:
    """A key that is known serves; one that is not known gets 503, since 401 would be a guess; nothing is lost."""
    toml = books(tmp_path), SOUND, model("m", upstream.url + "/v1", provider="sound")
    async with running_gateway(tmp_path, *toml) as gateway:
        known, _ = await gateway.house.keys.create("laptop")
        assert 200 == (await _with_key(gateway, known)).status_code
        assert await gateway.house.writer.flush(10)
        aside = _replaced(tmp_path / "books.sqlite", how)
        served = await _with_key(gateway, known)
        await until(lambda: gateway.house.writer.state()["status"] == "degraded")
        unknown = await _with_key(gateway, "sk-thal-" + "x" * 43)
        again = await _with_key(gateway, known)
        _put_back(tmp_path / "books.sqlite", aside)
        written = await gateway.house.writer.flush(10)
        booked, later = [await _booked(gateway, known, each) for each in (served, again)]

    assert (200, 503, 200, True) == (served.status_code, unknown.status_code, again.status_code, written)
    assert booked["status"] == later["status"]
    words = client_words(read_answer(served), "its text"), attempt_words(booked["attempts"])
    case = AWAY[how]
    hold(f"32-known-{how}", Seen(32, _case(case, "a known key"), *words, (*book_words(booked), "written later")))
    refused = client_words(read_answer(unknown), "")
    hold(f"32-unknown-{how}", Seen(32, _case(case, "an unknown key"), refused, (), ("nothing admitted",)))


async def test_row_32_a_database_that_was_deleted(tmp_path: Path, upstream: ScriptedUpstream) -> None:
    """A new file begins: what was answered meanwhile is written there, and who sends no key does not come in."""
    toml = books(tmp_path), SOUND, model("m", upstream.url + "/v1", provider="sound")
    async with running_gateway(tmp_path, *toml) as gateway:
        known, _ = await gateway.house.keys.create("laptop", scopes=("admin", "chat"))
        assert 200 == (await _with_key(gateway, known)).status_code
        assert await gateway.house.writer.flush(10)
        for each in tmp_path.glob("books.*"):  # noqa: ASYNC240  # three files
            each.unlink()
        served = await _with_key(gateway, known)
        written = await gateway.house.writer.flush(10)
        booked = await _booked(gateway, known, served)
        none = await gateway.chat()
    async with running_gateway(tmp_path, *toml) as gateway:
        next_start = await gateway.chat()

    assert (200, True) == (served.status_code, written)
    case = ("deleted", "被删除")
    words = client_words(read_answer(served), "its text"), attempt_words(booked["attempts"])
    hold("32-known-deleted", Seen(32, _case(case, "a known key"), *words, (*book_words(booked), "written anew")))
    refused = client_words(read_answer(none), "")
    hold("32-none-deleted", Seen(32, _case(case, "no key"), refused, (), ("nothing admitted",)))
    refused = client_words(read_answer(next_start), "")
    hold("32-none-restarted", Seen(32, _case(case, "no key, after a restart"), refused, (), ("nothing admitted",)))


_KEYS = {
    "a known key": "已知密钥",
    "an unknown key": "未知密钥",
    "no key": "无密钥",
    "no key, after a restart": "重启后无密钥",
}


def _case(database: tuple[str, str], key: str) -> tuple[str, str]:
    return f"{database[0]}, {key}", f"{database[1]}，{_KEYS[key]}"


def _replaced(path: Path, how: str) -> dict[Path, Path]:
    """Put something else where the database is; return where each of its files went."""
    aside = {each: each.rename(each.with_name(f"aside-{each.name}")) for each in sorted(path.parent.glob("books.*"))}
    if how == "folder":
        path.mkdir()
    else:
        path.write_bytes(b"This is no database. " * 1_000)
    return aside


def _put_back(path: Path, aside: dict[Path, Path]) -> None:
    if path.is_dir():
        path.rmdir()
    for each in path.parent.glob("books.*"):
        each.unlink()
    for place, kept in aside.items():
        kept.rename(place)


async def _booked(gateway: Gateway, key: str, answer: httpx.Response) -> dict[str, Any]:
    path = f"/v1/decisions/{answer.headers['x-thalamus-decision-id']}"
    found = await gateway.http.get(path, headers={"authorization": f"Bearer {key}"})
    assert 200 == found.status_code, found.text
    return found.json()


@pytest.mark.parametrize("jump_s", [86_400.0, -86_400.0], ids=["forward", "back"])
async def test_row_33_a_clock_that_jumps(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, jump_s: float) -> None:
    """The wall clock jumps by a day while an upstream is silent: the silence is measured as if nothing had happened."""
    script = half(Hang())(WORDS["openai"], "streamed")
    deadline = f"  timeouts = {{ idle_s = {IDLE_S} }}\n"
    real = time.time
    async with FaultServer(script) as silent:
        faulty = '\n[[provider]]\nname = "faulty"\nneeds_key = false\n'
        toml = model("m", silent.url + "/v1", provider="faulty") + deadline
        async with running_gateway(tmp_path, faulty, toml) as gateway:
            began = time.monotonic()
            asking = asyncio.create_task(gateway.chat(stream=True))
            await until(lambda: bool(silent.requests))
            monkeypatch.setattr(time, "time", lambda: real() + jump_s)
            answer = await asking
            took_s = time.monotonic() - began
            monkeypatch.undo()
            booked = await gateway.decision(answer)

    (attempt,) = booked["attempts"]  # type: ignore[misc]
    assert IDLE_S <= took_s < IDLE_S + 5
    assert IDLE_S * 1000 <= attempt["duration_ms"] < 5_500
    heard = read_answer(answer)
    assert ("upstream_timeout", "failed_upstream") == (heard.error, booked["status"])
    name = ("a day ahead", "提前一天") if jump_s > 0 else ("a day back", "倒退一天")
    hold(
        f"33-{'forward' if jump_s > 0 else 'back'}",
        Seen(
            33, name, client_words(heard, "its text"), attempt_words(booked["attempts"]), book_words(booked), "streamed"
        ),  # type: ignore[arg-type]
    )


async def _with_key(gateway: Gateway, key: str) -> httpx.Response:
    body = {"model": "m", "messages": [{"role": "user", "content": "hi"}]}
    return await gateway.http.post("/v1/chat/completions", json=body, headers={"authorization": f"Bearer {key}"})


def _hold(row: int, case: tuple[str, str], stream: bool, answer: httpx.Response, booked: dict[str, Any]) -> None:
    heard = read_answer(answer)
    mode = "streamed" if stream else "plain"

    assert (200, TEXT, "stop") == (heard.status, heard.text, heard.finish)
    assert "completed" == booked["status"]
    hold(
        f"{row}-{mode}",
        Seen(
            row,
            case,
            client_words(heard, "its text"),
            attempt_words(booked["attempts"]),
            (*book_words(booked), "written later"),
            mode,
        ),
    )
