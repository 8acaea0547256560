"""Translation bugs that other gateways had, by their row in our list: the client's half of each."""

from __future__ import annotations

import json
from typing import Any

import pytest

from config.errors import AllAttemptsFailedError
from proxy.requests.parse import parse_chat
from proxy.sinks.anthropic import AnthropicSink
from proxy.sinks.openai_chat import OpenAIChatSink
from router.events import Completion, Event, Finish, Frame, TextDelta, UsageReport
from router.providers.base import ChatRequest
from tests.proxy.scripts import SCRIPTS, START, USAGE, EventScript, call, said, sse_objects
from tests.proxy.test_pairs import Message


def openai(*, include_usage: bool = False, request_id: str = "1") -> OpenAIChatSink:
    request = ChatRequest({"model": "auto"}, stream=True, include_usage=include_usage, id=request_id)
    return OpenAIChatSink(request, reasoning="reasoning_content", created=1)


def chunks_of(sink: OpenAIChatSink, *events: Event) -> list[dict[str, Any]]:
    frames = (Frame((event,)) for event in events)
    return sse_objects(b"".join(sink.stream_frame(frame, source="anthropic") for frame in frames) + sink.end())


def message_of(*events: Event) -> Message:
    sink = AnthropicSink(ChatRequest({"model": "auto"}, dialect="anthropic", id="1"))
    frames = (Frame((event,)) for event in events)
    return Message(b"".join(sink.stream_frame(frame, source="openai") for frame in frames) + sink.end())


def test_row_01_the_usage_chunk_has_no_choices() -> None:
    """Clients know it by that; otherwise they count twice."""
    chunks = chunks_of(openai(include_usage=True), START, *said("x"), UsageReport(USAGE), Finish("stop"))

    assert [[]] == [chunk["choices"] for chunk in chunks if chunk["usage"]]


def test_row_02_trailing_usage_is_sent_to_those_who_asked() -> None:
    """It comes after the finish, and is the last word before the end mark."""
    events = (START, *said("x"), Finish("stop"), UsageReport(USAGE))

    assert 120 == chunks_of(openai(include_usage=True), *events)[-1]["usage"]["total_tokens"]
    assert not any("usage" in chunk for chunk in chunks_of(openai(), *events))


@pytest.mark.parametrize("asked", [True, False])
def test_row_02_same_dialect_usage_is_placed_by_us(asked: bool) -> None:
    """Forwarded frames hold none."""
    sink = openai(include_usage=asked)
    raw = b'data: {"choices":[{"delta":{"content":"x"}}]}\n\n'
    data = sink.stream_frame(Frame((START, *said("x")), raw), source="openai")
    data += sink.stream_frame(Frame((UsageReport(USAGE),)), source="openai") + sink.end()

    assert asked == (b'"usage"' in data)
    assert 2 + asked == data.count(b"data: ")


def test_row_03_other_indices_never_leak_into_choices() -> None:
    """Blocks and calls count for themselves; an answer with one choice has index 0 everywhere."""
    chunks = chunks_of(openai(), START, *said("x"), *call(0, "a", "f"), *call(1, "b", "f"), Finish("tool_calls"))

    assert {0} == {choice["index"] for chunk in chunks for choice in chunk["choices"]}


def test_row_04_and_05_parallel_calls_count_up() -> None:
    """By the index on every fragment."""
    chunks = chunks_of(openai(), START, *call(0, "a", "f", "{}"), *call(1, "b", "f", "{}"), Finish("tool_calls"))
    parts = [part for chunk in chunks for part in chunk["choices"][0]["delta"].get("tool_calls", ())]

    assert [0, 0, 1, 1] == [part["index"] for part in parts]


@pytest.mark.parametrize("script", SCRIPTS, ids=str)
def test_row_07_the_finish_comes_once_and_last(script: EventScript) -> None:
    """Per choice."""
    chunks = chunks_of(openai(), *script.events)
    reasons = [each["finish_reason"] for chunk in chunks for each in chunk["choices"] if each["index"] == 0]

    assert reasons[-1] == script.finish
    assert 1 == len([reason for reason in reasons if reason])


def test_row_10_message_stop_is_sent_without_usage() -> None:
    """And without a single piece of content."""
    assert "end_turn" == message_of(Finish("stop")).stop_reason
    assert "end_turn" == message_of().stop_reason
    assert {"input_tokens": 0, "output_tokens": 0} == message_of(START, Finish("stop")).usage


def test_row_11_one_start_per_block() -> None:
    """However many pieces it has."""
    assert 2 == len(message_of(START, *said("a", "b"), *call(0, "a", "f", "{", "}"), Finish("tool_calls")).content)


def test_row_12_blocks_are_contiguous_and_never_stopped_unopened() -> None:
    """Also when an upstream interleaves calls; the reader of the tests fails on a gap."""
    script = next(each for each in SCRIPTS if each.name == "interleaved_tools")

    assert ["tool_use", "tool_use", "text"] == [block["type"] for block in message_of(*script.events).content]


