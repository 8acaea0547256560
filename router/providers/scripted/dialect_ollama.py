"""Renders answers as Ollama's native `/api/chat`, whole or as NDJSON."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import msgspec

from router.providers.scripted.answer import arguments_text
from router.providers.scripted.rendering import StreamParts, encode_json

if TYPE_CHECKING:
    from collections.abc import Iterator

    from config.types import Json
    from router.providers.scripted.answer import Answer
    from router.providers.scripted.rendering import Failure
    from router.providers.scripted.script import ToolCall

_NS_PER_TOKEN = 20_000_000


class OllamaRendering:
    """Ollama's native chat."""

    stream_type = "application/x-ndjson"
    broken_json = b'{"model":"scripted","message":{"role":"assistant","con\n'
    malformed = b'{"message":{"content":"\xff\xfe"}},,\nno object\n'
    endless = b'{"message":{"role":"assistant","content":"'

    def stream(self, answer: Answer) -> StreamParts:
        """Render a line per piece, tool calls whole, and the `done` line with its counts."""
        lines = [_line(_envelope(answer) | {"message": message, "done": False}) for message in _messages(answer)]
        last = {"message": {"role": "assistant", "content": ""}, **_end(answer)}
        return StreamParts(opening=b"", content=tuple(lines), closing=_line(_envelope(answer) | last), done=b"")

    def plain(self, answer: Answer) -> Json:
        """Render the whole answer as one object."""
        message: Json = {"role": "assistant", "content": "".join((*answer.pieces, *answer.refusal))}
        if answer.reasoning:
            message["thinking"] = "".join(answer.reasoning)
        if answer.tool_calls:
            message["tool_calls"] = [_call(call) for call in answer.tool_calls]
        return _envelope(answer) | {"message": message, **_end(answer)}

    def error(self, failure: Failure) -> Json:
        """Render Ollama's error, which is a sentence."""
        return {"error": failure.message}

    def error_event(self, body: bytes) -> bytes:
        """Render the error as a line; nothing follows it."""
        return body + b"\n"


def _line(data: Json) -> bytes:
    return encode_json(data) + b"\n"


def _envelope(answer: Answer) -> Json:
    created = datetime.fromtimestamp(answer.created, tz=UTC).strftime("%Y-%m-%dT%H:%M:%S.000000000Z")
    return {"model": answer.model, "created_at": created}


def _messages(answer: Answer) -> Iterator[Json]:
    for piece in answer.reasoning:
        yield {"role": "assistant", "content": "", "thinking": piece}
    for piece in (*answer.pieces, *answer.refusal):
        yield {"role": "assistant", "content": piece}
    for call in answer.tool_calls:
        yield {"role": "assistant", "content": "", "tool_calls": [_call(call)]}


def _call(call: ToolCall) -> Json:
    """Return a call Ollama's way: arguments are an object, and there is an id only where the script gives one."""
    try:
        arguments: object = msgspec.json.decode(arguments_text(call))
    except msgspec.DecodeError:  # the script wanted broken arguments
        arguments = call.arguments
    named: Json = {"id": call.id} if call.id else {}
    return {**named, "function": {"name": call.name, "arguments": arguments}}


def _end(answer: Answer) -> Json:
    """Return the closing fields: the reason is `stop` after tool calls too, and durations are nanoseconds."""
    return {
        "done": True,
        "done_reason": "length" if answer.finish == "length" else "stop",
        "total_duration": (answer.input_tokens + answer.output_tokens) * _NS_PER_TOKEN,
        "load_duration": 1_000_000,
        "prompt_eval_count": answer.input_tokens,
        "prompt_eval_duration": answer.input_tokens * _NS_PER_TOKEN,
        "eval_count": answer.output_tokens,
        "eval_duration": answer.output_tokens * _NS_PER_TOKEN,
    }
