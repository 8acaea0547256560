"""Bends OpenAI's format the way look-alikes do, so that repairs can be proven; one function per group of quirks."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import msgspec

from router.providers.scripted.answer import arguments_text
from router.providers.scripted.rendering import encode_json

if TYPE_CHECKING:
    from collections.abc import Iterator
    from collections.abc import Set as AbstractSet

    from router.providers.scripted.answer import Answer
    from router.providers.scripted.script import Quirk

Chunk = dict[str, Any]
"""A decoded chunk at the wire border."""


@dataclass(slots=True)
class Chunks:
    """The chunks of a stream before they are bytes; bending changes them in place."""

    opening: list[Chunk]
    content: list[Chunk]
    closing: list[Chunk]
    usage: list[Chunk]


def with_think_tags(answer: Answer) -> Answer:
    """Return the answer with its reasoning inside the text, between `<think>` tags."""
    if "think_tags" not in answer.quirks or not answer.reasoning:
        return answer
    return replace(answer, reasoning=(), pieces=("<think>", *answer.reasoning, "</think>", *answer.pieces))


def bend_stream(chunks: Chunks, answer: Answer, *, usage: Chunk) -> None:
    """Apply the answer's quirks to its chunks."""
    if answer.quirks:
        _bend_tools(chunks, answer)
        _bend_deltas(chunks, answer.quirks)
        _bend_finish(chunks, answer)
        _bend_usage(chunks, answer.quirks, usage)
        _bend_frames(chunks, answer.quirks)


def bend_plain(body: Chunk, answer: Answer) -> None:
    """Apply the answer's quirks to a whole answer."""
    quirks = answer.quirks
    for choice in body["choices"]:
        message: Chunk = choice["message"]
        for call in message.get("tool_calls", ()):
            if "args_object" in quirks:
                call["function"]["arguments"] = _decoded(call["function"]["arguments"])
            _drop_call_fields(call, quirks)
        if "finish_stop_with_tools" in quirks and answer.tool_calls:
            choice["finish_reason"] = "stop"
        if "reasoning_field" in quirks and "reasoning_content" in message:
            message["reasoning"] = message.pop("reasoning_content")
        if "role_missing" in quirks:
            del message["role"]
        if "role_empty" in quirks:
            message["role"] = ""
    if "usage_never" in quirks:
        del body["usage"]


def encode_event(data: Chunk | str, quirks: AbstractSet[Quirk]) -> bytes:
    """Return one SSE event of a chunk or of the terminal mark."""
    payload = data.encode() if isinstance(data, str) else encode_json(data)
    end = b"\r\n\r\n" if "crlf" in quirks else b"\n\n"
    comment = b": processing" + end if "comments" in quirks else b""
    return comment + (b"data:" if "data_no_space" in quirks else b"data: ") + payload + end


def _choices(chunks: list[Chunk]) -> Iterator[Chunk]:
    for chunk in chunks:
        yield from chunk["choices"]


def _bend_tools(chunks: Chunks, answer: Answer) -> None:
    quirks = answer.quirks
    if quirks & {"tool_call_whole", "args_object"}:
        _join_calls(chunks, answer)
    first_ids: dict[tuple[int, int], str] = {}
    for choice in _choices(chunks.content):
        for call in choice["delta"].get("tool_calls", ()):
            key = (choice["index"], call["index"])
            first_ids.setdefault(key, call.get("id", ""))
            if "tool_id_every_chunk" in quirks:
                call["id"] = first_ids[key]
            _drop_call_fields(call, quirks)


def _drop_call_fields(call: Chunk, quirks: AbstractSet[Quirk]) -> None:
    if "tool_id_missing" in quirks:
        call.pop("id", None)
    if "tool_type_missing" in quirks:
        call.pop("type", None)
    if "tool_index_missing" in quirks:
        call.pop("index", None)
    elif "tool_index_zero" in quirks and "index" in call:
        call["index"] = 0


def _join_calls(chunks: Chunks, answer: Answer) -> None:
    """Send each call whole, in the chunk that started it."""
    whole: list[Chunk] = []
    for chunk in chunks.content:
        for call in chunk["choices"][0]["delta"].get("tool_calls", ()):
            if "id" in call:
                text = arguments_text(answer.tool_calls[int(call["index"])])
                call["function"]["arguments"] = _decoded(text) if "args_object" in answer.quirks else text
                whole.append(chunk)
            break
        else:
            whole.append(chunk)
    chunks.content = whole


def _decoded(text: str) -> object:
    try:
        return msgspec.json.decode(text)
    except msgspec.DecodeError:  # the script wanted broken arguments
        return text


def _bend_deltas(chunks: Chunks, quirks: AbstractSet[Quirk]) -> None:
    for choice in _choices(chunks.opening):
        if "role_missing" in quirks:
            del choice["delta"]["role"]
        if "content_null_first" in quirks:
            choice["delta"]["content"] = None
    for choice in _choices([*chunks.opening, *chunks.content, *chunks.closing]):
        delta: Chunk = choice["delta"]
        if "role_every_chunk" in quirks:
            delta["role"] = "assistant"
        if "role_empty" in quirks:
            delta["role"] = ""
        if "reasoning_field" in quirks and "reasoning_content" in delta:
            delta["reasoning"] = delta.pop("reasoning_content")


def _bend_finish(chunks: Chunks, answer: Answer) -> None:
    quirks = answer.quirks
    if "finish_stop_with_tools" in quirks and answer.tool_calls:
        for choice in _choices(chunks.closing):
            choice["finish_reason"] = "stop"
    if "finish_empty_string" in quirks:
        for choice in _choices([*chunks.opening, *chunks.content]):
            choice["finish_reason"] = ""
    if "finish_with_content" in quirks and len(chunks.content) >= answer.n:
        for choice, last in zip(_choices(chunks.closing), _choices(chunks.content[-answer.n :]), strict=True):
            last["finish_reason"] = choice["finish_reason"]
        chunks.closing = []
    if "finish_repeated" in quirks:
        chunks.closing = [*chunks.closing, *chunks.closing]


def _bend_usage(chunks: Chunks, quirks: AbstractSet[Quirk], usage: Chunk) -> None:
    if "usage_unasked" in quirks and not chunks.usage:
        last = (chunks.closing or chunks.content or chunks.opening)[-1]
        chunks.usage = [{**last, "choices": [], "usage": usage}]
    if "usage_with_choice" in quirks:
        for chunk in chunks.usage:
            chunk["choices"] = [{"index": 0, "delta": {}}]
    if "usage_on_finish" in quirks:
        chunks.usage = []
        (chunks.closing or chunks.content or chunks.opening)[-1]["usage"] = usage
    if "usage_every_chunk" in quirks:
        for n, chunk in enumerate([*chunks.opening, *chunks.content, *chunks.closing]):
            so_far = min(n, usage["completion_tokens"])
            total = usage["prompt_tokens"] + so_far
            chunk["usage"] = usage | {"completion_tokens": so_far, "total_tokens": total}
    if "usage_never" in quirks:
        chunks.usage = []


def _bend_frames(chunks: Chunks, quirks: AbstractSet[Quirk]) -> None:
    if "id_per_chunk" in quirks:
        every = [*chunks.opening, *chunks.content, *chunks.closing, *chunks.usage]
        for n, chunk in enumerate(every):
            chunk["id"] = f"{chunk['id']}-{n}"
    if "empty_choices_first" in quirks:
        first: Chunk = {"id": "", "object": "", "created": 0, "model": "", "choices": [], "prompt_filter_results": []}
        chunks.opening.insert(0, first)
