"""What clients do wrong: a 4xx in OpenAI's shape that names the field; the server lives on."""

from __future__ import annotations

import asyncio
import gzip
import json
from collections.abc import AsyncGenerator
from pathlib import Path

import pytest

from config.types import Json
from router.providers.scripted import Reply, Script, scripted_upstream
from tests.e2e.gateway import Gateway, model, running_gateway, user

GOOD = {"model": "m", "messages": user("hi")}


@pytest.fixture
async def gateway(tmp_path: Path) -> AsyncGenerator[Gateway, None]:
    """A gateway with one sound upstream."""
    async with (
        scripted_upstream(Script((Reply(text="ok"),))) as upstream,
        running_gateway(tmp_path, model("m", upstream.url + "/v1")) as running,
    ):
        yield running


@pytest.mark.parametrize(
    ("body", "status", "param"),
    [
        (b"", 400, None),
        (b"{", 400, None),
        (b"[]", 400, None),
        (b'"text"', 400, None),
        (b'{"model":"m","messages":[{"role":"user","content":"\xff"}]}', 400, None),
        (b'{"model":"m\\u0000","messages":[{"role":"user","content":"hi"}]}', 400, "model"),
        (b'{"model":"m","messages":[{"role":"user","content":"a\\u0000b"}]}', 400, "messages[0].content"),
        (b'{"model":"m","messages":[{"role":"user","content":"a\x00b"}]}', 400, None),
        (b"\x00" * 10, 400, None),
        (b'{"a":' * 10_000 + b"1" + b"}" * 10_000, 400, None),
        (b"[" * 10_000, 400, None),
        (json.dumps({"messages": user("hi")}).encode(), 400, "model"),
        (json.dumps({"model": 3, "messages": user("hi")}).encode(), 400, "model"),
        (json.dumps({"model": "m"}).encode(), 400, "messages"),
        (json.dumps({"model": "m", "messages": []}).encode(), 400, "messages"),
        (json.dumps({"model": "m", "messages": "hi"}).encode(), 400, "messages"),
        (json.dumps({"model": "m", "messages": [3]}).encode(), 400, "messages[0]"),
        (json.dumps({"model": "m", "messages": [{"content": "x"}]}).encode(), 400, "messages[0].role"),
        (json.dumps(GOOD | {"stream": "yes"}).encode(), 400, "stream"),
        (json.dumps(GOOD | {"temperature": "hot"}).encode(), 400, "temperature"),
        (json.dumps(GOOD | {"n": 0}).encode(), 400, "n"),
        (json.dumps(GOOD | {"tools": {}}).encode(), 400, "tools"),
        (json.dumps(GOOD | {"max_tokens": -1}).encode(), 400, "max_tokens"),
        (json.dumps(GOOD | {"model": "nobody"}).encode(), 404, "model"),
        (json.dumps(GOOD | {"routing_rules": [{"pattern": 1}]}).encode(), 400, "routing_rules[0].pattern"),
        (b"x" * 10_000_001, 413, None),
    ],
)
async def test_a_bad_body_is_named(gateway: Gateway, body: bytes, status: int | None, param: str | None) -> None:
    """The error names the field, has all four keys, and the next request is answered."""
    response = await gateway.http.post(
        "/v1/chat/completions", content=body, headers={"content-type": "application/json"}
    )

    assert 400 <= response.status_code < 500
    assert status in {None, response.status_code}
    error = response.json()["error"]
    assert {"message", "type", "param", "code"} <= set(error)
    assert param in {None, error["param"]}
    assert "Traceback" not in response.text
    assert "x-thalamus-decision-id" in response.headers
    assert 200 == (await gateway.chat()).status_code


async def test_a_gzip_bomb_is_refused(gateway: Gateway) -> None:
    """A small body that unpacks to much is refused at the limit, not in memory."""
    bomb = gzip.compress(b" " * 200_000_000)
    assert len(bomb) < 1_000_000
    response = await gateway.http.post("/v1/chat/completions", content=bomb, headers={"content-encoding": "gzip"})

    assert 413 == response.status_code


