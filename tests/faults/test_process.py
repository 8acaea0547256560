"""Rows 27 and 28: signals, against the real command in a process of its own; one stream per dialect is open."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sqlite3
import sys
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager, closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from router.providers.scripted.actions import Hang, Send
from tests.e2e.gateway import HEAD, model, user
from tests.faults.answering import TEXT, half, stream
from tests.faults.cells import Play
from tests.faults.dialects import DIALECTS, WORDS, Dialect, chunk
from tests.faults.seen import Heard, Seen, client_words, hold, read_answer
from tests.faults.server import FaultServer, Script
from tests.faults.street import PROVIDERS

COMMAND = (sys.executable, "-P", "-m", "proxy.cli", "serve", "--port", "0", "--json")
GROUP_COMMIT_S = 0.02
pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="there are no such signals")


@dataclass(frozen=True, slots=True)
class Served:
    """The running command."""

    process: asyncio.subprocess.Process
    http: httpx.AsyncClient


def settings(servers: dict[Dialect, FaultServer], *, drain_s: float) -> str:
    """Return a settings file with one model per dialect, named for it."""
    env = "needs_key = false\n[[provider]]"
    providers = PROVIDERS.replace("[[provider]]", env).removeprefix("\nneeds_key = false\n") + "needs_key = false\n"
    models = (
        model(dialect, server.url + WORDS[dialect].path, provider=f"faulty-{dialect}")
        for dialect, server in servers.items()
    )
    return HEAD.replace("port = 0", f"port = 0\ndrain_s = {drain_s}") + providers + "".join(models)


@asynccontextmanager
async def serving(folder: Path) -> AsyncGenerator[Served, None]:
    """Run the command in this folder until the block ends."""
    env = {name: value for name, value in os.environ.items() if not name.startswith(("THALAMUS_", "COV_"))}
    process = await asyncio.create_subprocess_exec(
        *COMMAND, cwd=folder, env=env, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL
    )
    try:
        assert process.stdout is not None
        async with asyncio.timeout(30):
            line = await process.stdout.readline()
        assert line, "the command ended before it served"
        said = json.loads(line)
        base_url = said["base_url"].removesuffix("/v1")
        async with httpx.AsyncClient(base_url=base_url, timeout=30, trust_env=False) as http:
            yield Served(process, http)
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


@asynccontextmanager
async def upstreams(play: Play) -> AsyncGenerator[dict[Dialect, FaultServer], None]:
    """One upstream per dialect, all with the same play."""
    async with AsyncExitStack() as stack:
        yield {
            dialect: await stack.enter_async_context(FaultServer(play(WORDS[dialect], "streamed")))
            for dialect in DIALECTS
        }


def _slowly(words: Any, mode: Any) -> Script:
    rest = chunk(words.ending()) + chunk(b"")
    return stream(words.opening(), words.text(TEXT), then=(Send(rest, len(rest) / 1.5),))(words, mode)


async def _until_all_asked(servers: dict[Dialect, FaultServer]) -> None:
    async with asyncio.timeout(10):
        while not all(any(head.startswith(b"POST") for head, _ in each.requests) for each in servers.values()):  # noqa: ASYNC110  # what is awaited has no event
            await asyncio.sleep(0.01)
    await asyncio.sleep(0.2)  # the text is on its way to the client


async def _ask(http: httpx.AsyncClient, name: str, *, streamed: bool = True) -> Heard:
    body = {"model": name, "messages": user("hi"), "stream": streamed}
    return read_answer(await http.post("/v1/chat/completions", json=body))


def _booked(folder: Path) -> dict[str, dict[str, Any]]:
    """Return what stands in the file, by the decision's id."""
    (file,) = folder.rglob("*.sqlite")
    with closing(sqlite3.connect(file)) as connection:
        connection.row_factory = sqlite3.Row
        rows = connection.execute(
            "select d.id, d.status, d.error_code, d.requested, a.usage_source, a.n, a.committed "
            "from decision d join attempt a on a.decision_id = d.id"
        ).fetchall()
    assert len({row["id"] for row in rows}) == len(rows), "an attempt is there twice"
    return {row["id"]: dict(row) for row in rows}


