"""What a client of each door asks, and what it ends up with: the same few things, whatever the door's own words."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    from config.types import Usage
    from tests.proxy.scripts import EventScript, ExpectedCall

Fields = dict[str, Any]

DOORS = {"chat": "/v1/chat/completions", "claude": "/api/claude", "unified": "/api/chat"}
"""Each door's name and path."""
STOP_REASONS = {"stop": "end_turn", "length": "max_tokens", "tool_calls": "tool_use", "content_filter": "refusal"}
SCHEMA = {"type": "object", "properties": {}}


@dataclass
class Told:
    """An answer as its client has it in the end."""

    text: str = ""
    refusal: str = ""
    reasoning: str = ""
    calls: list[list[str]] = field(default_factory=list[list[str]])
    """Id, name, type and arguments (JSON, or raw text) of each call."""
    finish: str | None = None
    """In the door's own word."""
    usage: Fields = field(default_factory=dict[str, Any])
    thinking_blocks: list[Fields] = field(default_factory=list[Fields])
    others: dict[int, str] = field(default_factory=dict[int, str])
    """The texts of further choices."""
    logprobs: list[Fields] = field(default_factory=list[Fields])
    error: Fields | None = None
    ended: bool = False
    """Whether the stream had the dialect's own end of a whole answer."""


def ask(
    door: str, name: str, messages: list[dict[str, str]], calls: Sequence[ExpectedCall], *, streamed: bool
) -> Fields:
    """Return a request for the model `name`, with the tools that the calls need."""
    body: Fields = {"model": name, "messages": messages, "stream": streamed}
    tools = [_tool(door, *each) for each in dict.fromkeys((call.name, call.kind) for call in calls)]
    if tools:
        body["tools"] = tools
    if door == "claude":
        return body | {"max_tokens": 500}
    return body | {"stream_options": {"include_usage": True}} if streamed else body


def _tool(door: str, name: str, kind: str) -> Fields:
    if door == "claude":
        return {"name": name, "input_schema": SCHEMA}
    return {"type": kind, kind: {"name": name, **({"parameters": SCHEMA} if kind == "function" else {})}}


def finish_of(script: EventScript, door: str) -> str:
    """Return the door's own word for a script's end."""
    if door != "claude":
        return script.finish
    return "refusal" if script.refusal else STOP_REASONS[script.finish]


def counts_told(door: str, usage: Usage) -> dict[str, int]:
    """Return what a client must be told of the counts, in the door's own words."""
    if door == "claude":  # which counts cached input beside the rest
        cached = {
            "cache_read_input_tokens": usage.cached_tokens or 0,
            "cache_creation_input_tokens": usage.cache_write_tokens,
        }
        n_fresh = usage.input_tokens - sum(cached.values())
        return {"input_tokens": n_fresh, "output_tokens": usage.output_tokens, **_without_zeros(cached)}
    total = usage.input_tokens + usage.output_tokens
    counts = {"prompt_tokens": usage.input_tokens, "completion_tokens": usage.output_tokens, "total_tokens": total}
    details = {"cached_tokens": usage.cached_tokens or 0, "reasoning_tokens": usage.reasoning_tokens or 0}
    return counts | (_without_zeros(details) if door == "chat" else {})


def flat_counts(usage: Fields) -> Fields:
    """Return a client's usage with the counts of its details beside the others."""
    inner = [each for each in usage.values() if isinstance(each, dict)]
    return {name: value for each in (usage, *inner) for name, value in each.items()}


def _without_zeros(counts: dict[str, int]) -> dict[str, int]:
    return {name: n for name, n in counts.items() if n}


def value_of(arguments: str) -> object:
    """Return a call's arguments as its tool gets them; none at all are an empty object."""
    return json.loads(arguments or "{}") if arguments[:1] in {"", "{"} else arguments


def read_plain(door: str, body: str) -> Told:
    """Return what a plain answer tells."""
    whole: Fields = json.loads(body)
    told = Told(ended=True, usage=whole.get("usage") or {})
    if door == "claude":
        _read_message(told, whole)
    elif door == "unified":
        _read_footer(told, whole)
    else:
        for choice in whole["choices"]:
            _read_choice(told, choice, choice["message"])
    return told


