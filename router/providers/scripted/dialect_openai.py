"""Renders answers as OpenAI Chat Completions, whole or as SSE; bending the format is `quirks.py`'s."""

from __future__ import annotations

from typing import TYPE_CHECKING

from router.providers.scripted.answer import argument_fragments, arguments_text
from router.providers.scripted.quirks import Chunks, bend_plain, bend_stream, encode_event
from router.providers.scripted.rendering import StreamParts, sse

if TYPE_CHECKING:
    from collections.abc import Iterator

    from config.types import Json
    from router.providers.scripted.answer import Answer
    from router.providers.scripted.rendering import Failure


class OpenAIRendering:
    """OpenAI Chat Completions."""

    stream_type = "text/event-stream; charset=utf-8"
    broken_json = b'data: {"id":"chatcmpl-broken","object":"chat.completion.chunk","choices":[{"index":0,"del\n\n'
    malformed = b'data: {"choices":[{"index":0,\n"delta":{"content":"\xff\xfe"}}]}\ndta; no field\n\n'
    endless = b'data: {"choices":[{"index":0,"delta":{"content":"'

    def stream(self, answer: Answer) -> StreamParts:
        """Render role chunks, content, finish chunks and, when asked for, one usage chunk; `[DONE]` is the mark."""
        chunks = Chunks(
            opening=[
                _chunk(answer, choice, {"role": "assistant", "content": _opening_content(answer), "refusal": None})
                for choice in range(answer.n)
            ],
            content=[
                _chunk(answer, choice, delta)
                for delta in _deltas(answer)
                for choice in range(answer.n)  # choices of one request arrive interleaved
            ],
            closing=[_chunk(answer, choice, {}, finish=answer.finish) for choice in range(answer.n)],
            usage=[_chunk(answer, None, {}) | {"usage": _usage(answer)}] if answer.include_usage else [],
        )
        if answer.include_usage:
            for chunk in (*chunks.opening, *chunks.content, *chunks.closing):
                chunk["usage"] = None
        _name_calls(chunks, answer)
        bend_stream(chunks, answer, usage=_usage(answer))
        quirks = answer.quirks
        return StreamParts(
            opening=b"".join(encode_event(chunk, quirks) for chunk in chunks.opening),
            content=tuple(encode_event(chunk, quirks) for chunk in chunks.content),
            closing=b"".join(encode_event(chunk, quirks) for chunk in (*chunks.closing, *chunks.usage)),
            done=encode_event("[DONE]", quirks),
        )

    def plain(self, answer: Answer) -> Json:
        """Render a `chat.completion`."""
        body: Json = {
            "id": f"chatcmpl-scripted-{answer.serial}",
            "object": "chat.completion",
            "created": answer.created,
            "model": answer.model,
            "choices": [
                {"index": i, "message": _message(answer, i), "logprobs": None, "finish_reason": answer.finish}
                for i in range(answer.n)
            ],
            "usage": _usage(answer),
            "system_fingerprint": "fp_scripted",
        }
        bend_plain(body, answer)
        return body

    def error(self, failure: Failure) -> Json:
        """Render OpenAI's error object, with all four keys."""
        return {
            "error": {
                "message": failure.message,
                "type": failure.openai_type,
                "param": failure.param,
                "code": failure.code,
            }
        }

    def error_event(self, body: bytes) -> bytes:
        """Render the error as a data event and the end mark, as vLLM does."""
        return sse(body) + b"data: [DONE]\n\n"


def _chunk(answer: Answer, choice: int | None, delta: Json, *, finish: str | None = None) -> Json:
    """Return a chunk of one choice; `choice=None` is the usage chunk, which has none."""
    one = {"index": choice, "delta": dict(delta), "logprobs": None, "finish_reason": finish}
    return {
        "id": f"chatcmpl-scripted-{answer.serial}",
        "object": "chat.completion.chunk",
        "created": answer.created,
        "model": answer.model,
        "system_fingerprint": "fp_scripted",
        "choices": [] if choice is None else [one],
    }


def _opening_content(answer: Answer) -> str | None:
    return None if answer.tool_calls and not answer.pieces else ""


def _deltas(answer: Answer) -> Iterator[Json]:
    for piece in answer.reasoning:
        yield {"reasoning_content": piece}
    for piece in answer.pieces:
        yield {"content": piece}
    for piece in answer.refusal:
        yield {"refusal": piece}
    for i, call in enumerate(answer.tool_calls):
        function = {"name": call.name, "arguments": ""}
        yield {"tool_calls": [{"index": i, "id": call.id or "", "type": "function", "function": function}]}
        for fragment in argument_fragments(call):
            yield {"tool_calls": [{"index": i, "function": {"arguments": fragment}}]}


def _name_calls(chunks: Chunks, answer: Answer) -> None:
    """Give each tool call of each choice an id, and its own objects: the deltas are shared between choices."""
    for chunk in chunks.content:
        for choice in chunk["choices"]:
            calls = choice["delta"].get("tool_calls")
            if calls is not None:
                choice["delta"]["tool_calls"] = [
                    {**call, "function": dict(call["function"])}
                    | ({"id": call["id"] or _call_id(answer, choice["index"], call["index"])} if "id" in call else {})
                    for call in calls
                ]


def _call_id(answer: Answer, choice: int, index: int) -> str:
    return f"call_{answer.serial}x{choice}x{index}"


def _message(answer: Answer, choice: int) -> Json:
    text = "".join(answer.pieces)
    message: Json = {
        "role": "assistant",
        "content": text if text or not (answer.tool_calls or answer.refusal) else None,
        "refusal": "".join(answer.refusal) or None,
    }
    if answer.reasoning:
        message["reasoning_content"] = "".join(answer.reasoning)
    if answer.tool_calls:
        message["tool_calls"] = [
            {
                "id": call.id or _call_id(answer, choice, i),
                "type": "function",
                "function": {"name": call.name, "arguments": arguments_text(call)},
            }
            for i, call in enumerate(answer.tool_calls)
        ]
    return message


def _usage(answer: Answer) -> Json:
    return {
        "prompt_tokens": answer.input_tokens,
        "completion_tokens": answer.output_tokens,
        "total_tokens": answer.input_tokens + answer.output_tokens,
        "prompt_tokens_details": {"cached_tokens": answer.cached_tokens, "audio_tokens": 0},
        "completion_tokens_details": {"reasoning_tokens": answer.reasoning_tokens, "audio_tokens": 0},
    }
