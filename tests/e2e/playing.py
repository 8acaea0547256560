"""How each upstream dialect plays the scripts of `tests/proxy/scripts.py`, and what must be left of them.

Most are told to the public double as what they say; what it has no words for (blocks with signatures, interleaved
calls, unlike choices, log probabilities, an end without counts) stands here as the dialect's own bytes.
"""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from config.types import Usage
from router.events import Finish, TextDelta, ToolCallArguments, ToolCallStart
from router.providers.scripted import Match, Reply, Script, Step, ToolCall, UsageSpec
from tests.proxy.scripts import SCRIPTS, EventScript

if TYPE_CHECKING:
    from collections.abc import Iterable

    from router.events import Event

    Json = dict[str, Any]

WIRE_SOURCES = ("openai", "anthropic", "ollama")
SSE_HEAD = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n"
NDJSON_HEAD = SSE_HEAD.replace("text/event-stream", "application/x-ndjson")
BY_NAME = {script.name: script for script in SCRIPTS}


def cue(name: str) -> str:
    """Return the user turn on which an upstream plays a script; none is a part of another."""
    return f"Please play <{name}> for me."


def counts_of(script: EventScript) -> Usage:
    """Return what the upstream counts: the script's own, or numbers that no other script has."""
    n = SCRIPTS.index(BY_NAME[script.name])
    reasoning_tokens = 3 if script.reasoning else 0
    told = script.usage or Usage(input_tokens=100 + n, output_tokens=40 + n, reasoning_tokens=reasoning_tokens)
    if told.source == "estimated":
        return told
    return replace(told, cached_tokens=told.cached_tokens or 0, reasoning_tokens=told.reasoning_tokens or 0)


def expected(script: EventScript, source: str) -> EventScript:
    """Return what a client of any door must have of a script in the end, by what the source can say at all."""
    counted = counts_of(script)
    if counted.source == "estimated":  # the upstream is silent: these are our own counts of the cue and of the text
        counted = replace(counted, input_tokens=15, output_tokens=1)
    if source == "openai":
        counted = replace(counted, cache_write_tokens=0)  # OpenAI bills no writing, and has no count for it
        return replace(script, usage=counted, thinking_blocks=())
    if source == "ollama":  # two counts are all there are
        return replace(script, usage=Usage(counted.input_tokens, counted.output_tokens, source=counted.source))
    counted = replace(counted, reasoning_tokens=None)  # the double's Anthropic does not tell them apart
    if script.name == "signed_reasoning":  # written out by hand, with two counts
        counted = replace(counted, cached_tokens=None)
    if script.refusal:  # no slot of its own: a text, and a reason to stop
        return replace(script, usage=counted, text=script.refusal, refusal="", finish="content_filter")
    return replace(script, usage=counted)


def script_of(source: str, played: Iterable[str]) -> Script:
    """Return the double's script for one upstream; any other question is a mistake of the test and is refused."""
    replies = [reply for name in played for reply in _replies(BY_NAME[name], source)]
    return Script((*replies, *_faults()))


def _faults() -> tuple[Reply, ...]:
    return tuple(replace(reply, match=Match(contains=cue(name))) for name, reply in FAULTS.items())


FAULTS: dict[str, Reply] = {
    "empty_text": Reply(usage=UsageSpec(9, 0)),
    "context_overflow": Reply(fault="context_overflow"),
    "rate_limited": Reply(fault="rate_limited", headers={"retry-after": "7"}),
    "bad_key": Reply(fault="bad_key"),
    "server_error": Reply(fault="server_error"),
    "error_event": Reply(text="one two three", fault="error_event", after_chunks=2),
    "cut_mid_stream": Reply(text="one two three", fault="cut_mid_stream", after_chunks=2),
}


def _replies(script: EventScript, source: str) -> tuple[Reply, ...]:
    match (script.name, source):
        case ("signed_reasoning", "anthropic"):
            return _raw(script, SSE_HEAD + _anthropic_stream(script), _anthropic_plain(script))
        case ("interleaved_tools" | "two_choices" | "logprobs", "openai"):
            return _raw(script, SSE_HEAD + _openai_stream(script), _openai_plain(script))
        case ("usage_estimated", "ollama"):
            lines = [_ollama_line(script.text, done=False), _ollama_line("", done=True)]
            stream = "".join(json.dumps(line) + "\n" for line in lines)
            return _raw(script, NDJSON_HEAD + stream, _ollama_line(script.text, done=True))
        case _:
            return (_said(script),)


def _said(script: EventScript) -> Reply:
    usage = counts_of(script)
    return Reply(
        match=Match(contains=cue(script.name)),
        chunks=tuple(event.text for event in script.events if isinstance(event, TextDelta)),
        reasoning=script.reasoning,
        refusal=script.refusal,
        tool_calls=tuple(
            ToolCall(call.name, {"input": call.arguments} if call.kind == "custom" else call.arguments, call.id)
            for call in script.calls
        ),
        finish=next(event.reason for event in script.events if isinstance(event, Finish)),
        usage=UsageSpec(
            input=usage.input_tokens,
            output=usage.output_tokens,
            cached=usage.cached_tokens or 0,
            cache_write=usage.cache_write_tokens,
            reasoning=usage.reasoning_tokens or 0,
        ),
        quirks=("usage_never",) if usage.source == "estimated" else (),
    )