async def test_row_27_streams_complete_within_the_grace(tmp_path: Path) -> None:
    """After SIGTERM it is not ready, new requests get 503, the open streams complete, and the process ends well."""
    async with upstreams(_slowly) as servers:
        (tmp_path / "thalamus.toml").write_text(settings(servers, drain_s=20))
        async with serving(tmp_path) as served:
            asking = [asyncio.create_task(_ask(served.http, dialect)) for dialect in DIALECTS]
            kept = httpx.AsyncClient(base_url=served.http.base_url, trust_env=False)
            async with kept:
                assert 200 == (await kept.get("/health/ready")).status_code
                await _until_all_asked(servers)
                served.process.send_signal(signal.SIGTERM)
                try:
                    late = await _refused(kept)
                except httpx.TransportError:  # on a busy machine the idle connection is closed before the question
                    late = None
            answers = await asyncio.gather(*asking)
            async with asyncio.timeout(20):
                code = await served.process.wait()
    booked = _booked(tmp_path)

    assert 0 == code
    for dialect, heard in zip(DIALECTS, answers, strict=True):
        assert (200, TEXT, "stop", None, 1) == (heard.status, heard.text, heard.finish, heard.error, heard.n_ends)
        row = booked[heard.decision_id]
        assert ("completed", "upstream") == (row["status"], row["usage_source"])
        words = ("completed", "faulty usage upstream")
        case = ("within the grace", "宽限期内")
        hold(
            f"27-grace-{dialect}",
            Seen(27, case, client_words(heard, "its text"), ("faulty: ok",), words, "streamed", dialect),
        )
    if late is not None:
        hold("27-new", Seen(27, ("a new request", "新请求"), late, (), ("nothing admitted",)))


async def _refused(kept: httpx.AsyncClient) -> tuple[str, ...]:
    """Return what a new request gets on a connection that was open before the signal: no later than readiness ends."""
    async with asyncio.timeout(5):
        while (await kept.get("/health/ready")).status_code != 503:  # noqa: ASYNC110  # over the wire
            await asyncio.sleep(0.01)
    response = await kept.post("/v1/chat/completions", json={"model": "openai", "messages": user("hi")})
    heard = read_answer(response)
    assert (503, "shutting_down") == (heard.status, heard.error)
    return client_words(heard, "")


async def test_row_27_past_the_grace_the_error_is_said(tmp_path: Path) -> None:
    """Streams that hang get an error and an end, what was said is counted, and the process ends."""
    async with upstreams(half(Hang())) as servers:
        (tmp_path / "thalamus.toml").write_text(settings(servers, drain_s=1))
        async with serving(tmp_path) as served:
            asking = [asyncio.create_task(_ask(served.http, dialect)) for dialect in DIALECTS]
            await _until_all_asked(servers)
            served.process.send_signal(signal.SIGTERM)
            answers = await asyncio.gather(*asking)
            async with asyncio.timeout(20):
                await served.process.wait()
    booked = _booked(tmp_path)

    for dialect, heard in zip(DIALECTS, answers, strict=True):
        assert (200, TEXT, None, "shutting_down", 1) == (
            heard.status, heard.text, heard.finish, heard.error, heard.n_ends,
        )  # fmt: skip
        row = booked[heard.decision_id]
        assert ("failed_upstream", "shutting_down", "estimated") == (
            row["status"], row["error_code"], row["usage_source"],
        )  # fmt: skip
        words = ("failed_upstream", "faulty usage estimated")
        case = ("past the grace", "超过宽限期")
        hold(
            f"27-past-{dialect}",
            Seen(27, case, client_words(heard, "its text"), ("faulty: left",), words, "streamed", dialect),
        )


async def test_row_28_what_was_acknowledged_survives_a_kill(tmp_path: Path) -> None:
    """After kill -9 and a new start every answered request is in the books once, and requests are answered at once."""

    def whole(words: Any, mode: Any) -> Script:
        return stream(words.opening(), words.text(TEXT), words.ending(), ends=True)(words, mode)

    async with upstreams(whole) as servers:
        (tmp_path / "thalamus.toml").write_text(settings(servers, drain_s=1))
        answers: list[tuple[Dialect, Heard]] = []
        async with serving(tmp_path) as served:
            for dialect in DIALECTS:
                answers += [(dialect, await _ask(served.http, dialect)) for _ in range(5)]
            await asyncio.sleep(10 * GROUP_COMMIT_S)  # acknowledged is what is older than a group commit
            served.process.kill()
            await served.process.wait()
        async with serving(tmp_path) as served:
            again = await _ask(served.http, "openai")
            served.process.send_signal(signal.SIGTERM)
            await served.process.wait()
    booked = _booked(tmp_path)

    assert {heard.decision_id for _, heard in answers} | {again.decision_id} == set(booked)
    assert {"completed"} == {row["status"] for row in booked.values()}
    for dialect, heard in answers:
        case = ("answered before", "此前已答")
        words = ("completed", "faulty usage upstream", "there once after the restart")
        hold(
            f"28-{dialect}",
            Seen(28, case, client_words(heard, "its text"), ("faulty: ok",), words, "streamed", dialect),
        )
