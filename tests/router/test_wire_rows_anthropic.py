"""Known translation bugs of the field, one test a row, for Anthropic as the source."""

from __future__ import annotations

import asyncio
import json

import pytest

from config.errors import UpstreamError
from router.events import Finish, MessageStart, ReasoningDelta, TextDelta, ToolCallArguments, ToolCallStart, UsageReport
from router.providers.anthropic import AnthropicProvider
from router.providers.base import ChatRequest, Target, Wire
from router.reasoning_store import ReasoningStore

TARGET = Target("main", "anthropic", "https://upstream.test", "claude-sonnet-4-5")
WEATHER = {"type": "function", "function": {"name": "get_weather", "parameters": {"type": "object", "properties": {}}}}
JSON_SCHEMA = {"type": "json_schema", "json_schema": {"name": "x", "schema": {"type": "object", "properties": {}}}}


class Response:
    """One answer from memory, giving way to other tasks between its pieces."""

    status = 200
    headers: dict[str, str] = {}  # noqa: RUF012 - never changed

    def __init__(self, pieces):
        self.pieces = pieces

    async def chunks(self):
        for piece in self.pieces:
            await asyncio.sleep(0)
            yield piece

    async def read(self, _limit):
        return b"".join(self.pieces)

    def close(self):
        return


class Memory:
    """A transport that gives one prepared response."""

    def __init__(self, *pieces):
        self.response = Response(pieces)

    async def send(self, _request):
        return self.response

    async def aclose(self):
        return


def chat(**fields):
    body = {"model": "auto", "messages": [{"role": "user", "content": "hi"}], **fields}
    return ChatRequest(body, stream=True, id=fields.pop("id", "d1"))


def sse(*events):
    return b"".join(f"event: {event['type']}\ndata: {json.dumps(event)}\n\n".encode() for event in events)


def start(**usage):
    return {
        "type": "message_start",
        "message": {"id": "msg_1", "model": "claude-x", "usage": {"input_tokens": 5, **usage}},
    }


def text(index, *pieces):
    yield {"type": "content_block_start", "index": index, "content_block": {"type": "text", "text": ""}}
    for piece in pieces:
        yield {"type": "content_block_delta", "index": index, "delta": {"type": "text_delta", "text": piece}}
    yield {"type": "content_block_stop", "index": index}


def tool(index, call_id, name, *pieces):
    content = {"type": "tool_use", "id": call_id, "name": name, "input": {}}
    yield {"type": "content_block_start", "index": index, "content_block": content}
    for piece in pieces:
        yield {
            "type": "content_block_delta",
            "index": index,
            "delta": {"type": "input_json_delta", "partial_json": piece},
        }
    yield {"type": "content_block_stop", "index": index}


def thinking(index, words, signature):
    yield {"type": "content_block_start", "index": index, "content_block": {"type": "thinking", "thinking": ""}}
    yield {"type": "content_block_delta", "index": index, "delta": {"type": "thinking_delta", "thinking": words}}
    yield {"type": "content_block_delta", "index": index, "delta": {"type": "signature_delta", "signature": signature}}
    yield {"type": "content_block_stop", "index": index}


def end(reason, **usage):
    yield {"type": "message_delta", "delta": {"stop_reason": reason}, "usage": {"output_tokens": 9, **usage}}
    yield {"type": "message_stop"}


async def events(*told, request=None, store=None):
    its = AnthropicProvider(store or ReasoningStore(), clock=lambda: 1.0)
    prepared = its.prepare(request or chat(tools=[WEATHER]), TARGET)
    wire = Wire(Memory(sse(*told)), 1.0, 1.0)
    return [event async for frame in its.stream(prepared, wire) for event in frame.events]


def body_of(store=None, **fields):
    its = AnthropicProvider(store or ReasoningStore())
    return json.loads(its.prepare(chat(**fields), TARGET).body)


def of(kind, found):
    return [event for event in found if isinstance(event, kind)]


async def test_row_03_block_index_does_not_leak():
    """Calls count from 0 and belong to choice 0, wherever their blocks stood."""
    found = await events(start(), *text(0, "a"), *text(1, "b"), *tool(2, "t1", "get_weather", "{}"), *end("tool_use"))

    assert [(0, 0)] == [(event.index, event.choice) for event in of(ToolCallStart, found)]
    assert {0} == {event.choice for event in found if not isinstance(event, MessageStart | UsageReport)}


