"""What a connection does with its bytes, one step at a time, and the HTTP/1.1 framing of what it sends."""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

LAST_CHUNK = b"0\r\n\r\n"
FLOOD_BLOCK = b"x" * 65_536


@dataclass(frozen=True, slots=True)
class Send:
    """Send bytes; with a rate, one byte at a time."""

    data: bytes
    bytes_per_s: float | None = None


@dataclass(frozen=True, slots=True)
class Sleep:
    """Say nothing for a while."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Flood:
    """Send one block again and again, as fast as the client reads."""

    block: bytes
    times: int


@dataclass(frozen=True, slots=True)
class Hang:
    """Say nothing more until the client leaves."""


@dataclass(frozen=True, slots=True)
class Reset:
    """Drop the connection with a TCP reset."""


@dataclass(frozen=True, slots=True)
class Close:
    """Close the connection in order; what was sent before arrives."""


@dataclass(frozen=True, slots=True)
class CloseDoor:
    """Stop listening for a while, so that connecting is refused; 0 changes nothing."""

    seconds: float


Action = Send | Sleep | Flood | Hang | Reset | Close | CloseDoor
"""A plan without `Close`, `Reset` or `Hang` at its end leaves the connection open for the next request."""


def response_head(status: int, headers: Mapping[str, str], extra: Mapping[str, str]) -> bytes:
    """Return status line and headers; `extra` wins over a header of the same name, whatever its case."""
    taken = {name.lower() for name in extra}
    merged = {name: value for name, value in headers.items() if name.lower() not in taken} | dict(extra)
    try:
        phrase = HTTPStatus(status).phrase
    except ValueError:  # 529 is Anthropic's own
        phrase = "Overloaded" if status == 529 else "Scripted"  # noqa: PLR2004
    lines = [f"HTTP/1.1 {status} {phrase}", *(f"{name}: {value}" for name, value in merged.items())]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1", "replace")


def http_chunk(data: bytes) -> bytes:
    """Return data as one chunk of a chunked body; no data is no chunk, for an empty one would end the body."""
    return b"%x\r\n%s\r\n" % (len(data), data) if data else b""
