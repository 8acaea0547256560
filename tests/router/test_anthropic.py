"""The Anthropic dialect: streams and whole answers."""

from __future__ import annotations

import json
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.errors import UpstreamError
from config.types import Usage
from router.events import (
    Finish,
    MessageStart,
    ReasoningDelta,
    TextDelta,
    ToolCallArguments,
    ToolCallStart,
    UsageReport,
)
from router.providers.anthropic import AnthropicProvider
from router.providers.base import ChatRequest, Target, Wire
from router.reasoning_store import ReasoningStore

NOW = 1_700_000_000.0
WEATHER = {"type": "function", "function": {"name": "get_weather", "parameters": {"type": "object", "properties": {}}}}
PATCH = {"type": "custom", "custom": {"name": "ApplyPatch"}}
JSON_SCHEMA = {"type": "json_schema", "json_schema": {"name": "x", "schema": {"type": "object", "properties": {}}}}


class Response:
    """One answer from memory."""

    def __init__(self, pieces, *, status=200, headers=None, cut=False):
        self.status = status
        self.headers = headers or {}
        self.pieces = pieces
        self.cut = cut
        self.closed = 0

    async def chunks(self):
        for piece in self.pieces:
            yield piece
        if self.cut:
            raise UpstreamError("cut", failure_class="transient")

    async def read(self, limit):
        body = b"".join(self.pieces)
        if self.cut or len(body) > limit:
            raise UpstreamError("cut", failure_class="transient")
        return body

    def close(self):
        self.closed += 1


class Memory:
    """A transport that gives one prepared response and keeps what it was sent."""

    def __init__(self, response):
        self.response = response
        self.sent = []

    async def send(self, request):
        self.sent.append(request)
        return self.response

    async def aclose(self):
        return


def target(**fields):
    given = {"upstream_model": "claude-sonnet-4-5", "base_url": "https://upstream.test", "api_key": "k", **fields}
    return Target("main", "anthropic", given.pop("base_url"), given.pop("upstream_model"), **given)


def chat(**fields):
    body = {"model": "auto", "messages": [{"role": "user", "content": "hi"}], **fields}
    return ChatRequest(body, stream=bool(body.get("stream")), id="d1")


def provider(store=None):
    return AnthropicProvider(store or ReasoningStore(), clock=lambda: NOW)


def sse(*events):
    return [f"event: {event['type']}\ndata: {json.dumps(event)}\n\n".encode() for event in events]


def start(**usage):
    message = {"id": "msg_1", "type": "message", "role": "assistant", "model": "claude-x", "content": []}
    return {"type": "message_start", "message": {**message, "usage": {"input_tokens": 5, "output_tokens": 1, **usage}}}


def block(index, content, *deltas):
    yield {"type": "content_block_start", "index": index, "content_block": content}
    for delta in deltas:
        yield {"type": "content_block_delta", "index": index, "delta": delta}
    yield {"type": "content_block_stop", "index": index}


def text(index, *pieces):
    return block(index, {"type": "text", "text": ""}, *({"type": "text_delta", "text": piece} for piece in pieces))


def tool(index, call_id, name, *pieces):
    content = {"type": "tool_use", "id": call_id, "name": name, "input": {}}
    return block(index, content, *({"type": "input_json_delta", "partial_json": piece} for piece in pieces))


def end(reason, **usage):
    yield {"type": "message_delta", "delta": {"stop_reason": reason}, "usage": {"output_tokens": 9, **usage}}
    yield {"type": "message_stop"}


async def frames(pieces, request=None, store=None, **response):
    memory = Memory(Response(pieces, **response))
    its = provider(store)
    prepared = its.prepare(request or chat(stream=True), target())
    found = []
    try:
        async for frame in its.stream(prepared, Wire(memory, 1.0, 2.0)):
            found.append(frame)  # noqa: PERF401 - an error must leave what came before it
    finally:
        assert memory.response.closed
    return found


async def events(pieces, request=None, store=None, **response):
    return [event for frame in await frames(pieces, request, store, **response) for event in frame.events]


