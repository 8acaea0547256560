"""Server-sent events, byte-exact and bounded: a parser for what upstreams send and an encoder for what we send.

Reads what the WHATWG specification allows (CR, LF, CRLF, BOM, comments, several data lines, no space after the colon)
in time linear in the bytes, however they are cut. `id` and `retry` are for reconnecting browsers and are not read.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from config.errors import UpstreamError

MAX_EVENT_BYTES: Final = 16 * 1024 * 1024
_BOM: Final = b"\xef\xbb\xbf"


@dataclass(frozen=True, slots=True)
class SseEvent:
    """One event: its name, its data lines joined by LF, and its bytes with the blank line that ends it."""

    event: str | None
    data: bytes
    raw: bytes


class SseParser:
    """Turns bytes, cut anywhere, into events; an event may be at most `max_event_bytes` long."""

    def __init__(self, max_event_bytes: int = MAX_EVENT_BYTES) -> None:
        self._max_event_bytes = max_event_bytes
        self._line: bytearray = bytearray()
        self._raw: list[bytes] = []
        self._raw_size = 0
        self._data: list[bytes] = []
        self._event: str | None = None
        self._at_start = True
        self._overrun = False

    def feed(self, chunk: bytes) -> list[SseEvent]:
        """Return the events that `chunk` completes. Raises `UpstreamError` when an event grows beyond the limit.

        A CR at the very end of the chunk waits for the next one, which may begin with its LF.
        """
        if self._overrun:
            raise self._too_large()
        events: list[SseEvent] = []
        if self._line.endswith(b"\r") and chunk and not chunk.startswith(b"\n"):
            self._end_line(events)
        pieces = chunk.splitlines(keepends=True)
        last = len(pieces) - 1
        for n, piece in enumerate(pieces):
            self._line += piece
            if self._raw_size + len(self._line) > self._max_event_bytes:
                self._overrun = True
                break
            if piece.endswith(b"\n") or (n < last and piece.endswith(b"\r")):
                self._end_line(events)
        if self._overrun and not events:
            raise self._too_large()
        return events

    def close(self) -> list[SseEvent]:
        """Return the event that a last CR completes, if any; a tail without a blank line is no event.

        Raises `UpstreamError` when an event grew beyond the limit.
        """
        if self._overrun:
            raise self._too_large()
        events: list[SseEvent] = []
        if self._line.endswith(b"\r"):
            self._end_line(events)
        return events

    def _end_line(self, events: list[SseEvent]) -> None:
        raw = bytes(self._line)
        self._line.clear()
        if self._at_start:
            self._at_start = False
            raw = raw.removeprefix(_BOM)
        self._raw.append(raw)
        self._raw_size += len(raw)
        line = raw.rstrip(b"\r\n")
        if line:
            self._read_field(line)
            return
        if self._data:
            events.append(SseEvent(self._event, b"\n".join(self._data), b"".join(self._raw)))
        self._raw, self._data, self._event, self._raw_size = [], [], None, 0

    def _read_field(self, line: bytes) -> None:
        name, _, value = line.partition(b":")
        if name == b"data":
            self._data.append(value.removeprefix(b" "))
        elif name == b"event":
            self._event = value.removeprefix(b" ").decode("utf-8", "replace") or None

    def _too_large(self) -> UpstreamError:
        message = f"The upstream sent an event of more than {self._max_event_bytes} bytes."
        return UpstreamError(message, failure_class="transient", code="event_too_large")


def format_sse(data: bytes, event: str | None = None) -> bytes:
    """Return one whole event with its blank line; every line of `data` becomes a data line."""
    head = f"event: {event}\n".encode() if event else b""
    if b"\n" not in data and b"\r" not in data:
        return head + b"data: " + data + b"\n\n"
    lines = data.replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n")
    return head + b"".join(b"data: " + line + b"\n" for line in lines) + b"\n"
