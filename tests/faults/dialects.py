"""The least each upstream dialect says, as bytes: a stream's parts, a whole answer, and its errors."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from http import HTTPStatus
from typing import Literal, cast

from typing_extensions import override

from router.providers.scripted.actions import Send

Dialect = Literal["openai", "anthropic", "ollama"]
Finish = Literal["stop", "length", "content_filter"]

DIALECTS: tuple[Dialect, ...] = ("openai", "anthropic", "ollama")
_OPENAI_USAGE = {"prompt_tokens": 9, "completion_tokens": 2, "total_tokens": 11}
ANTHROPIC_STOPS = {"stop": "end_turn", "length": "max_tokens", "content_filter": "refusal"}


def head(status: int, *headers: str, length: int | None = None, kind: str = "application/json") -> bytes:
    """Return a response's head; without a length its body comes in chunks."""
    framing = "transfer-encoding: chunked" if length is None else f"content-length: {length}"
    lines = [f"HTTP/1.1 {status} {_phrase(status)}", f"content-type: {kind}", framing, "connection: close", *headers]
    return "\r\n".join([*lines, "", ""]).encode()


def chunk(data: bytes) -> bytes:
    """Return a chunk of a body; an empty one ends it."""
    return f"{len(data):x}\r\n".encode() + data + b"\r\n"


def response(status: int, body: bytes, *headers: str, kind: str = "application/json") -> tuple[Send]:
    """Return the script of a whole response."""
    return (Send(head(status, *headers, length=len(body), kind=kind) + body),)


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Odd"


def _sse(data: object, event: str | None = None) -> bytes:
    return (f"event: {event}\n".encode() if event else b"") + b"data: " + json.dumps(data).encode() + b"\n\n"


class Words(ABC):
    """How one dialect says things."""

    dialect: Dialect
    kind = "text/event-stream"
    path = ""
    """What its base URL ends with."""
    after_end: bytes
    """What a sloppy server still sends after its end."""

    @abstractmethod
    def opening(self) -> bytes:
        """Return what comes before any content."""

    @abstractmethod
    def text(self, text: str) -> bytes:
        """Return a piece of content."""

    def more(self, text: str) -> bytes:
        """Return another piece of the same content."""
        return self.text(text)

    @abstractmethod
    def ending(self, finish: Finish = "stop") -> bytes:
        """Return the end of an answer, with its reason and the usage."""

    @abstractmethod
    def whole(self, text: str, finish: Finish = "stop") -> bytes:
        """Return a whole answer of a plain call."""

    @abstractmethod
    def error(self, message: str, kind: str, **fields: object) -> bytes:
        """Return an error body."""

    def error_event(self, message: str, kind: str) -> bytes:
        """Return an error inside a stream."""
        return b"data: " + self.error(message, kind) + b"\n\n"

    def raw(self, data: bytes) -> bytes:
        """Return a frame of this dialect around any bytes."""
        return b"data: " + data + b"\n\n"


