"""Every response says how long it took: answers, streams, refusals of every layer, and what we ask of ourselves."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncGenerator
from pathlib import Path

import pytest

from router.providers.scripted import Reply, Script, scripted_upstream
from tests.e2e.gateway import Gateway, model, running_gateway, user

TIMING = re.compile(r"(?:[a-z]+;dur=\d+\.\d\d, )*total;dur=\d+\.\d\d")
CHAT = "/v1/chat/completions"
ASK = {"model": "m", "messages": user("hi")}


@pytest.fixture
async def gateway(tmp_path: Path) -> AsyncGenerator[Gateway]:
    """A gateway with one model that answers and one that never does."""
    async with (
        scripted_upstream(Script((Reply(text="hello"),))) as upstream,
        scripted_upstream(Script((Reply(status=500),))) as broken,
        running_gateway(tmp_path, model("m", upstream.url + "/v1"), model("bad", broken.url + "/v1")) as running,
    ):
        yield running


@pytest.mark.parametrize(
    ("status", "method", "path", "ask"),
    [
        (200, "POST", CHAT, {"json": ASK}),
        (200, "POST", CHAT, {"json": ASK | {"stream": True}}),
        (200, "POST", "/api/claude", {"json": ASK | {"max_tokens": 9}}),
        (502, "POST", CHAT, {"json": ASK | {"model": "bad"}}),
        (404, "POST", CHAT, {"json": ASK | {"model": "nobody"}}),
        (400, "POST", CHAT, {"content": b"{", "headers": {"content-type": "application/json"}}),
        (413, "POST", CHAT, {"content": b" " * 10_000_001}),
        (405, "GET", CHAT, {}),
        (200, "GET", "/health", {}),
        (200, "GET", "/metrics", {}),
        (200, "GET", "/v1/models", {}),
        (404, "GET", "/nothing", {}),
        (405, "DELETE", "/health", {}),
        (404, "GET", "/v1/decisions/nobody", {}),
        (421, "GET", "/health", {"headers": {"host": "evil.example"}}),
    ],
)
async def test_every_response_carries_it(
    gateway: Gateway, status: int, method: str, path: str, ask: dict[str, object]
) -> None:
    """Whichever layer answers; a relayed request tells its stages too."""
    answered = await gateway.http.request(method, path, **ask)  # pyright: ignore[reportArgumentType]

    assert status == answered.status_code, answered.text
    assert TIMING.fullmatch(answered.headers["server-timing"]), answered.headers["server-timing"]
    if path == CHAT and status in {200, 502}:
        assert {"admit", "parse", "decide", "dispatch"} <= set(
            re.findall(r"([a-z]+);", answered.headers["server-timing"])
        )


async def test_even_what_is_no_request_gets_one(gateway: Gateway) -> None:
    """Bytes that cannot be read have no duration, but the header is there."""
    host, _, port = gateway.url.removeprefix("http://").rpartition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(b"what is this\r\n\r\n")
    said = await reader.read()
    writer.close()

    assert b"400" in said.splitlines()[0]
    assert b"\r\nserver-timing: refused\r\n" in said
