"""What a client says of itself beside its request: its trace (W3C `traceparent`) and its own request id.

Both come from outside: they are bounded here, once, and whatever is not exactly what it should be counts as not sent.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

MAX_REQUEST_ID_CHARS = 128

_TRACE_PARENT = re.compile(r"([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?", re.ASCII)
_REQUEST_ID = re.compile(rf"[!-~]{{1,{MAX_REQUEST_ID_CHARS}}}", re.ASCII)
_NO_TRACE, _NO_SPAN = "0" * 32, "0" * 16


@dataclass(frozen=True, slots=True)
class TraceParent:
    """The client's span that ours hangs under."""

    trace_id: int
    span_id: int
    sampled: bool


def parse_trace_parent(header: str | None) -> TraceParent | None:
    """Read a `traceparent` header; `None` where there is none or it breaks the rules (W3C Trace Context, 3.2)."""
    match = _TRACE_PARENT.fullmatch(header.strip()) if header and len(header) <= MAX_REQUEST_ID_CHARS else None
    if match is None:
        return None
    version, trace_id, span_id, flags, more = match.groups()
    if version == "ff" or (version == "00" and more) or trace_id == _NO_TRACE or span_id == _NO_SPAN:
        return None
    return TraceParent(int(trace_id, 16), int(span_id, 16), sampled=bool(int(flags, 16) & 1))


def valid_trace_parent(header: str | None) -> str | None:
    """Return the header itself where it can be read, else `None`."""
    return header if header is not None and parse_trace_parent(header) is not None else None


def client_request_id(header: str | None) -> str | None:
    """Return the client's own id for its request: 1 to 128 visible ASCII characters, else `None`."""
    return header if header and _REQUEST_ID.fullmatch(header) else None
