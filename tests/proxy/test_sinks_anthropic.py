"""The Anthropic sink: blocks one after the other whatever the order of events, and an end in every case."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from config.errors import UnavailableError
from config.types import Usage
from proxy.sinks.anthropic import AnthropicSink
from proxy.sinks.base import Sink
from router.events import (
    Completion,
    Event,
    Finish,
    Frame,
    MessageStart,
    ReasoningDelta,
    TextDelta,
    ToolCallArguments,
    ToolCallStart,
    UsageReport,
)
from router.providers.base import ChatRequest
from tests.proxy.scripts import START, USAGE, call, said, sse_objects
from tests.proxy.test_pairs import Message

REQUEST = ChatRequest({"model": "auto", "messages": []}, dialect="anthropic", original={}, stream=True, id="7")


def stream(*events: Event) -> Message:
    sink: Sink = AnthropicSink(REQUEST)
    return Message(b"".join(sink.stream_frame(Frame((event,)), source="openai") for event in events) + sink.end())


def pieces(*events: Event) -> list[list[dict[str, Any]]]:
    """Return what is sent at each event, so that holding back can be seen."""
    sink = AnthropicSink(REQUEST)
    return [sse_objects(sink.stream_frame(Frame((event,)), source="openai")) for event in events]


def test_the_same_dialect_is_forwarded_and_ends_by_itself() -> None:
    """Its own `message_stop` is among the frames."""
    sink = AnthropicSink(REQUEST)
    raw = b'event: message_stop\ndata: {"type":"message_stop"}\n\n'

    assert raw == sink.stream_frame(Frame((Finish("stop"),), raw), source="anthropic")
    assert b"" == sink.end()
    assert b"{}" == sink.plain(Completion((START,), b"{}"), source="anthropic")


def test_text_is_sent_as_it_comes() -> None:
    """Nothing is held back without a reason."""
    _, first, second = pieces(START, *said("a", "b"))

    assert ["content_block_start", "content_block_delta"] == [each["type"] for each in first]
    assert "b" == second[0]["delta"]["text"]


def test_a_whole_call_is_closed_when_the_next_begins() -> None:
    """Parallel calls in sequence stream live."""
    *_, started, argued = pieces(*call(0, "a", "f", '{"x":', "1}"), *call(1, "b", "f", '{"x":2}'))

    assert ["content_block_stop", "content_block_start"] == [each["type"] for each in started]
    assert '{"x":2}' == argued[0]["delta"]["partial_json"]


def test_interleaved_calls_are_held_back_until_the_first_is_whole() -> None:
    """One block is open at a time."""
    sent = pieces(
        *call(0, "a", "f", '{"x":'),
        *call(1, "b", "g", "{}"),
        ToolCallArguments(0, "1}"),
    )

    assert [[], []] == sent[2:4]
    assert ["content_block_delta", "content_block_stop", "content_block_start", "content_block_delta"] == [
        each["type"] for each in sent[4]
    ]


def test_looking_for_the_end_of_a_call_is_bounded() -> None:
    """An upstream whose fragments all end in braces costs no quadratic time; the finish sends what waits."""
    fragments = [ToolCallArguments(0, "}") for _ in range(200)]
    message = stream(
        ToolCallStart(0, "a", "f"),
        ToolCallArguments(0, '{"x":"'),
        ToolCallStart(1, "b", "g"),
        *fragments,
        ToolCallArguments(0, '"}'),
        Finish("tool_calls"),
    )

    assert {"x": "}" * 200} == message.content[0]["input"]
    assert "b" == message.content[1]["id"]


def test_usage_leaves_cached_tokens_out_of_the_input() -> None:
    """Anthropic's three counts are disjoint."""
    message = stream(START, *said("x"), Finish("stop"), UsageReport(USAGE))

    assert {
        "input_tokens": 30,
        "cache_creation_input_tokens": 10,
        "cache_read_input_tokens": 60,
        "output_tokens": 20,
    } == message.usage