def read_stream(door: str, stream: str) -> Told:
    """Return what a stream tells, put together as the door's clients do it."""
    events = [json.loads(line[6:]) for line in stream.split("\n") if line.startswith("data: {")]
    told = Told()
    if door == "claude":
        _join_message(told, events)
        return told
    told.ended = stream.endswith("data: [DONE]\n\n")
    for event in events:
        if "error" in event:
            told.error = event["error"]
        elif door == "chat":
            told.usage = event.get("usage") or told.usage
            for choice in event["choices"]:
                _read_choice(told, choice, choice["delta"])
        elif "delta" in event or "reasoning_delta" in event:
            told.text += event.get("delta", "")
            told.reasoning += event.get("reasoning_delta", "")
        else:
            _read_footer(told, event)
    return told


def _read_footer(told: Told, footer: Fields) -> None:
    """Read the whole answer of `/api/chat`; a stream said the same before, piece by piece."""
    text, reasoning = footer["content"], footer.get("reasoning", "")
    assert (told.text or text, told.reasoning or reasoning) == (text, reasoning)
    told.text, told.reasoning, told.finish = text, reasoning, footer["finish_reason"]
    told.usage = footer["usage"] or {}
    told.calls = [_call(each) for each in footer.get("tool_calls", ())]


def _read_choice(told: Told, choice: Fields, message: Fields) -> None:
    """Read a choice of Chat Completions, or a piece of one."""
    text = message.get("content") or ""
    if choice["index"] > 0:
        told.others[choice["index"]] = told.others.get(choice["index"], "") + text
        return
    assert told.finish is None, "nothing comes after the finish"
    told.text += text
    told.refusal += message.get("refusal") or ""
    told.reasoning += message.get("reasoning_content") or ""
    told.thinking_blocks += message.get("thinking_blocks") or []
    told.logprobs += (choice.get("logprobs") or {}).get("content") or []
    told.finish = choice["finish_reason"]
    for n, entry in enumerate(message.get("tool_calls") or ()):
        if "id" in entry:
            assert len(told.calls) == entry.get("index", n)
            told.calls.append(_call(entry))
        else:
            told.calls[entry["index"]][3] += entry["function"]["arguments"]


def _call(entry: Fields) -> list[str]:
    kind: str = entry["type"]
    inner: Fields = entry[kind]
    return [entry["id"], inner["name"], kind, inner["input" if kind == "custom" else "arguments"]]


def _read_message(told: Told, message: Fields) -> None:
    told.finish = message["stop_reason"]
    for block in message["content"]:
        match block["type"]:
            case "text":
                told.text += block["text"]
            case "tool_use":
                told.calls.append([block["id"], block["name"], "function", json.dumps(block["input"])])
            case "thinking" | "redacted_thinking":
                told.thinking_blocks.append(block)
                told.reasoning += block.get("thinking", "")


def _join_message(told: Told, events: list[Fields]) -> None:
    """Join a Messages stream as its SDK does."""
    blocks: list[Fields] = []
    partial: dict[int, str] = {}
    is_open = False
    for event in events:
        match event["type"]:
            case "message_start":
                told.usage = dict(event["message"]["usage"])
            case "content_block_start":
                assert (False, len(blocks)) == (is_open, event["index"])
                is_open = True
                blocks.append(dict(event["content_block"]))
            case "content_block_delta":
                assert (True, len(blocks) - 1) == (is_open, event["index"])
                _grow(blocks[-1], event["delta"], partial, event["index"])
            case "content_block_stop":
                assert (True, len(blocks) - 1) == (is_open, event["index"])
                is_open = False
            case "message_delta":
                told.finish = event["delta"]["stop_reason"]
                told.usage |= event["usage"]
            case "message_stop":
                assert not is_open
                told.ended = True
            case "error":
                told.error = event["error"]
            case kind:
                assert "ping" == kind
    for index, text in partial.items():
        blocks[index]["input"] = json.loads(text or "{}")
    _read_message(told, {"content": blocks, "stop_reason": told.finish})


def _grow(block: Fields, delta: Fields, partial: dict[int, str], index: int) -> None:
    match delta["type"]:
        case "text_delta":
            block["text"] += delta["text"]
        case "thinking_delta":
            block["thinking"] += delta["thinking"]
        case "signature_delta":
            block["signature"] += delta["signature"]
        case _:
            partial[index] = partial.get(index, "") + delta["partial_json"]