class OpenAIWords(Words):
    """`/v1/chat/completions`."""

    dialect = "openai"
    path = "/v1"
    after_end = b"data: [DONE]\n\n" + _sse({"choices": [{"index": 0, "delta": {"content": " late"}}]}) + b"late bytes"

    def _chunk(self, delta: object, finish: str | None = None, **more: object) -> bytes:
        choices = [{"index": 0, "delta": delta, "finish_reason": finish}]
        base = {"id": "c-1", "object": "chat.completion.chunk", "created": 1, "model": "faulty"}
        return _sse({**base, "choices": choices, **more})

    @override
    def opening(self) -> bytes:
        return self._chunk({"role": "assistant", "content": ""})

    @override
    def text(self, text: str) -> bytes:
        return self._chunk({"content": text})

    @override
    def ending(self, finish: Finish = "stop") -> bytes:
        return self._chunk({}, finish) + self._chunk({}, choices=[], usage=_OPENAI_USAGE) + b"data: [DONE]\n\n"

    @override
    def whole(self, text: str, finish: Finish = "stop") -> bytes:
        choice = {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": finish}
        body = {"id": "c-1", "object": "chat.completion", "created": 1, "model": "faulty", "choices": [choice]}
        return json.dumps({**body, "usage": _OPENAI_USAGE}).encode()

    @override
    def error(self, message: str, kind: str, **fields: object) -> bytes:
        return json.dumps({"error": {"message": message, "type": kind, "param": None, "code": None, **fields}}).encode()


class AnthropicWords(Words):
    """`/v1/messages`."""

    dialect = "anthropic"
    after_end = _sse({"type": "message_stop"}, "message_stop") + b"late bytes"

    @override
    def opening(self) -> bytes:
        usage = {"input_tokens": 9, "output_tokens": 1}
        message = {"id": "msg-1", "type": "message", "role": "assistant", "model": "faulty", "content": []}
        start = {"type": "message_start", "message": {**message, "stop_reason": None, "usage": usage}}
        return _sse(start, "message_start")

    @override
    def text(self, text: str) -> bytes:
        block = {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}}
        return _sse(block, "content_block_start") + self.more(text)

    @override
    def more(self, text: str) -> bytes:
        delta = {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": text}}
        return _sse(delta, "content_block_delta")

    @override
    def ending(self, finish: Finish = "stop") -> bytes:
        last = {"stop_reason": ANTHROPIC_STOPS[finish], "stop_sequence": None}
        return (
            _sse({"type": "content_block_stop", "index": 0}, "content_block_stop")
            + _sse({"type": "message_delta", "delta": last, "usage": {"output_tokens": 2}}, "message_delta")
            + _sse({"type": "message_stop"}, "message_stop")
        )

    @override
    def whole(self, text: str, finish: Finish = "stop") -> bytes:
        content = [{"type": "text", "text": text}] if text else []
        body = {"id": "msg-1", "type": "message", "role": "assistant", "model": "faulty", "content": content}
        usage = {"input_tokens": 9, "output_tokens": 2}
        return json.dumps({**body, "stop_reason": ANTHROPIC_STOPS[finish], "usage": usage}).encode()

    @override
    def error(self, message: str, kind: str, **fields: object) -> bytes:
        return json.dumps({"type": "error", "error": {"type": kind, "message": message, **fields}}).encode()

    @override
    def error_event(self, message: str, kind: str) -> bytes:
        return b"event: error\n" + super().error_event(message, kind)

    @override
    def raw(self, data: bytes) -> bytes:
        return b"event: content_block_delta\n" + super().raw(data)


class OllamaWords(Words):
    """`/api/chat`, one JSON object a line."""

    dialect = "ollama"
    kind = "application/x-ndjson"
    after_end = b'{"done":true}\nlate bytes'

    def _line(self, text: str, **more: object) -> bytes:
        body = {"model": "faulty", "created_at": "2026-01-01T00:00:00Z"}
        message = {"role": "assistant", "content": text}
        return json.dumps({**body, "message": message, "done": False, **more}).encode() + b"\n"

    @override
    def opening(self) -> bytes:
        return self._line("")

    @override
    def text(self, text: str) -> bytes:
        return self._line(text)

    @override
    def ending(self, finish: Finish = "stop") -> bytes:
        return self._line("", done=True, done_reason=finish, prompt_eval_count=9, eval_count=2)

    @override
    def whole(self, text: str, finish: Finish = "stop") -> bytes:
        return self._line(text, done=True, done_reason=finish, prompt_eval_count=9, eval_count=2)

    @override
    def error(self, message: str, kind: str, **fields: object) -> bytes:
        return json.dumps({"error": message}).encode()

    @override
    def error_event(self, message: str, kind: str) -> bytes:
        return self.error(message, kind) + b"\n"

    @override
    def raw(self, data: bytes) -> bytes:
        return data + b"\n"


WORDS: dict[Dialect, Words] = {
    words.dialect: words for words in cast("tuple[Words, ...]", (OpenAIWords(), AnthropicWords(), OllamaWords()))
}