def test_row_13_no_empty_text_stands_before_a_call() -> None:
    """Empty deltas open no block, and the reason is `tool_use`, whatever the upstream called it."""
    message = message_of(START, TextDelta(""), *call(0, "a", "f", "{}"), Finish("stop"))

    assert ["tool_use"] == [block["type"] for block in message.content]
    assert "tool_use" == message.stop_reason


def test_row_14_streams_share_nothing() -> None:
    """Two at once, one event from each in turn, end as if they had been alone."""
    first, second = (each for each in SCRIPTS if each.name in {"interleaved_tools", "signed_reasoning"})
    sinks = [openai(), openai()]
    found: list[list[bytes]] = [[], []]
    for n in range(max(len(first.events), len(second.events))):
        for which, script in enumerate((first, second)):
            if n < len(script.events):
                found[which].append(sinks[which].stream_frame(Frame((script.events[n],)), source="anthropic"))

    assert chunks_of(openai(), *first.events) == sse_objects(b"".join(found[0]))
    assert chunks_of(openai(), *second.events) == sse_objects(b"".join(found[1]))


def test_row_15_arguments_are_text() -> None:
    """In a plain answer too."""
    completion = Completion((START, *call(0, "a", "f", '{"x":1}'), Finish("tool_calls")), b"")
    body = json.loads(openai().plain(completion, source="ollama"))

    assert '{"x":1}' == body["choices"][0]["message"]["tool_calls"][0]["function"]["arguments"]


def test_row_16_the_id_is_stable() -> None:
    """One for the whole stream, the usage chunk and the calls' own ids included."""
    chunks = chunks_of(
        openai(include_usage=True), START, *call(0, "call_a", "f", "{}"), Finish("tool_calls"), UsageReport(USAGE)
    )
    ids = [part["id"] for chunk in chunks for each in chunk["choices"] for part in each["delta"].get("tool_calls", ()) if "id" in part]  # fmt: skip

    assert {START.id} == {chunk["id"] for chunk in chunks}
    assert ["call_a"] == ids


def test_row_22_and_23_cached_tokens_survive_uncounted_twice() -> None:
    """Part of the prompt for OpenAI's clients, apart from the input for Anthropic's."""
    usage = chunks_of(openai(include_usage=True), START, UsageReport(USAGE))[-1]["usage"]
    other = message_of(START, UsageReport(USAGE), Finish("stop")).usage

    assert (100, 60) == (usage["prompt_tokens"], usage["prompt_tokens_details"]["cached_tokens"])
    assert 100 == other["input_tokens"] + other["cache_read_input_tokens"] + other["cache_creation_input_tokens"]


def test_row_29_an_error_is_never_followed_by_a_stop() -> None:
    """The stream ends with what happened."""
    error = AllAttemptsFailedError("cut", attempts=())

    for data in (openai().error(error), AnthropicSink(ChatRequest({})).error(error)):
        assert b"stop" not in data.replace(b"event: error", b"")
        assert b"cut" in data


def test_row_30_function_calls_of_a_responses_body_are_kept() -> None:
    """With their outputs, in order."""
    items = [
        {"role": "user", "content": "go"},
        {"type": "function_call", "call_id": "c1", "name": "f", "arguments": "{}"},
        {"type": "custom_tool_call", "call_id": "c2", "name": "g", "input": "raw"},
        {"type": "function_call_output", "call_id": "c1", "output": "1"},
        {"type": "custom_tool_call_output", "call_id": "c2", "output": "2"},
    ]
    body = json.dumps({"model": "m", "input": items}).encode()
    messages: Any = parse_chat(body, headers={}, max_depth=64).request.body["messages"]

    assert ["c1", "c2"] == [each["id"] for each in messages[1]["tool_calls"]]
    assert [("c1", "1"), ("c2", "2")] == [(each["tool_call_id"], each["content"]) for each in messages[2:]]


def test_row_cursor_custom_tools_come_back_as_functions() -> None:
    """A Responses-shaped client reads chat chunks, and crashes on other call types."""
    body = {
        "model": "m",
        "input": "patch",
        "stream": True,
        "tools": [{"type": "custom", "name": "ApplyPatch", "format": {"type": "text"}}],
    }
    request = parse_chat(json.dumps(body).encode(), headers={}, max_depth=64).request
    sink = OpenAIChatSink(request, reasoning="reasoning_content", created=1)
    frames = [
        Frame((event,), b"data: {}\n\n") for event in call(0, "c", "ApplyPatch", "raw", '\n"text"', kind="custom")
    ]
    chunks = sse_objects(b"".join(sink.stream_frame(frame, source="openai") for frame in frames))
    parts = [part for chunk in chunks for each in chunk["choices"] for part in each["delta"].get("tool_calls", ())]

    assert "function" == parts[0]["type"]
    assert 'raw\n"text"' == "".join(part["function"]["arguments"] for part in parts)
