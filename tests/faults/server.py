"""A loopback server that answers with bytes exactly as scripted: sent, dripped, held back, cut or endless.

It knows nothing of HTTP beyond reading one request to its end; what is wrong with an answer is the script's, whose
steps are the scripted upstream's, and one without end.
"""

from __future__ import annotations

import asyncio
import socket
import struct
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from router.providers.scripted.actions import Hang, Reset, Send, Sleep

if TYPE_CHECKING:
    import ssl
    from types import TracebackType

_RST_ON_CLOSE = struct.pack("ii", 1, 0)
_MAX_BACKLOG = 16


@dataclass(frozen=True, slots=True)
class Endless:
    """Send these bytes over and over until the other side leaves, with a pause after each."""

    data: bytes
    every_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Hold:
    """Say nothing more until the test sets `FaultServer.go_on`."""


Step = Send | Sleep | Endless | Hold | Hang | Reset
Script = tuple[Step, ...]
"""What happens after the request was read; at its end the connection is closed in order (FIN)."""


class FaultServer:
    """Plays scripts, one per request, the last one again and again. `requests` holds what was asked, head and body."""

    def __init__(self, *scripts: Script, tls: ssl.SSLContext | None = None) -> None:
        self._scripts = scripts
        self._tls = tls
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.Task[None]] = set()
        self.requests: list[tuple[bytes, bytes]] = []
        self.closed_by_peer = asyncio.Event()
        """Set when the other side has left while a script still ran."""
        self.go_on = asyncio.Event()
        """What `Hold` waits for."""
        self.n_sent = 0
        """Bytes that endless steps could hand to the system."""

    @property
    def url(self) -> str:
        """Scheme, host and port."""
        assert self._server is not None
        scheme = "https" if self._tls else "http"
        return f"{scheme}://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(
            self._serve, "127.0.0.1", 0, ssl=self._tls, backlog=_MAX_BACKLOG, limit=2**20
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        assert self._server is not None
        self._server.close()
        for task in self._open:
            task.cancel()
        await asyncio.gather(*self._open, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._open.add(task)
        try:
            with suppress(ConnectionError, asyncio.IncompleteReadError):
                self.requests.append(await _read_request(reader))
                script = self._scripts[min(len(self.requests), len(self._scripts)) - 1]
                await self._play(script, reader, writer)
        finally:
            self._open.discard(task)
            writer.close()

    async def _play(self, script: Script, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        left = asyncio.create_task(reader.read(1))
        played = asyncio.create_task(self._steps(script, writer))
        try:
            await asyncio.wait({left, played}, return_when=asyncio.FIRST_COMPLETED)
            if not played.done() or played.exception() is not None:
                self.closed_by_peer.set()
        finally:
            for task in (left, played):
                task.cancel()
            await asyncio.gather(left, played, return_exceptions=True)

    async def _steps(self, script: Script, writer: asyncio.StreamWriter) -> None:
        for step in script:
            match step:
                case Send():
                    await _send(step, writer)
                case Sleep(seconds=seconds):
                    await asyncio.sleep(seconds)
                case Endless(data=data, every_s=every_s):
                    while True:
                        writer.write(data)
                        await writer.drain()
                        self.n_sent += len(data)
                        await asyncio.sleep(every_s)
                case Hold():
                    await self.go_on.wait()
                case Hang():
                    await asyncio.Event().wait()
                case Reset():
                    raw: socket.socket = writer.get_extra_info("socket")
                    raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RST_ON_CLOSE)
                    writer.transport.abort()
                    return


async def _send(step: Send, writer: asyncio.StreamWriter) -> None:
    if not step.bytes_per_s:
        writer.write(step.data)
        await writer.drain()
        return
    for byte in step.data:
        writer.write(bytes([byte]))
        await asyncio.sleep(1 / step.bytes_per_s)


async def _read_request(reader: asyncio.StreamReader) -> tuple[bytes, bytes]:
    head = await reader.readuntil(b"\r\n\r\n")
    length = next(
        (int(line.partition(b":")[2]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")), 0
    )
    return head, await reader.readexactly(length)