async def test_row_04_row_05_parallel_calls_count_up():
    """Parallel calls have indices 0, 1, 2 with their own arguments."""
    calls = [part for n in range(3) for part in tool(n + 1, f"t{n}", "get_weather", '{"n":', f"{n}}}")]

    found = await events(start(), *text(0, "a"), *calls, *end("tool_use"))

    arguments = {n: "".join(e.fragment for e in of(ToolCallArguments, found) if e.index == n) for n in range(3)}
    assert [(0, "t0"), (1, "t1"), (2, "t2")] == [(event.index, event.id) for event in of(ToolCallStart, found)]
    assert {n: json.dumps({"n": n}, separators=(",", ":")) for n in range(3)} == arguments


async def test_row_06_calls_finish_as_calls_even_when_the_upstream_says_stop():
    """Some look-alikes end a tool call with `end_turn`."""
    found = await events(start(), *tool(0, "t1", "get_weather", "{}"), *end("end_turn"))

    assert [Finish("tool_calls", native="end_turn")] == of(Finish, found)


async def test_row_07_finish_comes_once_and_last():
    """Usage and everything else stand before it."""
    found = await events(start(), *text(0, "a"), *end("end_turn"))

    assert isinstance(found[-1], Finish)
    assert 1 == len(of(Finish, found))


async def test_row_08_tool_use_becomes_tool_calls_in_a_whole_answer():
    """A plain answer with calls has them, with arguments as JSON text, and finishes as calls."""
    content = [{"type": "tool_use", "id": "t1", "name": "get_weather", "input": {"city": "Paris"}}]
    body = json.dumps({"id": "m", "content": content, "stop_reason": "tool_use"}).encode()
    its = AnthropicProvider(ReasoningStore())

    answer = await its.complete(its.prepare(chat(tools=[WEATHER]), TARGET), Wire(Memory(body), 1.0, 1.0))

    expected = (
        ToolCallStart(0, "t1", "get_weather"),
        ToolCallArguments(0, '{"city":"Paris"}'),
        Finish("tool_calls", native="tool_use"),
    )
    assert expected == answer.events[1:]


async def test_row_09_arguments_in_the_last_delta_are_kept():
    """A call that is never closed still has all its arguments."""
    unclosed = list(tool(0, "t1", "get_weather", '{"a"', ":1}"))[:-1]

    found = await events(start(), *unclosed, *end("tool_use"))

    assert '{"a":1}' == "".join(event.fragment for event in of(ToolCallArguments, found))


async def test_row_11_a_block_that_starts_twice_is_one_call():
    """A repeated start of the same block opens no second call."""
    opened, *rest = tool(0, "t1", "get_weather", "{}")

    found = await events(start(), opened, opened, *rest, *end("tool_use"))

    assert 1 == len(of(ToolCallStart, found))
    assert 1 == len(of(ToolCallArguments, found))


async def test_row_12_stops_without_starts_and_gaps_are_borne():
    """Blocks may be numbered with gaps, and a stop without a start says nothing."""
    stray = {"type": "content_block_stop", "index": 7}

    found = await events(
        start(), stray, *tool(4, "t1", "get_weather"), stray, *tool(9, "t2", "get_weather"), *end("tool_use")
    )

    assert [0, 1] == [event.index for event in of(ToolCallStart, found)]


async def test_row_13_no_empty_text_before_calls():
    """An empty leading text block says nothing, and the finish is that of calls."""
    found = await events(start(), *text(0, ""), *tool(1, "t1", "get_weather", "{}"), *end("tool_use"))

    assert [] == of(TextDelta, found)
    assert "tool_calls" == of(Finish, found)[0].reason


async def test_row_14_concurrent_streams_share_no_state():
    """One provider object serves many answers at once; each keeps its own count and text."""
    its = AnthropicProvider(ReasoningStore(), clock=lambda: 1.0)

    async def run(n):
        told = (start(), *text(0, f"say {n}"), *tool(1, f"t{n}", "get_weather", f'{{"n":{n}}}'), *end("tool_use"))
        memory = Memory(*[sse(event) for event in told])
        prepared = its.prepare(ChatRequest(chat(tools=[WEATHER]).body, stream=True, id=str(n)), TARGET)
        return [event async for frame in its.stream(prepared, Wire(memory, 1.0, 1.0)) for event in frame.events]

    answers = await asyncio.gather(*(run(n) for n in range(8)))

    for n, found in enumerate(answers):
        assert f"chatcmpl-{n}" == found[0].id
        assert [TextDelta(f"say {n}")] == of(TextDelta, found)
        assert [ToolCallStart(0, f"t{n}", "get_weather")] == of(ToolCallStart, found)