async def complete(body, request=None, store=None, **response):
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    memory = Memory(Response([data], **response))
    its = provider(store)
    try:
        return await its.complete(its.prepare(request or chat(), target()), Wire(memory, 1.0, 2.0))
    finally:
        assert memory.response.closed


def joined(found):
    """Events without their cutting: texts, reasoning and arguments as whole strings, and how it ended."""
    return {
        "text": "".join(event.text for event in found if isinstance(event, TextDelta)),
        "reasoning": "".join(event.text for event in found if isinstance(event, ReasoningDelta)),
        "signatures": [
            event.signature or event.redacted for event in found if isinstance(event, ReasoningDelta) and not event.text
        ],
        "calls": [
            (event.index, event.id, event.name, event.kind) for event in found if isinstance(event, ToolCallStart)
        ],
        "arguments": [
            "".join(
                piece.fragment for piece in found if isinstance(piece, ToolCallArguments) and piece.index == event.index
            )
            for event in found
            if isinstance(event, ToolCallStart)
        ],
        "finish": [(event.reason, event.native) for event in found if isinstance(event, Finish)],
        "usage": next((event.usage for event in reversed(found) if isinstance(event, UsageReport)), None),
    }


async def test_stream_of_text_and_thinking_gives_events_and_its_own_bytes():
    """Every kind of event has its place, and Anthropic clients get the very bytes, usage included."""
    pieces = sse(
        start(),
        {"type": "ping"},
        *block(
            0,
            {"type": "thinking", "thinking": "", "signature": ""},
            {"type": "thinking_delta", "thinking": "hm"},
            {"type": "signature_delta", "signature": "sig"},
        ),
        *block(1, {"type": "redacted_thinking", "data": "enc"}),
        *text(2, "Hel", "lo"),
        *end("end_turn"),
    )

    found = await frames(pieces)

    raw_usage = {"input_tokens": 5, "output_tokens": 9}
    expected = [
        MessageStart("chatcmpl-d1", "claude-x", int(NOW)),
        UsageReport(Usage(5, 1, raw={"input_tokens": 5, "output_tokens": 1})),
        ReasoningDelta("hm"),
        ReasoningDelta("", signature="sig"),
        ReasoningDelta("", redacted="enc"),
        TextDelta("Hel"),
        TextDelta("lo"),
        UsageReport(Usage(5, 9, raw=raw_usage)),
        Finish("stop", native="end_turn"),
    ]
    assert expected == [event for frame in found for event in frame.events]
    assert b"".join(pieces) == b"".join(frame.raw for frame in found)


async def test_whole_answer_gives_what_its_stream_gives():
    """Plain and streamed answers say the same."""
    content = [
        {"type": "thinking", "thinking": "hm", "signature": "sig"},
        {"type": "redacted_thinking", "data": "enc"},
        {"type": "text", "text": "Hello"},
        {"type": "server_tool_use", "id": "srv", "name": "web_search", "input": {}},
        {"type": "tool_use", "id": "toolu_1", "name": "get_weather", "input": {"city": "北京"}},
        {"type": "tool_use", "id": "toolu_2", "name": "ApplyPatch", "input": {"input": "***\n"}},
    ]
    usage = {"input_tokens": 5, "output_tokens": 9}
    body = {
        "id": "msg_1",
        "type": "message",
        "model": "claude-x",
        "content": content,
        "stop_reason": "tool_use",
        "usage": usage,
    }
    pieces = sse(
        start(),
        *block(
            0,
            {"type": "thinking"},
            {"type": "thinking_delta", "thinking": "hm"},
            {"type": "signature_delta", "signature": "sig"},
        ),
        *block(1, content[1]),
        *text(2, "He", "llo"),
        *block(3, content[3], {"type": "input_json_delta", "partial_json": "{}"}),
        *tool(4, "toolu_1", "get_weather", '{"city":', '"北京"}'),
        *tool(5, "toolu_2", "ApplyPatch", '{"input": "**', '*\\n"}'),
        *end("tool_use"),
    )
    request = chat(tools=[WEATHER, PATCH])

    whole = await complete(body, request)
    streamed = await events(pieces, request)

    assert joined(streamed) == joined(list(whole.events))
    assert body == json.loads(whole.raw)
    assert ['{"city":"北京"}', "***\n"] == joined(streamed)["arguments"]


