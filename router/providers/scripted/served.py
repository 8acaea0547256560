"""One reply in force for one request, and the responses for which the answer itself does not matter. All pure."""

from __future__ import annotations

import base64
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from router.providers.scripted.actions import Action, Close, CloseDoor, Hang, Reset, Send, Sleep, response_head
from router.providers.scripted.rendering import FAILURES, IN_BAND, encode_json, failure_of_status

if TYPE_CHECKING:
    from collections.abc import Mapping

    from config.types import Json
    from router.providers.scripted.rendering import Rendering
    from router.providers.scripted.script import Fault, Reply, Step

HTML = "<!DOCTYPE html><html><head><title>502 Bad Gateway</title></head><body><h1>502 Bad Gateway</h1></body></html>"

DRIP_BYTES_PER_S = 50.0
DEFAULT_AFTER: Mapping[Fault, int] = {"hang_mid_stream": 1, "cut_mid_stream": 1, "bad_json": 1, "malformed_sse": 1}
"""Pieces of content before a fault whose reply does not say; every other fault strikes before the first."""

JSON_TYPE = "application/json"
HTML_TYPE = "text/html; charset=utf-8"


@dataclass(frozen=True, slots=True)
class Served:
    """The reply in force for one request, and the dialect and number of its response."""

    reply: Reply
    rendering: Rendering
    serial: int

    @property
    def after(self) -> int:
        """Pieces of content before the fault."""
        if self.reply.after_chunks is not None:
            return self.reply.after_chunks
        return DEFAULT_AFTER.get(self.reply.fault, 0) if self.reply.fault else 0

    @property
    def rate(self) -> float | None:
        """Bytes per second of a dripping body."""
        return self.reply.drip_bytes_per_s or (DRIP_BYTES_PER_S if self.reply.fault == "drip" else None)

    def head(self, content_type: str, framing: Mapping[str, str]) -> bytes:
        """Return the response's head; the script's headers win."""
        named = {"content-type": content_type, "x-request-id": f"req_scripted_{self.serial}"}
        return response_head(self.reply.status, named | dict(framing), self.reply.headers)

    def error_body(self) -> bytes:
        """Return the script's body, or the dialect's error, for errors that come with status 200."""
        body = self.reply.body
        if isinstance(body, str):
            return body.encode()
        return encode_json(body if body is not None else self.rendering.error(IN_BAND))


def response_without_answer(served: Served) -> tuple[Action, ...] | None:
    """Return the whole plan where the answer itself does not matter."""
    reply, before = served.reply, lead(served)
    if reply.raw:
        return tuple(_raw_action(step) for step in reply.raw)
    if reply.fault == "hang":
        return (*before, Hang())
    if reply.fault == "refuse":
        return (*before, CloseDoor(reply.refuse_s), Reset())
    if reply.fault == "reset" and reply.after_chunks is None:
        return (*before, Reset())
    return _failure(served)


def _failure(served: Served) -> tuple[Action, ...] | None:
    """Return an error status with its body, or `None` where the status is a success."""
    reply = served.reply
    if reply.fault == "bad_gateway_html":
        status = reply.status if reply.status != 200 else 502  # noqa: PLR2004  # the default status, unchanged
        return whole_response(replace(served, reply=replace(reply, status=status)), html_body(served), HTML_TYPE)
    known = FAILURES.get(reply.fault) if reply.fault else None
    if known is None and reply.status < 300:  # noqa: PLR2004  # successes end here
        return whole_response(served, *_typed(reply.body)) if reply.body is not None and reply.fault is None else None
    failure = known or failure_of_status(reply.status)
    status = failure.status if reply.status == 200 else reply.status  # noqa: PLR2004
    body = reply.body if reply.body is not None else served.rendering.error(failure)
    return whole_response(replace(served, reply=replace(reply, status=status)), *_typed(body))


def _typed(body: str | Json) -> tuple[bytes, str]:
    """Return a body of the script as bytes, with the content type it looks like."""
    data = body.encode() if isinstance(body, str) else encode_json(body)
    return data, HTML_TYPE if data.lstrip()[:1] == b"<" else JSON_TYPE


def whole_response(served: Served, data: bytes, content_type: str) -> tuple[Action, ...]:
    """Return a response of known length, in one write unless it drips."""
    head = served.head(content_type, {"content-length": str(len(data))})
    if served.rate is None:
        return (*lead(served), Send(head + data))
    return (*lead(served), Send(head), Send(data, served.rate))


def lead(served: Served) -> tuple[Action, ...]:
    """Return the silence before the first byte."""
    return (Sleep(served.reply.delay_headers_s),) if served.reply.delay_headers_s else ()


def html_body(served: Served) -> bytes:
    """Return the script's body, or a gateway's error page."""
    body = served.reply.body
    return (body if isinstance(body, str) else HTML).encode()


def _raw_action(step: Step) -> Action:
    if step.send is not None:
        return Send(step.send.encode())
    if step.send_base64 is not None:
        return Send(base64.b64decode(step.send_base64))
    if step.sleep_s is not None:
        return Sleep(step.sleep_s)
    if step.rst:
        return Reset()
    return Hang() if step.hang else Close()