def _raw(script: EventScript, stream: str, plain: Json) -> tuple[Reply, ...]:
    """Return the streamed reply as bytes, and the plain one as a body."""
    words = cue(script.name)
    return (
        Reply(match=Match(contains=words, stream=True), raw=(Step(send=stream), Step(close=True))),
        Reply(match=Match(contains=words, stream=False), body=plain),
    )


def _anthropic_plain(script: EventScript) -> Json:
    usage = counts_of(script)
    calls = [
        {"type": "tool_use", "id": call.id, "name": call.name, "input": json.loads(call.arguments)}
        for call in script.calls
    ]
    return {
        "id": "msg_raw",
        "type": "message",
        "role": "assistant",
        "model": "scripted",
        "content": [*script.thinking_blocks, *calls],
        "stop_reason": "tool_use",
        "stop_sequence": None,
        "usage": {"input_tokens": usage.input_tokens, "output_tokens": usage.output_tokens},
    }


def _anthropic_stream(script: EventScript) -> str:
    message = _anthropic_plain(script)
    start = {**message, "content": [], "stop_reason": None, "usage": {**message["usage"], "output_tokens": 1}}
    events: list[Json] = [{"type": "message_start", "message": start}]
    for index, block in enumerate(message["content"]):
        bare, deltas = _in_deltas(block)
        events.append({"type": "content_block_start", "index": index, "content_block": bare})
        events += [{"type": "content_block_delta", "index": index, "delta": delta} for delta in deltas]
        events.append({"type": "content_block_stop", "index": index})
    end: Json = {"stop_reason": message["stop_reason"], "stop_sequence": None}
    usage = {"output_tokens": message["usage"]["output_tokens"]}
    events += [{"type": "message_delta", "delta": end, "usage": usage}, {"type": "message_stop"}]
    return "".join(f"event: {event['type']}\ndata: {json.dumps(event)}\n\n" for event in events)


def _in_deltas(block: Json) -> tuple[Json, list[Json]]:
    """Return a block as it starts, and what fills it."""
    match block["type"]:
        case "thinking":
            thinking = {"type": "thinking_delta", "thinking": block["thinking"]}
            signature = {"type": "signature_delta", "signature": block["signature"]}
            return {**block, "thinking": "", "signature": ""}, [thinking, signature]
        case "tool_use":
            return {**block, "input": {}}, [{"type": "input_json_delta", "partial_json": json.dumps(block["input"])}]
        case _:
            return block, []


def _openai_usage(script: EventScript) -> Json:
    usage = counts_of(script)
    total = usage.input_tokens + usage.output_tokens
    return {"prompt_tokens": usage.input_tokens, "completion_tokens": usage.output_tokens, "total_tokens": total}


def _openai_stream(script: EventScript) -> str:
    head: Json = {"id": "chatcmpl-raw", "object": "chat.completion.chunk", "created": 1, "model": "scripted"}
    told = [{**head, "choices": [choice]} for event in script.events for choice in _openai_choice(event)]
    chunks = [*told, {**head, "choices": [], "usage": _openai_usage(script)}]
    return "".join(f"data: {json.dumps(chunk)}\n\n" for chunk in chunks) + "data: [DONE]\n\n"


def _openai_choice(event: Event) -> Iterable[Json]:
    match event:
        case TextDelta(text=text, choice=choice, logprobs=logprobs):
            yield {"index": choice, "delta": {"content": text}, "logprobs": logprobs, "finish_reason": None}
        case ToolCallStart(index=index, id=call_id, name=name):
            entry: Json = {"index": index, "id": call_id, "type": "function"}
            entry["function"] = {"name": name, "arguments": ""}
            yield {"index": 0, "delta": {"tool_calls": [entry]}, "finish_reason": None}
        case ToolCallArguments(index=index, fragment=fragment):
            entry = {"index": index, "function": {"arguments": fragment}}
            yield {"index": 0, "delta": {"tool_calls": [entry]}, "finish_reason": None}
        case Finish(choice=choice, reason=reason):
            yield {"index": choice, "delta": {}, "finish_reason": reason}
        case _:
            pass


def _openai_plain(script: EventScript) -> Json:
    calls = [
        {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": call.arguments}}
        for call in script.calls
    ]
    entries = [
        entry
        for event in script.events
        if isinstance(event, TextDelta) and event.logprobs
        for entry in event.logprobs["content"]
    ]
    choices = [
        {
            "index": event.choice,
            "message": {"role": "assistant", "content": {0: script.text, **script.other_choices}[event.choice]},
            "logprobs": {"content": entries} if entries else None,
            "finish_reason": event.reason,
        }
        for event in script.events
        if isinstance(event, Finish)
    ]
    if calls:
        choices[0]["message"]["tool_calls"] = calls
    head: Json = {"id": "chatcmpl-raw", "object": "chat.completion", "created": 1, "model": "scripted"}
    return {**head, "choices": choices, "usage": _openai_usage(script)}


def _ollama_line(text: str, *, done: bool) -> Json:
    """Return a line; the last one has no counts, as when an old server read the whole prompt from its cache."""
    line: Json = {"model": "scripted", "created_at": "2026-01-01T00:00:00Z", "done": done}
    line["message"] = {"role": "assistant", "content": text}
    return {**line, "done_reason": "stop"} if done else line
