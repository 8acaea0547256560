"""What the three dialects have in common: the parts of a stream, the seam of a dialect, and how failures look."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import msgspec

if TYPE_CHECKING:
    from collections.abc import Mapping

    from config.types import Json
    from router.providers.scripted.answer import Answer
    from router.providers.scripted.script import Fault

encode_json = msgspec.json.encode


@dataclass(frozen=True, slots=True)
class StreamParts:
    """A stream as bytes, cut where faults strike."""

    opening: bytes
    """Events before any content."""
    content: tuple[bytes, ...]
    """One entry per piece of content, with the events that structure needs around it."""
    closing: bytes
    """Events that finish the answer, usage included."""
    done: bytes
    """The terminal mark, where the dialect has one of its own."""


@dataclass(frozen=True, slots=True)
class Failure:
    """A provider's own refusal; each dialect has its words for it."""

    status: int
    openai_type: str
    code: str | None
    anthropic_type: str
    message: str
    param: str | None = None


class Rendering(Protocol):
    """One dialect: an answer, or a failure, as its bytes."""

    stream_type: str
    """Content type of a stream."""
    broken_json: bytes
    """A well-formed event whose JSON ends too early."""
    malformed: bytes
    """Bytes that are no event of this dialect, with invalid UTF-8."""
    endless: bytes
    """How a line begins that never ends."""

    def stream(self, answer: Answer) -> StreamParts:
        """Render a streamed answer."""
        ...

    def plain(self, answer: Answer) -> Json:
        """Render a whole answer."""
        ...

    def error(self, failure: Failure) -> Json:
        """Render the body of an error status."""
        ...

    def error_event(self, body: bytes) -> bytes:
        """Render an error inside a stream of status 200."""
        ...


def sse(data: bytes, *, event: str | None = None) -> bytes:
    """Return one SSE event of one line of data."""
    name = f"event: {event}\n".encode() if event else b""
    return b"%sdata: %s\n\n" % (name, data)


_OVERFLOW = "This model's maximum context length is 8192 tokens. However, your messages resulted in 9001 tokens."
_FILTERED = "The prompt was refused by the content management policy."
_INVALID = "invalid_request_error"

FAILURES: Mapping[Fault, Failure] = {
    "context_overflow": Failure(400, _INVALID, "context_length_exceeded", _INVALID, _OVERFLOW, "messages"),
    "prompt_filtered": Failure(400, _INVALID, "content_filter", _INVALID, _FILTERED, "messages"),
    "rate_limited": Failure(429, "requests", "rate_limit_exceeded", "rate_limit_error", "Rate limit reached."),
    "quota": Failure(429, "insufficient_quota", "insufficient_quota", "billing_error", "The quota is used up."),
    "bad_key": Failure(401, _INVALID, "invalid_api_key", "authentication_error", "Incorrect API key provided."),
    "forbidden": Failure(403, _INVALID, None, "permission_error", "This key may not use this model."),
    "model_gone": Failure(404, _INVALID, "model_not_found", "not_found_error", "The model does not exist.", "model"),
    "server_error": Failure(500, "server_error", None, "api_error", "The server had an error."),
    "overloaded": Failure(529, "server_error", "overloaded", "overloaded_error", "Overloaded."),
}
"""Faults that are a status with the dialect's own body."""

IN_BAND = Failure(200, "server_error", "scripted_error", "overloaded_error", "The server failed while answering.")
"""What `error_event` says unless the script says more."""

_BY_STATUS = {failure.status: failure for fault, failure in FAILURES.items() if fault != "quota"}
_BY_STATUS[400] = Failure(400, _INVALID, None, _INVALID, "The request is invalid.")


def failure_of_status(status: int) -> Failure:
    """Return what a status means where the script does not say."""
    if status in _BY_STATUS:
        return _BY_STATUS[status]
    if status < 500:  # noqa: PLR2004  # HTTP's border between whose fault it is
        return Failure(status, _INVALID, None, _INVALID, f"The request failed with status {status}.")
    return Failure(status, "server_error", None, "api_error", f"The server failed with status {status}.")
