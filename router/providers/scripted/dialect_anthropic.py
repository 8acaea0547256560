"""Renders answers as Anthropic Messages, whole or as SSE."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from router.providers.scripted.answer import argument_fragments, arguments_text
from router.providers.scripted.rendering import StreamParts, encode_json, sse

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from config.types import Json
    from router.events import FinishReason
    from router.providers.scripted.answer import Answer
    from router.providers.scripted.rendering import Failure
    from router.providers.scripted.script import ToolCall

STOP_REASONS: Mapping[FinishReason, str] = {
    "stop": "end_turn",
    "length": "max_tokens",
    "tool_calls": "tool_use",
    "function_call": "tool_use",
    "content_filter": "refusal",
}


class AnthropicRendering:
    """Anthropic Messages."""

    stream_type = "text/event-stream; charset=utf-8"
    broken_json = b'event: content_block_delta\ndata: {"type":"content_block_delta","index":0,"del\n\n'
    malformed = (
        b'event: content_block_delta\ndata: {"type":"content_block_delta",\n"index":\xff\xfe}\ndta; no field\n\n'
    )
    endless = b'event: content_block_delta\ndata: {"type":"content_block_delta","index":0,"delta":{"text":"'

    def stream(self, answer: Answer) -> StreamParts:
        """Render message_start and ping, contiguous content blocks, message_delta; message_stop is the mark."""
        message: Json = {
            **_envelope(answer),
            "content": [],
            "stop_reason": None,
            "usage": {**_input(answer), "output_tokens": 1},
        }
        pieces: list[bytes] = []
        before = b""
        for index, (block, deltas) in enumerate(_blocks(answer)):
            before += _event("content_block_start", {"index": index, "content_block": block})
            for delta in deltas:
                pieces.append(before + _event("content_block_delta", {"index": index, "delta": delta}))
                before = b""
            before = _event("content_block_stop", {"index": index})
        final: Json = {
            "delta": {"stop_reason": _stop_reason(answer), "stop_sequence": None},
            "usage": {"output_tokens": answer.output_tokens},
        }
        return StreamParts(
            opening=_event("message_start", {"message": message}) + _event("ping", {}),
            content=tuple(pieces),
            closing=before + _event("message_delta", final),
            done=_event("message_stop", {}),
        )

    def plain(self, answer: Answer) -> Json:
        """Render a whole message."""
        content: list[Json] = []
        for block, deltas in _blocks(answer):
            for delta in deltas:
                _fold(block, delta)
            content.append(block)
        calls = iter(answer.tool_calls)
        for block in content:
            if block["type"] == "tool_use":
                block["input"] = _input_object(next(calls))
        return {
            **_envelope(answer),
            "content": content,
            "stop_reason": _stop_reason(answer),
            "usage": {**_input(answer), "output_tokens": answer.output_tokens},
        }

    def error(self, failure: Failure) -> Json:
        """Render Anthropic's error object."""
        return {"type": "error", "error": {"type": failure.anthropic_type, "message": failure.message}}

    def error_event(self, body: bytes) -> bytes:
        """Render the error as an `error` event; nothing follows it."""
        return sse(body, event="error")


def _event(kind: str, fields: Json) -> bytes:
    return sse(encode_json({"type": kind, **fields}), event=kind)


def _envelope(answer: Answer) -> Json:
    return {
        "id": f"msg_scripted{answer.serial}",
        "type": "message",
        "role": "assistant",
        "model": answer.model,
        "stop_sequence": None,
    }


def _blocks(answer: Answer) -> Iterator[tuple[Json, Iterable[Json]]]:
    """Yield each content block as it starts, with its deltas."""
    if answer.reasoning:
        thoughts: list[Json] = [{"type": "thinking_delta", "thinking": piece} for piece in answer.reasoning]
        signature: Json = {"type": "signature_delta", "signature": answer.signature}
        yield {"type": "thinking", "thinking": "", "signature": ""}, [*thoughts, signature]
    if answer.pieces or answer.refusal:
        texts: list[Json] = [{"type": "text_delta", "text": piece} for piece in (*answer.pieces, *answer.refusal)]
        yield {"type": "text", "text": ""}, texts
    for i, call in enumerate(answer.tool_calls):
        fragments = ("", *argument_fragments(call))
        deltas: list[Json] = [{"type": "input_json_delta", "partial_json": fragment} for fragment in fragments]
        yield (
            {"type": "tool_use", "id": call.id or f"toolu_{answer.serial}x{i}", "name": call.name, "input": {}},
            deltas,
        )


def _fold(block: Json, delta: Json) -> None:
    """Add a delta to a block of text or thinking."""
    for key in ("text", "thinking", "signature"):
        if key in delta:
            block[key] = f"{block[key]}{delta[key]}"


def _input_object(call: ToolCall) -> object:
    """Return a call's arguments as the object Anthropic sends; a script's broken JSON has none."""
    try:
        return msgspec.json.decode(arguments_text(call))
    except msgspec.DecodeError:
        return {}


def _stop_reason(answer: Answer) -> str:
    return "refusal" if answer.refusal and answer.finish == "stop" else STOP_REASONS[answer.finish]


def _input(answer: Answer) -> Json:
    """Return input counts Anthropic's way: cached tokens are beside `input_tokens`, not in it."""
    return {
        "input_tokens": max(0, answer.input_tokens - answer.cached_tokens - answer.cache_write_tokens),
        "cache_creation_input_tokens": answer.cache_write_tokens,
        "cache_read_input_tokens": answer.cached_tokens,
    }
