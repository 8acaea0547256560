"""A client that leaves closes the upstream, in every phase of a request; raw sockets, because SDKs hide this."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

from router.providers.scripted import Reply, Script, ScriptedUpstream, scripted_upstream
from tests.e2e.gateway import Gateway, asked, model, running_gateway, user

DIALECTS = [("vllm", "/v1"), ("anthropic", ""), ("ollama", "")]


async def ask_and_leave(gateway: Gateway, upstream: ScriptedUpstream, *, stream: bool, wait_for: bytes | None) -> None:
    """Send a request, wait until the upstream has it (or until `wait_for` was read), and close the socket."""
    host, port = gateway.url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    body = json.dumps({"model": "m", "messages": user("hi"), "stream": stream}).encode()
    head = f"POST /v1/chat/completions HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: {len(body)}"
    writer.write(head.encode() + b"\r\n\r\n" + body)
    await _until(lambda: asked(upstream))
    seen = b""
    while wait_for is not None and wait_for not in seen:
        piece = await reader.read(4096)
        assert piece, seen
        seen += piece
    writer.close()


async def _until(condition: object, limit_s: float = 5.0) -> None:
    async with asyncio.timeout(limit_s):
        while not condition():  # type: ignore[operator]  # noqa: ASYNC110  # what is awaited has no event
            await asyncio.sleep(0.005)


@pytest.mark.parametrize(("provider", "path"), DIALECTS)
@pytest.mark.parametrize(
    ("stream", "reply", "wait_for"),
    [
        (True, Reply(fault="hang"), None),
        (False, Reply(fault="hang"), None),
        (True, Reply(text="one two three", fault="hang_mid_stream", after_chunks=2), b"two"),
        (True, Reply(text="word " * 500, delay_chunk_s=0.01), b"word"),
    ],
    ids=["before-headers-streamed", "before-headers-plain", "hung-mid-stream", "mid-stream"],
)
async def test_leaving_closes_the_upstream(
    tmp_path: Path, provider: str, path: str, stream: bool, reply: Reply, wait_for: bytes | None
) -> None:
    """The upstream's connection is closed at once, and the books say that the client left."""
    async with (
        scripted_upstream(Script((reply,))) as upstream,
        running_gateway(tmp_path, model("m", upstream.url + path, provider=provider)) as gateway,
    ):
        await ask_and_leave(gateway, upstream, stream=stream, wait_for=wait_for)
        await _until(lambda: asked(upstream)[-1].disconnected_at is not None)
        await _until(lambda: not gateway.house.metrics.in_flight.value)
        async with gateway.house.database.reading() as connection:
            await gateway.house.writer.flush(5)
            rows = (await connection.exec_driver_sql("select status, endpoint from decision")).all()

    assert [("aborted_by_client")] == [row[0] for row in rows]