async def test_row_15_empty_input_is_an_empty_object():
    """A call without arguments has `{}`, never an empty string."""
    found = await events(start(), *tool(0, "t1", "get_weather"), *end("tool_use"))

    assert [ToolCallArguments(0, "{}")] == of(ToolCallArguments, found)


async def test_row_15_input_given_at_the_start_is_text():
    """Some look-alikes send the whole input with the block's start."""
    content = {"type": "tool_use", "id": "t1", "name": "get_weather", "input": {"a": 1}}
    opened = {"type": "content_block_start", "index": 0, "content_block": content}

    found = await events(start(), opened, {"type": "content_block_stop", "index": 0}, *end("tool_use"))

    assert [ToolCallArguments(0, '{"a":1}')] == of(ToolCallArguments, found)


async def test_row_16_ids_are_stable_and_never_missing():
    """The answer's id comes from the decision; a call without an id gets one."""
    found = await events(start(), *tool(0, "", "get_weather"), *tool(1, "", "get_weather"), *end("tool_use"))

    assert "chatcmpl-d1" == found[0].id
    assert ["call_d1_0", "call_d1_1"] == [event.id for event in of(ToolCallStart, found)]


def test_row_17_parallel_results_are_one_user_turn():
    """Results stand first in one user turn, the text after them."""
    calls = [
        {"id": f"c{n}", "type": "function", "function": {"name": "get_weather", "arguments": "{}"}} for n in range(2)
    ]
    messages = [
        {"role": "user", "content": "hi"},
        {"role": "assistant", "tool_calls": calls},
        {"role": "tool", "tool_call_id": "c0", "content": "a"},
        {"role": "tool", "tool_call_id": "c1", "content": "b"},
        {"role": "user", "content": "go on"},
    ]

    sent = body_of(messages=messages, tools=[WEATHER])["messages"]

    assert ["user", "assistant", "user"] == [message["role"] for message in sent]
    assert ["tool_result", "tool_result", "text"] == [part["type"] for part in sent[2]["content"]]


