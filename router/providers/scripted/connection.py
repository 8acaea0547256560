"""One client connection over a raw asyncio transport: reads HTTP/1.1 requests, performs the actions of each."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections import deque
from typing import TYPE_CHECKING, Protocol, cast

import httptools
import msgspec
from typing_extensions import override

from router.providers.scripted.actions import Action, Close, CloseDoor, Flood, Hang, Reset, Send, Sleep, response_head
from router.providers.scripted.record import RecordedRequest

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from config.types import Json

_LINGER_ZERO = struct.pack("ii", 1, 0)
"""SO_LINGER on, 0 s: closing sends a reset instead of FIN."""


class Host(Protocol):
    """What a connection needs of its server."""

    def admit(self, request: RecordedRequest) -> Sequence[Action]:
        """Number and record a request, and return what to do with it."""
        ...

    def close_door(self, seconds: float) -> None:
        """Stop listening for a while."""
        ...


class Connection(asyncio.Protocol):
    """Parses requests as they arrive and answers them one after another."""

    def __init__(self, host: Host, open_connections: set[Connection]) -> None:
        self._host = host
        self._open = open_connections
        self._loop = asyncio.get_running_loop()
        self._writable = asyncio.Event()
        self._writable.set()
        self._waiting: deque[tuple[RecordedRequest, bool]] = deque()
        self._task: asyncio.Task[None] | None = None
        self._dropped = False
        self._client_left = False
        self._parser = httptools.HttpRequestParser(self)
        self._url = b""
        self._headers: dict[str, str] = {}
        self._body: list[bytes] = []

    # --- asyncio's side ---

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._open.add(self)

    @override
    def data_received(self, data: bytes) -> None:
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:  # asked for another protocol: we stay with HTTP/1.1
            pass
        except httptools.HttpParserError:
            self._transport.write(response_head(400, {"content-length": "0", "connection": "close"}, {}))
            self._transport.close()

    @override
    def pause_writing(self) -> None:
        self._writable.clear()

    @override
    def resume_writing(self) -> None:
        self._writable.set()

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        self._client_left = not self._dropped
        self._open.discard(self)
        if self._task is not None:
            self._task.cancel()

    async def aclose(self) -> None:
        """Drop the connection and wait until its task is over."""
        self._dropped = True
        self._transport.abort()
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    # --- the parser's side ---

    def on_message_begin(self) -> None:
        """Start a request."""
        self._url, self._headers, self._body = b"", {}, []

    def on_url(self, url: bytes) -> None:
        """Take a piece of the request target."""
        self._url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take a header."""
        self._headers[name.decode("latin-1").lower()] = value.decode("latin-1")

    def on_headers_complete(self) -> None:
        """Let a client that waits for leave send its body."""
        if self._headers.get("expect", "").lower() == "100-continue":
            self._transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")

    def on_body(self, body: bytes) -> None:
        """Take a piece of the body."""
        self._body.append(body)

    def on_message_complete(self) -> None:
        """Queue the request; requests of one connection are answered in order."""
        path, _, query = self._url.decode("latin-1").partition("?")
        body = b"".join(self._body)
        request = RecordedRequest(
            serial=0,
            method=self._parser.get_method().decode("latin-1"),
            path=path,
            query=query,
            headers=self._headers,
            body=body,
            json=_json_object(body),
            received_at=self._loop.time(),
        )
        self._waiting.append((request, self._parser.should_keep_alive()))
        if self._task is None:
            self._task = self._loop.create_task(self._answer_waiting())

    # --- answering ---

    async def _answer_waiting(self) -> None:
        keep_alive = True
        try:
            while self._waiting and keep_alive:
                request, asked_to_stay = self._waiting.popleft()
                keep_alive = False  # stays so where answering fails
                keep_alive = await self._answer(request, self._host.admit(request)) and asked_to_stay
        finally:
            self._task = None
            if not keep_alive:
                self._transport.close()

    async def _answer(self, request: RecordedRequest, actions: Sequence[Action]) -> bool:
        """Perform the actions; return whether the connection may serve another request."""
        try:
            for action in actions:
                if not await self._perform(action, request):
                    request.end(self._loop.time(), disconnected=False)
                    return False
        finally:
            request.end(self._loop.time(), disconnected=self._client_left)
        return True

    async def _perform(self, action: Action, request: RecordedRequest) -> bool:
        """Do one thing; return whether anything may follow."""
        match action:
            case Send():
                await self._send(action, request)
            case Sleep(seconds=seconds):
                await asyncio.sleep(seconds)
            case Flood(block=block, times=times):
                for _ in range(times):
                    await self._write(block, request)
                    await asyncio.sleep(0)  # let the loop see that the client left
            case CloseDoor(seconds=seconds):
                self._host.close_door(seconds)
            case Hang():
                await self._loop.create_future()
            case Close():
                return False
            case Reset():
                self._reset(request)
                return False
        return True

    def _reset(self, request: RecordedRequest) -> None:
        connection = cast("socket.socket", self._transport.get_extra_info("socket"))
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_ZERO)
        request.end(self._loop.time(), disconnected=False)
        self._transport.abort()

    async def _send(self, action: Send, request: RecordedRequest) -> None:
        if action.bytes_per_s is None:
            await self._write(action.data, request)
            return
        for i in range(len(action.data)):
            await self._write(action.data[i : i + 1], request)
            await asyncio.sleep(1 / action.bytes_per_s)

    async def _write(self, data: bytes, request: RecordedRequest) -> None:
        if data:
            self._transport.write(data)
            request.sent(len(data), self._loop.time())
            if not self._writable.is_set():
                await self._writable.wait()


def _json_object(body: bytes) -> Json | None:
    decode: Callable[[bytes], object] = msgspec.json.decode
    try:
        value = decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
    return cast("Json", value) if isinstance(value, dict) else None
