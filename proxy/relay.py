"""Streams an answer to the client: headers as late as possible, comments in long silence, one end and no other."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Self

from proxy.connection import ClientLeftError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from types import TracebackType

    from proxy.connection import Connection

Headers = list[tuple[str, str]]


class SlowReaderError(ClientLeftError):
    """The client did not take a piece of its answer within the write deadline."""


class EventStream:
    """The client's event stream. Until something is written, the status is still open.

    `headers` is asked at the moment they are sent. After `keepalive_s` of silence (0 = never) the 200 and `keepalive`
    bytes are sent, again after each further silence; only between whole events, so no event is ever cut.
    `write_timeout_s` (0 = never) bounds how long one write may wait for a slow reader.
    """

    def __init__(
        self,
        connection: Connection,
        headers: Callable[[], Sequence[tuple[str, str]]],
        *,
        keepalive: bytes,
        keepalive_s: float,
        write_timeout_s: float,
    ) -> None:
        self._connection = connection
        self._headers = headers
        self._keepalive = keepalive
        self._keepalive_s = keepalive_s
        self._write_timeout_s = write_timeout_s or None
        self._lock = asyncio.Lock()
        self._loop = asyncio.get_running_loop()
        self._last_write = self._loop.time()
        self._timer: asyncio.TimerHandle | None = None
        self._ping: asyncio.Task[None] | None = None
        self.n_bytes = 0

    @property
    def started(self) -> bool:
        """Whether the status line has been sent, so that errors must go in-band."""
        return self._connection.response_started

    async def __aenter__(self) -> Self:
        if self._keepalive_s > 0:
            self._timer = self._loop.call_later(self._keepalive_s, self._silence)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._timer is not None:
            self._timer.cancel()
        if self._ping is not None:
            self._ping.cancel()

    async def write(self, data: bytes) -> None:
        """Send whole events; waits for the client to take them. Raises `SlowReaderError` past the write deadline."""
        try:
            async with asyncio.timeout(self._write_timeout_s), self._lock:
                await self._send(data)
        except TimeoutError as error:
            raise SlowReaderError(f"the client took nothing for {self._write_timeout_s} s") from error

    async def close(self, data: bytes = b"") -> None:
        """Send the last bytes and end the response. Raises `SlowReaderError` past the write deadline."""
        try:
            async with asyncio.timeout(self._write_timeout_s), self._lock:
                if not self.started:
                    await self._connection.start(200, self._headers())
                self.n_bytes += len(data)
                await self._connection.write(data, last=True)
        except TimeoutError as error:
            raise SlowReaderError(f"the client took nothing for {self._write_timeout_s} s") from error

    async def _send(self, data: bytes) -> None:
        if not self.started:
            await self._connection.start(200, self._headers())
        self.n_bytes += len(data)
        await self._connection.write(data)
        self._last_write = self._loop.time()

    def _silence(self) -> None:
        silent_s = self._loop.time() - self._last_write
        if silent_s + 0.001 < self._keepalive_s:
            self._timer = self._loop.call_later(self._keepalive_s - silent_s, self._silence)
            return
        if not self._lock.locked():
            self._ping = self._loop.create_task(self._send_keepalive())
        self._timer = self._loop.call_later(self._keepalive_s, self._silence)

    async def _send_keepalive(self) -> None:
        async with self._lock:
            if not self._connection.response_complete:
                await self._send(self._keepalive)
