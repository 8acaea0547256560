"""A raw HTTP/1.1 server on loopback, scripted by bytes, for what no decent server would send."""

from __future__ import annotations

import asyncio
import struct
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from socket import SO_LINGER, SOL_SOCKET
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import ssl
    from collections.abc import AsyncIterator, Awaitable, Callable

    Handler = Callable[["Exchange"], Awaitable[None]]


@dataclass
class Received:
    """One request as it came."""

    line: str
    headers: dict[str, str]
    body: bytes
    connection: int
    """1-based number of the connection that it came on."""


@dataclass
class Exchange:
    """What a handler may do with one request; the connection stays open unless it closes it."""

    request: Received
    writer: asyncio.StreamWriter
    gone: asyncio.Event

    async def send(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    async def close(self) -> None:
        self.writer.close()

    async def reset(self) -> None:
        """End with a TCP reset instead of a farewell."""
        self.writer.get_extra_info("socket").setsockopt(SOL_SOCKET, SO_LINGER, struct.pack("ii", 1, 0))
        self.writer.transport.abort()


@dataclass
class WireDouble:
    """A running server: its address, what it received, and when a client left."""

    scheme: str = "http"
    port: int = 0
    received: list[Received] = field(default_factory=list)
    n_connections: int = 0
    gone: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def url(self) -> str:
        return f"{self.scheme}://127.0.0.1:{self.port}"


def head(status: int = 200, content_type: str = "text/event-stream", **headers: str) -> bytes:
    """Return a response head for a body of unknown length that ends with the connection."""
    lines = [f"HTTP/1.1 {status} Whatever", f"content-type: {content_type}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode()


def chunked_head(status: int = 200, content_type: str = "text/event-stream", **headers: str) -> bytes:
    """Return a response head for a chunked body."""
    return head(status, content_type, transfer_encoding="chunked", **headers)


def chunked(*pieces: bytes) -> bytes:
    """Return pieces of a chunked body."""
    return b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces)


LAST_CHUNK = b"0\r\n\r\n"


def whole(body: bytes, status: int = 200, content_type: str = "application/json", **headers: str) -> bytes:
    """Return a whole response with its length."""
    return head(status, content_type, content_length=str(len(body)), **headers) + body


def answering(data: bytes) -> Handler:
    """Return a handler that sends `data` to each request and leaves the connection open."""

    async def handle(exchange: Exchange) -> None:
        await exchange.send(data)

    return handle


def answering_and_closing(data: bytes) -> Handler:
    """Return a handler that sends `data` and closes."""

    async def handle(exchange: Exchange) -> None:
        await exchange.send(data)
        await exchange.close()

    return handle


@asynccontextmanager
async def serving(
    handler: Handler, *, tls: ssl.SSLContext | None = None, greeting: bytes = b""
) -> AsyncIterator[WireDouble]:
    """Serve until the block ends; `greeting` is sent to each connection before it has asked anything."""
    double = WireDouble(scheme="https" if tls else "http")
    writers: set[asyncio.StreamWriter] = set()
    tasks: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        writers.add(writer)
        double.n_connections += 1
        number = double.n_connections
        try:
            writer.write(greeting)
            while not writer.is_closing():
                request = await _read_request(reader, number)
                double.received.append(request)
                await handler(Exchange(request, writer, double.gone))
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        except asyncio.CancelledError:
            return
        finally:
            double.gone.set()
            writer.close()
            tasks.discard(task)

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=tls)
    double.port = server.sockets[0].getsockname()[1]
    try:
        yield double
    finally:
        server.close()
        for writer in writers:
            writer.transport.abort()
        for task in list(tasks):
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await server.wait_closed()


async def _read_request(reader: asyncio.StreamReader, number: int) -> Received:
    raw = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    line, *rest = raw.rstrip("\r\n").split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (item.partition(":") for item in rest)}
    body = await reader.readexactly(int(headers.get("content-length", "0")))
    return Received(line, headers, body, number)