@given(cuts=st.lists(st.integers(min_value=1, max_value=2000), max_size=30))
async def test_bytes_cut_anywhere_give_the_same_events(cuts):
    """How the network cuts a stream changes nothing."""
    stream = b"".join(
        sse(
            start(),
            *text(0, "你好", "!"),
            *tool(1, "t1", "ApplyPatch", '{"input":"\\ud83d', '\\ude00"}'),
            *end("tool_use"),
        )
    )
    places = sorted({0, len(stream), *(cut for cut in cuts if cut < len(stream))})
    pieces = [stream[a:b] for a, b in pairwise(places)]
    request = chat(tools=[PATCH], stream=True)

    assert await events([stream], request) == await events(pieces, request)


async def test_custom_tool_streams_raw_text_as_it_comes():
    """A patch appears piece by piece, not at its end."""
    pieces = sse(start(), *tool(0, "t1", "ApplyPatch", '{"inp', 'ut": "*** Be', 'gin\\n+a"}'), *end("tool_use"))

    found = await events(pieces, chat(tools=[PATCH], stream=True))

    assert ToolCallStart(0, "t1", "ApplyPatch", kind="custom") in found
    assert ["*** Be", "gin\n+a"] == [event.fragment for event in found if isinstance(event, ToolCallArguments)]


@pytest.mark.parametrize(
    ("native", "reason"),
    [
        ("end_turn", "stop"),
        ("stop_sequence", "stop"),
        ("pause_turn", "stop"),
        ("max_tokens", "length"),
        ("model_context_window_exceeded", "length"),
        ("refusal", "content_filter"),
        ("tool_use", "stop"),
        ("something_new", "stop"),
    ],
)
async def test_stop_reasons_are_mapped(native, reason):
    """Each of Anthropic's words has ours, and the native one is kept."""
    found = await events(sse(start(), *text(0, "x"), *end(native)))

    assert [(reason, native)] == joined(found)["finish"]


async def test_wrapped_json_answer_is_unwrapped():
    """An array cannot be a tool's input, so it travels in an object and comes out of it."""
    wanted = {"type": "json_schema", "json_schema": {"name": "l", "schema": {"type": "array", "items": {}}}}
    pieces = sse(start(), *tool(0, "t", "respond_with_json", '{"value"', ': [1, "二"]}'), *end("tool_use"))

    found = joined(await events(pieces, chat(response_format=wanted)))

    assert ('[1,"二"]', [("stop", "tool_use")]) == (found["text"], found["finish"])


@pytest.mark.parametrize("written", ['{"value": [1', '{"other": 1}'])
async def test_wrapped_json_answer_that_misses_the_form_is_kept(written):
    """What the model wrote is better than nothing."""
    wanted = {"type": "json_schema", "json_schema": {"name": "l", "schema": {"type": "array"}}}
    pieces = sse(start(), *tool(0, "t", "respond_with_json", written), *end("max_tokens"))

    assert written == joined(await events(pieces, chat(response_format=wanted)))["text"]


async def test_json_mode_shows_plain_text_where_the_model_used_no_tool():
    """A refusal in words must reach the client, even where JSON was asked."""
    found = joined(
        await events(sse(start(), *text(0, "I ", "won't."), *end("refusal")), chat(response_format=JSON_SCHEMA))
    )

    assert ("I won't.", [("content_filter", "refusal")]) == (found["text"], found["finish"])


