"""Rows 25 and 26: requests that are refused before any candidate is asked."""

from __future__ import annotations

import asyncio
import gzip
import json
from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass, field

import pytest
import pytest_asyncio

from tests.e2e.gateway import Gateway, model, running_gateway, user
from tests.faults.dialects import WORDS, response
from tests.faults.seen import Seen, decision_of, hold
from tests.faults.server import FaultServer
from tests.upstreams import Heard, raw_client

pytestmark = pytest.mark.asyncio(loop_scope="module")
GOOD = json.dumps({"model": "m", "messages": user("hi")}).encode()
DOORS = ("/v1/chat/completions", "/api/claude", "/api/chat")


@dataclass(frozen=True, slots=True)
class Body:
    """A body that must be refused."""

    key: str
    name: tuple[str, str]
    status: int
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    in_chunks: bool = False


BODIES = (
    Body("declared", ("larger than 10 MB, declared", "声明超过 10 MB"), 413, b"x" * 10_000_001),
    Body("chunked", ("larger than 10 MB, in chunks", "分块超过 10 MB"), 413, b"x" * 10_000_001, in_chunks=True),
    Body(
        "deep", ("nested too deep", "嵌套过深"), 400, b'{"model":"m","messages":' + b"[" * 10_000 + b"]" * 10_000 + b"}"
    ),
    Body("utf-8", ("not UTF-8", "非 UTF-8"), 400, GOOD.replace(b"hi", b"\xff\xfe")),
    Body("bomb", ("a gzip bomb", "gzip 炸弹"), 413, gzip.compress(b" " * 100_000_000), {"content-encoding": "gzip"}),
    Body(
        "torn",
        ("gzip that ends too early", "提前结束的 gzip"),
        400,
        gzip.compress(GOOD)[:20],
        {"content-encoding": "gzip"},
    ),
    Body("encoding", ("an unknown encoding", "未知的编码"), 415, GOOD, {"content-encoding": "snappy"}),
)


@dataclass(frozen=True, slots=True)
class Raw:
    """HTTP that must be refused with 400 and a closed connection."""

    key: str
    name: tuple[str, str]
    lines: tuple[str, ...]
    body: bytes = GOOD
    status: int = 400


_HOST = "host: 127.0.0.1"
_LENGTH = f"content-length: {len(GOOD)}"
_JSON = "content-type: application/json"
RAW = (
    Raw("two-lengths", ("two lengths that differ", "两个不同的长度"), (_HOST, _LENGTH, "content-length: 5")),
    Raw("bad-length", ("a length that is no number", "长度不是数字"), (_HOST, "content-length: abc")),
    Raw("bad-te", ("an unknown transfer encoding", "未知的传输编码"), (_HOST, "transfer-encoding: banana")),
    Raw("space", ("a space before the colon", "冒号前有空格"), (_HOST, "x-name : value", _LENGTH)),
    Raw("garbage", ("no HTTP at all", "根本不是 HTTP"), (), b"\x16\x03\x01 hello\r\n\r\n"),
    Raw(
        "flood",
        ("a megabyte of headers", "一兆字节的请求头"),
        (_HOST, *(f"x-{n}: {'x' * 1000}" for n in range(1000)), _LENGTH),
        status=431,
    ),
    Raw("cl-te", ("a length and chunks at once", "同时声明长度与分块"), (_HOST, _LENGTH, "transfer-encoding: chunked")),
    Raw("host", ("a host that is none", "不合法的 Host"), ("host: a@b:c", _LENGTH)),
    Raw("foreign", ("a host that is not ours", "不属于我们的 Host"), ("host: evil.example", _LENGTH), status=421),
)


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def upstream() -> AsyncGenerator[FaultServer, None]:
    """An upstream that would answer."""
    async with FaultServer(response(200, WORDS["openai"].whole("fine"))) as running:
        yield running


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def gateway(tmp_path_factory: pytest.TempPathFactory, upstream: FaultServer) -> AsyncGenerator[Gateway, None]:
    """A gateway before it."""
    async with running_gateway(tmp_path_factory.mktemp("gateway"), model("m", f"{upstream.url}/v1")) as running:
        yield running


@pytest.mark.parametrize("case", BODIES, ids=lambda case: case.key)
@pytest.mark.parametrize("door", DOORS)
async def test_row_25_a_body_that_is_too_much(gateway: Gateway, upstream: FaultServer, door: str, case: Body) -> None:
    """The status says what is wrong with it, no candidate is asked, and the next request is answered."""

    async def pieces() -> AsyncGenerator[bytes, None]:
        for start in range(0, len(case.body), 1_000_000):
            yield case.body[start : start + 1_000_000]

    n_asked = len(_asked(upstream))
    headers = {"content-type": "application/json", **case.headers}
    content = pieces() if case.in_chunks else case.body
    refused = await gateway.http.post(door, content=content, headers=headers)
    booked = await decision_of(gateway, refused.headers["x-thalamus-decision-id"])

    assert (case.status, n_asked) == (refused.status_code, len(_asked(upstream)))
    assert ("refused", case.status, []) == (booked["status"], booked["http_status"], booked["attempts"])
    assert 200 == (await gateway.chat()).status_code
    name = f"25-{case.key}-{door.strip('/').replace('/', '-')}"
    hold(name, Seen(25, case.name, (str(case.status),), (), ("refused",), mode=f"at {door}"))


@pytest.mark.parametrize("case", RAW, ids=lambda case: case.key)
async def test_row_26_http_that_is_not_clean(gateway: Gateway, upstream: FaultServer, case: Raw) -> None:
    """It is refused, the connection is closed, no candidate is asked, and the next request is answered."""
    n_asked = len(_asked(upstream))
    head = (
        "\r\n".join(("POST /v1/chat/completions HTTP/1.1", _JSON, *case.lines, "", "")).encode() if case.lines else b""
    )
    heard = await _hear(gateway.url, head + case.body)

    assert (case.status, n_asked) == (heard.status, len(_asked(upstream)))
    assert heard.end in {"fin", "reset"}
    assert 200 == (await gateway.chat()).status_code
    hold(f"26-{case.key}", Seen(26, case.name, (str(case.status), "closed"), (), ("nothing booked",)))


async def _hear(url: str, data: bytes) -> Heard:
    """Send bytes and hear everything until the end, or until a second without a byte."""
    async with raw_client(url) as (reader, writer):
        writer.write(data)
        heard = b""
        try:
            while True:
                piece = await asyncio.wait_for(reader.read(65_536), 1.0)
                if not piece:
                    return Heard(heard, "fin")
                heard += piece
        except TimeoutError:
            return Heard(heard, "silence")
        except (ConnectionResetError, BrokenPipeError):
            return Heard(heard, "reset")


def _asked(upstream: FaultServer) -> list[bytes]:
    return [head for head, _ in upstream.requests if head.startswith(b"POST")]