async def test_a_gzip_body_is_read_and_an_unknown_encoding_refused(gateway: Gateway) -> None:
    """What clients may send compressed."""
    packed = gzip.compress(json.dumps(GOOD).encode())
    good = await gateway.http.post("/v1/chat/completions", content=packed, headers={"content-encoding": "gzip"})
    odd = await gateway.http.post("/v1/chat/completions", content=packed, headers={"content-encoding": "snappy"})
    broken = await gateway.http.post("/v1/chat/completions", content=packed[:20], headers={"content-encoding": "gzip"})

    assert [200, 415, 400] == [good.status_code, odd.status_code, broken.status_code]


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/v1/chat/completions", 405),
        ("DELETE", "/v1/models", 405),
        ("GET", "/nothing/here", 404),
        ("GET", "/v1/decisions/not-an-id", 404),
        ("GET", "/v1/models/a%2Fb", 404),
        ("POST", "/v1/feedback", 415),
    ],
)
async def test_wrong_paths_and_methods_answer_in_openais_shape(
    gateway: Gateway, method: str, path: str, status: int
) -> None:
    """Every JSON path has the same four keys and the same headers."""
    response = await gateway.http.request(method, path)

    assert status == response.status_code, response.text
    assert {"message", "type", "param", "code"} <= set(response.json()["error"])
    assert {"x-thalamus-decision-id", "x-thalamus-attempts", "server-timing"} <= set(response.headers)


async def test_a_wrong_router_header_is_refused(gateway: Gateway) -> None:
    """A typo in the kill switch must not be taken for `on`."""
    response = await gateway.http.post("/v1/chat/completions", json=GOOD, headers={"x-thalamus-router": "of"})

    assert 400 == response.status_code
    assert "x-thalamus-router" == response.json()["error"]["param"]


@pytest.mark.parametrize(
    "raw",
    [
        b"GARBAGE\r\n\r\n",
        b"POST /v1/chat/completions HTTP/1.1\r\nhost: localhost\r\ncontent-length: abc\r\n\r\n",
        b"POST /v1/chat/completions HTTP/1.1\r\nhost: localhost\r\ntransfer-encoding: banana\r\n\r\n",
        b"POST /v1/chat/completions HTTP/1.1\r\nhost: localhost\r\ncontent-length: 5\r\n\r\nab",
    ],
)
async def test_raw_garbage_does_not_hurt_the_server(gateway: Gateway, raw: bytes) -> None:
    """Broken HTTP is refused or dropped, and the next request is answered."""
    host, port = gateway.url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(raw)
    writer.write_eof()
    await reader.read()
    writer.close()

    assert 200 == (await gateway.chat()).status_code


@pytest.mark.parametrize(
    ("path", "body", "param"),
    [
        (
            "/v1/chat/completions",
            GOOD | {"messages": user([{"type": "text", "text": "a\0"}])},
            "messages[0].content[0].text",
        ),
        ("/v1/chat/completions", GOOD | {"stop": ["ok", "\0"]}, "stop[1]"),
        ("/v1/chat/completions", GOOD | {"metadata": {"a\0b": "c"}}, "metadata.?"),
        ("/api/chat", {"message": "a\0b"}, "message"),
        ("/api/claude", GOOD | {"max_tokens": 5, "system": "\0"}, "system"),
        ("/api/claude/count_tokens", GOOD | {"system": "\0"}, "system"),
        ("/v1/embeddings", {"model": "m", "input": ["fine", "a\0b"]}, "input[1]"),
    ],
)
async def test_a_nul_character_is_refused_with_its_path(gateway: Gateway, path: str, body: Json, param: str) -> None:
    """At every door, before anything is sent: not every upstream and database can hold one."""
    response = await gateway.http.post(path, json=body)

    assert (400, param, "invalid_value") == (
        response.status_code,
        *map(response.json()["error"].get, ("param", "code")),
    )


async def test_a_backslash_before_u0000_is_text(gateway: Gateway) -> None:
    """Source code about NUL characters holds none."""
    response = await gateway.chat(model="m", messages=user("print('\\u0000')"))

    assert 200 == response.status_code