def test_estimated_usage_says_so() -> None:
    """As at the other doors."""
    assert stream(START, UsageReport(Usage(1, 1, source="estimated")), Finish("stop")).usage["estimated"] is True


def test_a_start_without_an_id_takes_the_upstreams() -> None:
    """A request outside the pipeline has none of its own."""
    sink = AnthropicSink(ChatRequest({"model": "auto", "messages": []}))
    body = json.loads(sink.plain(Completion((MessageStart("chatcmpl-5", "", 1), Finish("stop")), b""), source="openai"))

    assert ("msg_5", "auto", []) == (body["id"], body["model"], body["content"])


def test_other_choices_have_no_place() -> None:
    """A message is one answer."""
    message = stream(START, *said("one"), TextDelta("two", choice=1), Finish("stop"), Finish("length", choice=1))

    assert [{"type": "text", "text": "one"}] == message.content
    assert "end_turn" == message.stop_reason


def test_arguments_that_are_no_json_are_kept_as_text() -> None:
    """A plain answer's `input` must be an object, and nothing is lost."""
    events = (*call(0, "a", "f", '{"x":'), Finish("length"))
    body = json.loads(AnthropicSink(REQUEST).plain(Completion(events, b""), source="openai"))
    listed = (*call(0, "a", "f", "[1]"), Finish("tool_calls"))
    other = json.loads(AnthropicSink(REQUEST).plain(Completion(listed, b""), source="openai"))

    assert {"invalid_json": '{"x":'} == body["content"][0]["input"]
    assert {"invalid_json": "[1]"} == other["content"][0]["input"]


def test_a_custom_call_without_input_is_an_empty_text() -> None:
    """Raw text travels in one field."""
    message = stream(START, *call(0, "a", "Patch", kind="custom"), Finish("tool_calls"))

    assert {"input": ""} == message.content[0]["input"]


def test_arguments_without_a_call_are_dropped() -> None:
    """No block is invented for them."""
    assert [] == stream(START, ToolCallArguments(3, "{}"), Finish("stop")).content


def test_an_error_is_the_last_event() -> None:
    """No stop reason is invented."""
    data = AnthropicSink(REQUEST).error(UnavailableError("draining"))

    assert data.startswith(b"event: error\n")
    assert "overloaded_error" == sse_objects(data)[0]["error"]["type"]


def test_silence_is_filled_with_pings() -> None:
    """Anthropic's own event for it."""
    sink = AnthropicSink(REQUEST)
    sink.served("claude")

    assert b'event: ping\ndata: {"type":"ping"}\n\n' == sink.keepalive


EVENT = st.one_of(
    st.builds(TextDelta, st.sampled_from(["", "a", "你"])),
    st.builds(ReasoningDelta, st.sampled_from(["", "t"]), signature=st.sampled_from([None, "s"])),
    st.builds(lambda data: ReasoningDelta("", redacted=data), st.just("d")),
    st.builds(ToolCallArguments, st.integers(0, 2), st.sampled_from(["{", "}", '"a":1', ""])),
)


@given(st.lists(EVENT, max_size=20))
def test_any_order_of_events_gives_contiguous_blocks(events: list[Event]) -> None:
    """The protocol holds, and the stream joined is the plain answer."""
    starts = tuple(ToolCallStart(index, f"call_{index}", "f") for index in range(2))
    whole = (START, *starts, *events, Finish("stop"))
    sink = AnthropicSink(REQUEST)
    data = b"".join(sink.stream_frame(Frame((event,)), source="openai") for event in whole) + sink.end()
    kinds = [event["type"] for event in sse_objects(data)]
    plain = json.loads(AnthropicSink(REQUEST).plain(Completion(whole, b""), source="openai"))

    opened = 0
    for kind in kinds:
        opened += {"content_block_start": 1, "content_block_stop": -1}.get(kind, 0)
        assert opened in {0, 1}
    assert opened == 0
    assert len(plain["content"]) == kinds.count("content_block_start")
