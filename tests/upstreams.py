"""Scripted upstreams for tests, and a raw client that hears every byte; fixtures are in `upstream_fixtures.py`."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal
from urllib.parse import urlsplit

import msgspec

from router.providers.scripted import parse_script, scripted_upstream

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from router.providers.scripted import Script

__all__ = ["Heard", "hear", "hear_after", "raw_client", "raw_request", "replying", "scripted_upstream"]


def replying(*replies: dict[str, object], **script: object) -> Script:
    """Return a script of these replies, written as they stand in a script file."""
    return parse_script({"reply": list(replies), **script})


@dataclass(frozen=True, slots=True)
class Heard:
    """What a raw client heard, and how the connection ended: `fin`, `reset`, or `silence` (still open)."""

    data: bytes
    end: Literal["fin", "reset", "silence"]

    @property
    def head(self) -> str:
        """Status line and headers."""
        return self.data.partition(b"\r\n\r\n")[0].decode("latin-1")

    @property
    def status(self) -> int:
        """HTTP status, 0 where not one byte came."""
        return int(self.data.split(b" ", 2)[1]) if self.data else 0

    @property
    def whole(self) -> bool:
        """Whether the body is complete by the rules of HTTP."""
        return self._body()[1]

    @property
    def body(self) -> bytes:
        """The body without its framing, as far as it came."""
        return self._body()[0]

    def _body(self) -> tuple[bytes, bool]:
        rest = self.data.partition(b"\r\n\r\n")[2]
        headers = self.head.lower()
        if "transfer-encoding: chunked" not in headers:
            length = headers.partition("content-length: ")[2].partition("\r\n")[0]
            return rest, self.end == "fin" if not length else len(rest) == int(length)
        parts: list[bytes] = []
        while rest:
            size, _, rest = rest.partition(b"\r\n")
            n_bytes = int(size, 16)
            parts.append(rest[:n_bytes])
            if n_bytes == 0:
                return b"".join(parts), rest == b"\r\n"
            rest = rest[n_bytes + 2 :]
        return b"".join(parts), False


@asynccontextmanager
async def raw_client(url: str) -> AsyncGenerator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """Open a bare TCP connection to an upstream; it is aborted at the end."""
    parts = urlsplit(url)
    reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
    try:
        yield reader, writer
    finally:
        writer.transport.abort()


async def hear(url: str, path: str = "/v1/chat/completions", *, silence_s: float = 5.0, **body: object) -> Heard:
    """Ask once over a bare socket and hear everything until the end, or until `silence_s` seconds without a byte."""
    return await hear_after(url, raw_request(path, **body), silence_s=silence_s)


async def hear_after(url: str, *pieces: bytes, silence_s: float = 5.0) -> Heard:
    """Send these bytes, piece by piece, and hear everything until the connection ends or falls silent."""
    data = b""
    async with raw_client(url) as (reader, writer):
        try:
            for piece in pieces:
                writer.write(piece)
                await writer.drain()
            while True:
                more = await asyncio.wait_for(reader.read(65_536), silence_s)
                if not more:
                    return Heard(data, "fin")
                data += more
        except TimeoutError:
            return Heard(data, "silence")
        except ConnectionError:
            return Heard(data, "reset")


def raw_request(path: str = "/v1/chat/completions", **body: object) -> bytes:
    """Return the bytes of a chat request that asks for the connection to be closed."""
    asked = {"model": "m", "max_tokens": 64, "messages": [{"role": "user", "content": "hi"}], **body}
    data = msgspec.json.encode(asked)
    head = f"POST {path} HTTP/1.1\r\nhost: double\r\nconnection: close\r\ncontent-length: {len(data)}\r\n\r\n"
    return head.encode() + data