@pytest.mark.parametrize("empty", ["", "  \n", [{"type": "text", "text": ""}], None])
def test_row_18_empty_texts_are_stripped(empty):
    """Anthropic refuses empty texts; an empty turn vanishes and its neighbours merge."""
    messages = [
        {"role": "user", "content": "a"},
        {"role": "assistant", "content": empty},
        {"role": "user", "content": "b"},
    ]

    sent = body_of(messages=messages)["messages"]

    expected = [{"role": "user", "content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]}]
    assert expected == sent


async def test_row_19_thinking_is_replayed_before_its_call_from_the_store():
    """A client that drops reasoning still gets its tool loop through: the block comes back verbatim, before the call."""
    store = ReasoningStore()
    found = await events(
        start(), *thinking(0, "hm", "sig"), *text(1, "Let me see."), *tool(2, "t1", "get_weather", "{}"), *end("tool_use"),
        store=store,
    )  # fmt: skip
    assert ReasoningDelta("", signature="sig") in found
    messages = [
        {"role": "user", "content": "hi"},
        {
            "role": "assistant",
            "content": "Let me see.",
            "tool_calls": [{"id": "t1", "type": "function", "function": {"name": "get_weather", "arguments": "{}"}}],
        },
        {"role": "tool", "tool_call_id": "t1", "content": "sunny"},
    ]

    sent = body_of(store, messages=messages, tools=[WEATHER], reasoning_effort="high")

    expected = [
        {"type": "thinking", "thinking": "hm", "signature": "sig"},
        {"type": "text", "text": "Let me see."},
        {"type": "tool_use", "id": "t1", "name": "get_weather", "input": {}},
    ]
    assert expected == sent["messages"][1]["content"]
    assert "enabled" == sent["thinking"]["type"]


async def test_row_19_thinking_between_calls_returns_between_them():
    """Interleaved thinking keeps its place; redacted thinking too."""
    store = ReasoningStore()
    redacted = [
        {"type": "content_block_start", "index": 2, "content_block": {"type": "redacted_thinking", "data": "enc"}},
        {"type": "content_block_stop", "index": 2},
    ]
    await events(
        start(), *thinking(0, "one", "s1"), *tool(1, "t1", "get_weather"), *redacted, *tool(3, "t2", "get_weather"),
        *end("tool_use"), store=store,
    )  # fmt: skip
    calls = [
        {"id": f"t{n}", "type": "function", "function": {"name": "get_weather", "arguments": "{}"}} for n in (1, 2)
    ]

    messages = [{"role": "user", "content": "hi"}, {"role": "assistant", "tool_calls": calls}]
    results = [{"role": "tool", "tool_call_id": f"t{n}", "content": "x"} for n in (1, 2)]

    sent = body_of(store, messages=[*messages, *results])

    kinds = [part["type"] for part in sent["messages"][1]["content"]]
    assert ["thinking", "tool_use", "redacted_thinking", "tool_use"] == kinds


async def test_row_19_stored_thinking_goes_to_its_own_model_only():
    """Anthropic binds thinking to the model that had it."""
    store = ReasoningStore()
    await events(start(), *thinking(0, "one", "s1"), *tool(1, "t1", "get_weather"), *end("tool_use"), store=store)
    call = {"id": "t1", "type": "function", "function": {"name": "get_weather", "arguments": "{}"}}
    request = chat(messages=[{"role": "user", "content": "hi"}, {"role": "assistant", "tool_calls": [call]}])
    other = Target("other", "anthropic", "https://upstream.test", "claude-opus-4-1")

    sent = json.loads(AnthropicProvider(store).prepare(request, other).body)

    assert ["tool_use"] == [part["type"] for part in sent["messages"][1]["content"]]


def test_row_19_unsigned_reasoning_is_not_replayed():
    """Reasoning of another provider has no signature and would be refused."""
    messages = [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b", "reasoning_content": "c"}]

    sent = body_of(messages=[*messages, {"role": "user", "content": "d"}])["messages"]

    assert [{"type": "text", "text": "b"}] == sent[1]["content"]


def test_row_19_thinking_does_not_end_a_request_that_does_not_think():
    """Anthropic refuses thinking in a last assistant turn without thinking switched on."""
    kept = [{"type": "thinking", "thinking": "hm", "signature": "s"}]
    messages = [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b", "thinking_blocks": kept}]

    assert [{"type": "text", "text": "b"}] == body_of(messages=messages)["messages"][1]["content"]
    bare = [{"role": "user", "content": "a"}, {"role": "assistant", "content": None, "thinking_blocks": kept}]
    assert ["user"] == [message["role"] for message in body_of(messages=bare)["messages"]]


@pytest.mark.parametrize(
    "forcing",
    [
        {"response_format": {"type": "json_object"}},
        {"response_format": JSON_SCHEMA},
        {"tools": [WEATHER], "tool_choice": "required"},
        {"tools": [WEATHER], "tool_choice": {"type": "function", "function": {"name": "get_weather"}}},
    ],
)
def test_row_20_thinking_never_meets_a_forced_call(forcing):
    """The contract of the answer wins over the hint how to find it, audibly."""
    prepared = AnthropicProvider(ReasoningStore()).prepare(chat(reasoning_effort="high", **forcing), TARGET)
    sent = json.loads(prepared.body)

    assert sent["tool_choice"]["type"] in ("any", "tool")
    assert "thinking" not in sent
    assert any("reasoning" in warning for warning in prepared.warnings)


def test_row_20_budget_stays_below_max_tokens_and_temperature_goes():
    """Thinking takes no temperature, and its budget leaves room for the answer."""
    sent = body_of(reasoning_effort="high", temperature=0.3, max_tokens=2000)

    assert 1024 <= sent["thinking"]["budget_tokens"] < sent["max_tokens"] == 2000
    assert "temperature" not in sent


async def test_row_21_only_the_synthetic_call_becomes_content():
    """A JSON answer beside real tools is content with finish `stop`."""
    request = chat(tools=[WEATHER], response_format=JSON_SCHEMA)

    found = await events(start(), *tool(0, "t1", "respond_with_json", '{"a"', ":1}"), *end("tool_use"), request=request)

    assert [TextDelta('{"a"'), TextDelta(":1}")] == of(TextDelta, found)
    assert [] == of(ToolCallStart, found)
    assert [Finish("stop", native="tool_use")] == of(Finish, found)


async def test_row_21_real_calls_stay_calls():
    """A real call in JSON mode is a call, with the words before it, and finish `tool_calls`."""
    request = chat(tools=[WEATHER], response_format=JSON_SCHEMA)

    found = await events(
        start(),
        *text(0, "Looking."),
        *tool(1, "t1", "get_weather", "{}"),
        *text(2, "!"),
        *end("tool_use"),
        request=request,
    )

    assert [TextDelta("Looking."), TextDelta("!")] == of(TextDelta, found)
    assert [ToolCallStart(0, "t1", "get_weather")] == of(ToolCallStart, found)
    assert "tool_calls" == of(Finish, found)[0].reason


async def test_row_21_small_talk_and_second_answers_do_not_spoil_the_json():
    """The content is one JSON text and nothing else."""
    request = chat(response_format=JSON_SCHEMA)
    twice = [*tool(1, "t1", "respond_with_json", '{"a":1}'), *tool(2, "t2", "respond_with_json", '{"a":2}')]

    found = await events(start(), *text(0, "Here:"), *twice, *text(3, "Done."), *end("tool_use"), request=request)

    assert '{"a":1}' == "".join(event.text for event in of(TextDelta, found))


async def test_row_21_json_after_a_real_call_is_still_content():
    """Both in one answer: the call is a call, the JSON is content, later words are dropped."""
    request = chat(tools=[WEATHER], response_format=JSON_SCHEMA)
    told = [*tool(0, "t1", "get_weather", "{}"), *tool(1, "t2", "respond_with_json"), *text(2, "Done.")]

    found = await events(start(), *told, *end("tool_use"), request=request)

    assert [TextDelta("{}")] == of(TextDelta, found)
    assert "tool_calls" == of(Finish, found)[0].reason


async def test_row_22_cache_tokens_are_not_counted_twice():
    """Cumulative counts in both places are one count."""
    cached = {"cache_read_input_tokens": 100, "cache_creation_input_tokens": 20}

    found = await events(start(**cached, output_tokens=1), *text(0, "x"), *end("end_turn", input_tokens=5, **cached))

    usage = of(UsageReport, found)[-1].usage
    assert (125, 9, 100, 20) == (usage.input_tokens, usage.output_tokens, usage.cached_tokens, usage.cache_write_tokens)


@pytest.mark.parametrize(
    ("first", "last"),
    [
        ({"cache_read_input_tokens": 100}, {}),
        ({"cache_read_input_tokens": 100}, {"input_tokens": 0, "cache_read_input_tokens": 0}),
        ({"input_tokens": 0}, {"input_tokens": 5, "cache_read_input_tokens": 100}),
        ({"cache_read_input_tokens": 100, "cache_creation_input_tokens": None}, {"cache_read_input_tokens": None}),
    ],
)
async def test_row_23_cache_tokens_are_in_the_usage_wherever_they_came(first, last):
    """Cached input counts as input, whichever event told it, and zeros elsewhere do not hide it."""
    found = await events(start(**first), *text(0, "x"), *end("end_turn", **last))

    usage = of(UsageReport, found)[-1].usage
    assert (105, 100, 9) == (usage.input_tokens, usage.cached_tokens, usage.output_tokens)


async def test_row_23_raw_usage_keeps_unknown_fields():
    """What we do not read is kept for the books."""
    found = await events(
        start(service_tier="standard"), *text(0, "x"), *end("end_turn", server_tool_use={"web_search_requests": 1})
    )

    raw = of(UsageReport, found)[-1].usage.raw
    assert ("standard", {"web_search_requests": 1}) == (raw["service_tier"], raw["server_tool_use"])


async def test_row_28_error_inside_a_200_stream_is_the_real_error():
    """An error before the first token has its class and status, and nothing committed before it."""
    error = {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}

    with pytest.raises(UpstreamError) as caught:
        await events(start(), error)

    assert 529 == caught.value.status


async def test_row_29_cut_stream_is_an_error_not_a_stop():
    """No end, no finish."""
    with pytest.raises(UpstreamError):
        await events(start(), *text(0, "x"))