@pytest.mark.parametrize("wrapped", [False, True])
async def test_json_answer_of_a_whole_body(wrapped):
    """A plain JSON answer is the tool's input as text."""
    schema = {"type": "array"} if wrapped else {"type": "object"}
    wanted = {"type": "json_schema", "json_schema": {"name": "x", "schema": schema}}
    given = {"value": [1]} if wrapped else {"a": 1}
    content = [{"type": "tool_use", "id": "t", "name": "respond_with_json", "input": given}]
    body = {"id": "m", "content": content, "stop_reason": "tool_use"}

    found = joined(list((await complete(body, chat(response_format=wanted))).events))

    assert ("[1]" if wrapped else '{"a":1}', [("stop", "tool_use")]) == (found["text"], found["finish"])


async def test_unknown_events_and_blocks_pass_in_raw_and_say_nothing():
    """What Anthropic adds tomorrow reaches its clients and breaks no others."""
    odd = [
        {"type": "new_event", "x": 1},
        *block(
            0,
            {"type": "server_tool_use", "id": "s", "name": "web_search", "input": {}},
            {"type": "input_json_delta", "partial_json": "{}"},
        ),
        *block(1, {"type": "web_search_tool_result", "content": []}),
        *block(
            2,
            {"type": "text", "text": ""},
            {"type": "citations_delta", "citation": {}},
            {"type": "text_delta", "text": "x"},
        ),
    ]
    pieces = sse(start(), *odd, *end("end_turn"))

    found = await frames(pieces)

    assert "x" == joined([event for frame in found for event in frame.events])["text"]
    assert b"".join(pieces) == b"".join(frame.raw for frame in found)


async def test_answer_of_a_look_alike_without_message_start_still_starts():
    """The first event of an answer is always its start."""
    found = await events(sse(*text(0, "x"), *end("end_turn")))

    assert MessageStart("chatcmpl-d1", "claude-sonnet-4-5", int(NOW)) == found[0]


async def test_requests_carry_the_deadlines_of_their_kind():
    """A plain call has no idle deadline, for it is silent by nature."""
    its = provider()
    streamed, plain = (
        Memory(Response(sse(start(), *end("end_turn")))),
        Memory(Response([b'{"stop_reason":"end_turn"}'])),
    )
    prepared = its.prepare(chat(), target())

    async for _ in its.stream(prepared, Wire(streamed, 1.0, 2.0)):
        pass
    await its.complete(prepared, Wire(plain, 1.0, 2.0))

    assert ("POST", 1.0, 2.0) == (streamed.sent[0].method, streamed.sent[0].connect_s, streamed.sent[0].idle_s)
    assert (1.0, None) == (plain.sent[0].connect_s, plain.sent[0].idle_s)


def test_dialect_is_named():
    """Sinks of the same dialect forward raw bytes by this name."""
    assert "anthropic" == provider().dialect


async def test_thinking_beyond_the_bound_is_relayed_but_not_kept():
    """A part of a thinking block would be refused, so none is kept."""
    store = ReasoningStore()
    long = "x" * (1024 * 1024 + 1)
    thought = block(
        0,
        {"type": "thinking"},
        {"type": "thinking_delta", "thinking": long},
        {"type": "signature_delta", "signature": "s"},
    )
    pieces = sse(
        start(),
        *thought,
        *block(1, {"type": "redacted_thinking", "data": "d"}),
        *tool(2, "t1", "get_weather"),
        *end("tool_use"),
    )

    found = joined(await events(pieces, chat(tools=[WEATHER]), store))

    assert long == found["reasoning"]
    assert store.get("t1") is None


async def test_reasoning_tokens_are_part_of_the_usage():
    """Newer models say how much of the output was thinking."""
    found = joined(
        await events(sse(start(), *text(0, "x"), *end("end_turn", output_tokens_details={"thinking_tokens": 4})))
    )

    assert (9, 4) == (found["usage"].output_tokens, found["usage"].reasoning_tokens)


async def test_stream_with_carriage_returns_ends_without_a_line_feed():
    """The last event may end with the stream itself."""
    stream = b"".join(sse(start(), *text(0, "x"), *end("end_turn"))).replace(b"\n", b"\r\n")[:-1]

    assert [("stop", "end_turn")] == joined(await events([stream]))["finish"]
