"""One HTTP exchange over raw ASGI: bounded body, whole responses, and noticing that the client left.

Litestar's handler layer is not used for relaying: it would buffer the body, and plain handlers are not cancelled
when a client leaves (measured with Litestar 2.25: 0 of 10).
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Self

from config.errors import InvalidRequestError, PayloadTooLargeError, ThalamusError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from types import TracebackType

    from litestar.types import HTTPScope, Receive, Send

    from config.key_identity import KeyIdentity


class ClientLeftError(ThalamusError):
    """The client closed the connection before it had its answer; there is nobody to tell."""


class Connection:
    """One request and its response."""

    def __init__(self, scope: HTTPScope, receive: Receive, send: Send) -> None:
        self._receive = receive
        self._send = send
        self.method: str = scope["method"]
        self.path: str = scope["path"]
        client = scope["client"]
        self.client_host: str | None = client[0] if client else None
        self.headers: Mapping[str, str] = {
            name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]
        }
        self.caller: KeyIdentity | None = None
        """Who asks, where that was found out elsewhere: somebody at the dashboard. No key is looked for then."""
        self.response_started = False
        self.response_complete = False
        self.client_left = False

    async def body(self, limit: int) -> bytes:
        """Return the request body. Raises `PayloadTooLargeError` beyond `limit` bytes, declared or real."""
        declared = self.headers.get("content-length", "0")
        if not declared.isascii() or not declared.isdigit():
            raise InvalidRequestError("The Content-Length header is not a number.")
        if int(declared) > limit:
            raise _too_large(limit)
        parts: list[bytes] = []
        size = 0
        while True:
            message = await self._receive()
            if message["type"] == "http.disconnect":
                raise ClientLeftError("the client left while sending its request")
            part = message.get("body", b"")
            size += len(part)
            if size > limit:
                raise _too_large(limit)
            parts.append(part)
            if not message.get("more_body", False):
                return b"".join(parts)

    async def wait_until_client_leaves(self) -> None:
        """Return when the client has closed the connection; only after the body was read."""
        while (await self._receive())["type"] != "http.disconnect":
            pass

    async def respond(self, status: int, headers: Iterable[tuple[str, str]], body: bytes) -> None:
        """Send a whole response."""
        await self.start(status, [*headers, ("content-length", str(len(body)))])
        await self.write(b"" if self.method == "HEAD" else body, last=True)

    async def start(self, status: int, headers: Iterable[tuple[str, str]]) -> None:
        """Send status line and headers."""
        self.response_started = True
        encoded = [(name.encode("latin-1"), _header_value(value)) for name, value in headers]
        await self._send({"type": "http.response.start", "status": status, "headers": encoded})

    async def write(self, data: bytes, *, last: bool = False) -> None:
        """Send a piece of the body; waits while the client reads slower than we write."""
        if last:
            self.response_complete = True
        await self._send({"type": "http.response.body", "body": data, "more_body": not last})


class cancelled_when_client_leaves:  # noqa: N801  # reads as a statement: `async with cancelled_when_client_leaves(c):`
    """Cancel the block when the client closes the connection, and raise `ClientLeftError` in its place.

    A cancellation from elsewhere (shutdown) stays a `CancelledError`.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def __aenter__(self) -> Self:
        task = asyncio.current_task()
        if task is None:  # pragma: no cover  # an ASGI server always runs us in a task
            raise RuntimeError("not inside a task")
        self._task: asyncio.Task[object] = task
        self._watcher = asyncio.create_task(self._watch())
        return self

    async def _watch(self) -> None:
        await self._connection.wait_until_client_leaves()
        if not self._connection.response_complete:
            self._connection.client_left = True
            self._task.cancel()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._watcher.cancel()
        if not self._connection.client_left:
            return
        still_cancelled = self._task.uncancel() > 0
        if kind is None or (kind is asyncio.CancelledError and not still_cancelled):
            raise ClientLeftError("the client left before the end of its answer") from error


def _header_value(value: str) -> bytes:
    """Encode for the wire; what Latin-1 or HTTP cannot carry becomes `?` (RFC 9110, 5.5)."""
    if value.isascii() and value.isprintable():
        return value.encode("ascii")
    clean = "".join(char if char.isprintable() else " " for char in value)
    return clean.encode("latin-1", "replace")


def _too_large(limit: int) -> PayloadTooLargeError:
    return PayloadTooLargeError(f"The request body is larger than {limit} bytes.")
