"""Anthropic Messages for clients: events of the same dialect are forwarded, all others are rendered."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from proxy.error_responses import anthropic_error_body
from proxy.sinks.anthropic_blocks import Blocks
from router.events import Finish, MessageStart, RefusalDelta, UsageReport

if TYPE_CHECKING:
    from collections.abc import Iterable

    from config.errors import ClientFacingError
    from config.types import Json, Usage
    from router.events import Completion, Dialect, Event, FinishReason, Frame
    from router.providers.base import ChatRequest

_ENCODER: Final = msgspec.json.Encoder()
_STOP_REASONS: Final[dict[FinishReason, str]] = {
    "stop": "end_turn",
    "length": "max_tokens",
    "tool_calls": "tool_use",
    "function_call": "tool_use",
    "content_filter": "refusal",
}


class AnthropicSink:
    """Answers one Messages request."""

    dialect: Dialect = "anthropic"
    content_type_stream = "text/event-stream; charset=utf-8"
    keepalive = b'event: ping\ndata: {"type":"ping"}\n\n'

    def __init__(self, request: ChatRequest) -> None:
        self._id = request.id
        self._model = str(request.body.get("model") or "")
        self._blocks = Blocks()
        self._usage: Usage | None = None
        self._finish: Finish | None = None
        self._refused = False
        self._begun = False
        self._forwarded = False

    def served(self, model: str) -> None:
        """Take no note: the upstream's own name for the model is what Anthropic's clients expect."""

    def stream_frame(self, frame: Frame, *, source: Dialect) -> bytes:
        """Return the upstream's bytes, or events rendered from ours."""
        if source == self.dialect:
            self._forwarded = True
            return frame.raw
        self._observe(frame.events)
        rendered = self._open()
        rendered.extend(self._blocks.flush())
        return b"".join(map(_event, rendered))

    def end(self) -> bytes:
        """Return the end of the message; a forwarded stream has sent its own."""
        if self._forwarded:
            return b""
        rendered = self._open()
        rendered.extend(self._blocks.flush(at_end=True))
        delta: Json = {"stop_reason": self._stop_reason(), "stop_sequence": None}
        rendered.append({"type": "message_delta", "delta": delta, "usage": self._usage_object()})
        rendered.append({"type": "message_stop"})
        return b"".join(map(_event, rendered))

    def error(self, error: ClientFacingError) -> bytes:
        """Return the error event, after which Anthropic's clients expect nothing."""
        return b"event: error\ndata: " + anthropic_error_body(error) + b"\n\n"

    def plain(self, completion: Completion, *, source: Dialect) -> bytes:
        """Return a message; the upstream's own bytes where it speaks Anthropic."""
        if source == self.dialect:
            return completion.raw
        self._observe(completion.events)
        content = [block.to_json() for block in self._blocks.all]
        return _ENCODER.encode(self._message(content, self._stop_reason()))

    def _open(self) -> list[Json]:
        if self._begun:
            return []
        self._begun = True
        return [{"type": "message_start", "message": self._message([], None)}]

    def _observe(self, events: Iterable[Event]) -> None:
        for event in events:
            match event:
                case MessageStart(id=id, model=model):
                    self._id = self._id or id.removeprefix("chatcmpl-")
                    self._model = model or self._model
                case UsageReport(usage=usage):
                    self._usage = usage
                case Finish():
                    self._finish = self._finish or event
                case _ if event.choice == 0:  # a message has one choice
                    self._refused = self._refused or isinstance(event, RefusalDelta)
                    self._blocks.add(event)
                case _:
                    pass

    def _message(self, content: list[Json], stop_reason: str | None) -> Json:
        return {
            "id": f"msg_{self._id}",
            "type": "message",
            "role": "assistant",
            "model": self._model,
            "content": content,
            "stop_reason": stop_reason,
            "stop_sequence": None,
            "usage": self._usage_object(),
        }

    def _stop_reason(self) -> str:
        reason = self._finish.reason if self._finish is not None else "stop"
        if self._blocks.has_calls and reason == "stop":
            return "tool_use"
        return "refusal" if self._refused and reason == "stop" else _STOP_REASONS[reason]

    def _usage_object(self) -> Json:
        """Anthropic counts cached input apart from `input_tokens`."""
        usage = self._usage
        if usage is None:
            return {"input_tokens": 0, "output_tokens": 0}
        cached, written = usage.cached_tokens, usage.cache_write_tokens
        counts: Json = {"input_tokens": max(0, usage.input_tokens - (cached or 0) - written)}
        if cached is not None:
            counts.update(cache_creation_input_tokens=written, cache_read_input_tokens=cached)
        counts["output_tokens"] = usage.output_tokens
        return {**counts, "estimated": True} if usage.source == "estimated" else counts


def _event(fields: Json) -> bytes:
    return b"event: " + str(fields["type"]).encode() + b"\ndata: " + _ENCODER.encode(fields) + b"\n\n"
