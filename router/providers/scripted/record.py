"""What the upstream remembers of each request, for tests to look at; times are the running loop's seconds."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from config.types import Json

_SECRET_HEADERS = frozenset({"authorization", "x-api-key", "api-key", "x-goog-api-key", "cookie"})


@dataclass(slots=True, eq=False)
class RecordedRequest:
    """One request and what became of it; filled in while it runs."""

    serial: int
    """1-based, in the order of arrival; 0 until it is admitted."""
    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    """Names in lower case; of a repeated header the last."""
    body: bytes
    json: Json | None
    """The body where it is a JSON object."""
    received_at: float
    reply: int | None = None
    """1-based place of the reply in the script; `None` where no reply was asked for or none matched."""
    first_byte_at: float | None = None
    ended_at: float | None = None
    """When we were done with it: all was sent, we dropped the connection, or the client left."""
    disconnected_at: float | None = None
    """When the client hung up while we were answering; `None` where it stayed to the end."""
    n_bytes_sent: int = 0
    _ended: asyncio.Event = field(default_factory=asyncio.Event, repr=False)

    @property
    def completed(self) -> bool:
        """Whether everything the script says was done before the client left."""
        return self.ended_at is not None and self.disconnected_at is None

    def sent(self, n_bytes: int, now: float) -> None:
        """Count bytes handed to the socket."""
        if self.first_byte_at is None:
            self.first_byte_at = now
        self.n_bytes_sent += n_bytes

    def end(self, now: float, *, disconnected: bool) -> None:
        """Note the end; only the first one counts."""
        if self.ended_at is None:
            self.ended_at = now
            self.disconnected_at = now if disconnected else None
            self._ended.set()

    async def wait_ended(self, timeout_s: float = 5.0) -> None:
        """Return once the request is over, however it ended. Raises `TimeoutError`."""
        async with asyncio.timeout(timeout_s):
            await self._ended.wait()

    def as_json(self) -> Json:
        """Return what `GET /_scripted/requests` shows; of a key only its last four characters."""
        return {
            "serial": self.serial,
            "method": self.method,
            "path": self.path,
            "query": self.query,
            "headers": {name: _shown(name, value) for name, value in self.headers.items()},
            "json": self.json,
            "reply": self.reply,
            "received_at": self.received_at,
            "first_byte_at": self.first_byte_at,
            "ended_at": self.ended_at,
            "disconnected_at": self.disconnected_at,
            "n_bytes_sent": self.n_bytes_sent,
        }


def _shown(name: str, value: str) -> str:
    return f"***{value[-4:]}" if name in _SECRET_HEADERS else value
