"""SIGTERM with a hundred open streams: all complete inside the grace; past it each is told, and each is booked."""

from __future__ import annotations

import asyncio
import json
import signal
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from router.providers.scripted import Reply, Script, ScriptedUpstream, scripted_upstream
from tests.e2e.gateway import asked, model, user
from tests.survival.machine import Server, rows, serving, write_settings
from tests.survival.report import tell

N_STREAMS = 100
TEXT = "one two three four five six seven eight nine ten"


@dataclass
class Stream:
    """What one client read until the end of its connection."""

    text: str = ""
    error: str | None = None
    finish: str | None = None
    n_ends: int = 0


@pytest.mark.slow
async def test_all_streams_complete_inside_the_grace(tmp_path: Path) -> None:
    """Not ready at once, a hundred whole answers, a hundred completed rows, and a process that ends well."""
    async with scripted_upstream(Script((Reply(text=TEXT, delay_chunk_s=0.25),))) as upstream:
        write_settings(tmp_path, model("m", f"{upstream.url}/v1"), drain_s=60)
        async with serving(tmp_path) as server:
            streams = await _stopped_with_open_streams(server, upstream, see_not_ready=True)
            async with asyncio.timeout(30):
                code = await server.process.wait()
    booked = rows(tmp_path, "select status from decision")

    whole = sum((TEXT, "stop", None, 1) == (each.text, each.finish, each.error, each.n_ends) for each in streams)
    tell("sigterm-inside-the-grace", streams=N_STREAMS, completed=whole, booked=len(booked))
    assert N_STREAMS == whole
    assert ["completed"] * N_STREAMS == [row["status"] for row in booked]
    assert 0 == code


@pytest.mark.slow
async def test_past_the_grace_each_stream_gets_an_error(tmp_path: Path) -> None:
    """Streams that hang end with an error in them, never with a finish; what they had said is counted."""
    script = Script((Reply(text=TEXT, fault="hang_mid_stream", after_chunks=4),))
    async with scripted_upstream(script) as upstream:
        write_settings(tmp_path, model("m", f"{upstream.url}/v1"), drain_s=1)
        async with serving(tmp_path) as server:
            streams = await _stopped_with_open_streams(server, upstream, see_not_ready=False)
            async with asyncio.timeout(30):
                await server.process.wait()
    booked = rows(
        tmp_path,
        "select d.status, d.error_code, a.usage_source, a.output_tokens from decision d "
        "join attempt a on a.decision_id = d.id",
    )

    told = sum(("shutting_down", None, 1) == (each.error, each.finish, each.n_ends) for each in streams)
    tell("sigterm-past-the-grace", streams=N_STREAMS, told=told, booked=len(booked))
    assert N_STREAMS == told
    assert {("failed_upstream", "shutting_down", "estimated")} == {
        (row["status"], row["error_code"], row["usage_source"]) for row in booked
    }
    assert N_STREAMS == len(booked)
    assert all(row["output_tokens"] > 0 for row in booked)


async def _stopped_with_open_streams(
    server: Server, upstream: ScriptedUpstream, *, see_not_ready: bool
) -> list[Stream]:
    """Open the streams, wait until each has said something, stop the server, and read all to their end."""
    streams = [Stream() for _ in range(N_STREAMS)]
    limits = httpx.Limits(max_connections=None)
    async with httpx.AsyncClient(base_url=server.url, timeout=60, limits=limits, trust_env=False) as http:
        readers = [asyncio.create_task(_read(http, stream)) for stream in streams]
        async with asyncio.timeout(40):
            while not all(stream.text for stream in streams):  # noqa: ASYNC110  # clients of other tasks
                await asyncio.sleep(0.01)
        assert N_STREAMS == len(asked(upstream))
        async with httpx.AsyncClient(base_url=server.url, trust_env=False) as kept:
            assert httpx.codes.OK == (await kept.get("/health/ready")).status_code
            server.process.send_signal(signal.SIGTERM)
            async with asyncio.timeout(10):
                while see_not_ready and await _is_ready(kept):  # noqa: ASYNC110
                    await asyncio.sleep(0.01)
        await asyncio.gather(*readers)
    return streams


async def _is_ready(kept: httpx.AsyncClient) -> bool:
    """Ask on a connection that was open before; on a busy machine the server has closed it before the question."""
    try:
        return (await kept.get("/health/ready")).status_code == httpx.codes.OK
    except httpx.TransportError:
        return False


async def _read(http: httpx.AsyncClient, stream: Stream) -> None:
    body = {"model": "m", "messages": user("hi"), "stream": True}
    async with http.stream("POST", "/v1/chat/completions", json=body) as response:
        async for line in response.aiter_lines():
            if line == "data: [DONE]":
                stream.n_ends += 1
            elif line.startswith("data: "):
                _take(stream, line.removeprefix("data: "))


def _take(stream: Stream, data: str) -> None:
    chunk = json.loads(data)
    if "error" in chunk:
        stream.error = chunk["error"]["code"]
        return
    for choice in chunk["choices"]:
        stream.text += choice["delta"].get("content") or ""
        stream.finish = choice["finish_reason"] or stream.finish
