"""The OpenAI-compatible provider: requests kept whole, answers repaired only where broken, every bad end an error."""

from __future__ import annotations

import asyncio
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
    RefusalDelta,
    TextDelta,
    ToolCallArguments,
    ToolCallStart,
    UsageReport,
)
from router.providers.base import ChatRequest, Target
from router.providers.openai_choice import AnswerContext
from router.providers.openai_chunks import ChunkReader
from router.providers.openai_compatible import OpenAICompatibleProvider
from router.reasoning_store import ReasoningStore
from router.sse import SseEvent, SseParser, format_sse
from tests.router.openai_wire import (
    DONE,
    ROLE,
    STOP,
    USAGE,
    a_request,
    a_target,
    arguments,
    call,
    calls,
    chunk,
    complete,
    events,
    objects,
    raw,
    relay,
    rig,
    sse,
)
from tests.router.wire_double import (
    LAST_CHUNK,
    Exchange,
    answering,
    answering_and_closing,
    chunked,
    chunked_head,
    whole,
)

HELLO = chunk({"content": "Hello"})
CUSTOM_TOOL = {"type": "custom", "custom": {"name": "Patch", "description": "Edits.", "format": {"type": "grammar", "grammar": {"syntax": "lark", "definition": "start: x"}}}}  # fmt: skip


def prepare(request, *quirks: str, **target: object) -> tuple[dict, object]:
    provider = OpenAICompatibleProvider(ReasoningStore())
    prepared = provider.prepare(request, a_target("https://up.example", *quirks, **target))
    return json.loads(prepared.body), prepared


def answer(message: dict | None = None, finish: str | None = "stop", **more: object) -> dict:
    base = {"id": "chatcmpl-1", "object": "chat.completion", "created": 1700000000, "model": "m-up"}
    full = {"role": "assistant", "content": "Hello", "refusal": None, **(message or {})}
    return {**base, "choices": [{"index": 0, "message": full, "logprobs": None, "finish_reason": finish}], **more}


# Requests


def test_the_body_goes_on_whole_but_for_the_model() -> None:
    """Unknown fields, odd messages and their order survive; the client's object is not changed."""
    body = {"model": "auto", "z": [1, {"é": None}], "messages": [{"role": "user", "content": "hi", "x": 1}, "odd"]}
    request = a_request(stream=False, **body)
    before = json.dumps(request.body)
    sent, prepared = prepare(request)

    assert {**body, "model": "m-up"} == sent
    assert before == json.dumps(request.body)
    assert () == prepared.warnings


def test_fields_that_steer_gateways_never_reach_the_wire() -> None:
    """A client can neither send our key elsewhere nor inject headers."""
    canary = dict.fromkeys(
        ("api_base", "base_url", "api_key", "extra_headers", "routing_rules", "api_version"), "canary"
    )
    sent, prepared = prepare(a_request(**canary))

    assert b"canary" not in prepared.body
    assert not canary.keys() & sent.keys()
    assert "https://up.example/v1/chat/completions" == prepared.url


def test_headers_and_query_are_the_deployments() -> None:
    """Bearer by default, `api-key` where the provider wants it, the deployment's own headers last."""
    _, plain = prepare(a_request(stream=False))
    _, azure = prepare(a_request(), "api_key_header", query={"api-version": "2026-01-01"}, headers={"X-Org": "o"})
    _, bare = prepare(a_request(), api_key=None)

    assert ("Bearer sk-canary", "application/json") == (plain.headers["authorization"], plain.headers["accept"])
    assert ("sk-canary", "o", "text/event-stream") == tuple(
        azure.headers[name] for name in ("api-key", "x-org", "accept")
    )
    assert "authorization" not in azure.headers
    assert not {"authorization", "api-key"} & bare.headers.keys()
    assert azure.url.endswith("/chat/completions?api-version=2026-01-01")
    assert "canary" not in repr(plain.target)


@pytest.mark.parametrize("tools", [[], None])
def test_empty_tools_are_dropped_with_what_refers_to_them(tools: object) -> None:
    """Cursor sends an empty list, which OpenAI refuses."""
    sent, _ = prepare(a_request(tools=tools, tool_choice="auto", parallel_tool_calls=True))

    assert not {"tools", "tool_choice", "parallel_tool_calls"} & sent.keys()


def test_stream_options_go_only_where_they_are_taken() -> None:
    """Plain requests and upstreams that refuse the field do without."""
    plain, _ = prepare(a_request(stream=False, stream_options={}))
    refused, _ = prepare(a_request(stream_options={"include_usage": False}), "no_stream_options")

    assert "stream_options" not in plain
    assert "stream_options" not in refused


def test_a_plain_call_of_a_body_that_says_stream_is_plain() -> None:
    """What the pipeline decided wins over the client's field."""
    request = a_request(stream=False)
    sent, _ = prepare(type(request)(body={**request.body, "stream": True}, stream=False))

    assert sent["stream"] is False


def test_quirks_bend_the_request() -> None:
    """Each deviation changes its own field and says so where the client loses something."""
    request = a_request(
        messages=[{"role": "developer", "content": "d"}, {"role": "user", "content": "u"}],
        parallel_tool_calls=False,
        reasoning_effort="high",
        tools=[{"type": "function", "name": "flat", "parameters": {}}],
        max_tokens=9000,
        max_completion_tokens=9000,
    )
    sent, prepared = prepare(
        request, "no_developer_role", "no_parallel_tool_calls", "no_reasoning_with_tools", max_output_tokens=4000
    )

    assert ["system", "user"] == [message["role"] for message in sent["messages"]]
    assert ("none", 4000, 4000) == (sent["reasoning_effort"], sent["max_tokens"], sent["max_completion_tokens"])
    assert [{"type": "function", "function": {"name": "flat", "parameters": {}}}] == sent["tools"]
    assert "parallel_tool_calls" not in sent
    assert 4 == len(prepared.warnings)


def test_quirks_stay_silent_where_nothing_is_lost() -> None:
    """No warning for a default, and reasoning is only switched off next to functions."""
    sent, prepared = prepare(
        a_request(parallel_tool_calls=True, max_tokens=None, max_completion_tokens=5, reasoning_effort="low"),
        "no_parallel_tool_calls", "no_reasoning_with_tools", "max_completion_tokens", max_output_tokens=4000,
    )  # fmt: skip

    assert (5, "low") == (sent["max_completion_tokens"], sent["reasoning_effort"])
    assert () == prepared.warnings


def test_options_of_the_deployment_fill_what_the_client_left_open() -> None:
    """A client's own value wins."""
    sent, _ = prepare(a_request(seed=1), options={"seed": 2, "reasoning_effort": "low"})

    assert (1, "low") == (sent["seed"], sent["reasoning_effort"])


def test_free_form_tools_become_functions_where_only_those_are_known() -> None:
    """Declaration, choice and history are reshaped together; the grammar is told in words."""
    history = [
        {"role": "assistant", "tool_calls": [
            {"id": "c1", "type": "custom", "custom": {"name": "Patch", "input": 'a "b"'}},
            call("*** Begin", index=None, id="c2", name="Patch"),
            call('{"input":"kept"}', index=None, id="c3", name="Patch"),
            call("{}", index=None, id="c4", name="other"),
            "odd",
        ]},
    ]  # fmt: skip
    request = a_request(
        tools=[CUSTOM_TOOL, {"type": "web"}, "odd"],
        tool_choice={"type": "custom", "custom": {"name": "Patch"}},
        messages=history,
    )
    sent, _ = prepare(request, "no_custom_tools")
    tool = sent["tools"][0]["function"]
    called = sent["messages"][0]["tool_calls"]

    assert {"type": "function", "function": {"name": "Patch"}} == sent["tool_choice"]
    assert ("Patch", True, ["input"]) == (
        tool["name"],
        "start: x" in tool["description"],
        tool["parameters"]["required"],
    )
    assert [{"type": "web"}, "odd"] == sent["tools"][1:]
    assert ['{"input":"a \\"b\\""}', '{"input":"*** Begin"}', '{"input":"kept"}', "{}"] == [
        item["function"]["arguments"] for item in called[:4]
    ]
    assert "custom" not in called[0]


def test_free_form_calls_go_back_as_such_where_they_are_known() -> None:
    """We answer a free-form call as a function with raw text; OpenAI wants it back as a custom call."""
    history = [{"role": "assistant", "tool_calls": [call("*** Begin", index=None, id="c", name="Patch"), call('{"input":"x"}', id="d", name="Patch")]}]  # fmt: skip
    sent, _ = prepare(a_request(tools=[{"type": "custom", "name": "Patch"}], messages=history))

    assert [{"type": "custom", "custom": {"name": "Patch"}}] == sent["tools"]
    assert [{"name": "Patch", "input": "*** Begin"}, {"name": "Patch", "input": "x"}] == [
        item["custom"] for item in sent["messages"][0]["tool_calls"]
    ]


def test_requests_without_messages_are_the_upstreams_to_judge() -> None:
    """The provider forwards; it does not validate for OpenAI."""
    sent, _ = prepare(a_request(messages=None))

    assert [] == sent["messages"] or sent["messages"] is None


# Streams


async def test_a_clean_stream_goes_on_byte_for_byte() -> None:
    """Golden: what OpenAI sends is what the client gets, less usage and the end mark; unknown fields included."""
    script = sse(
        {**ROLE, "service_tier": "default", "system_fingerprint": "fp", "obfuscation": "xx"},
        {**HELLO, "obfuscation": "yyyy"},
        chunk({"content": " 世界"}, logprobs_extra=1),
        calls(call("", id="c1", name="f")),
        calls(call('{"a":1}')),
        {**chunk({}, "tool_calls"), "system_fingerprint": "fp"},
    )
    frames = await relay(script + sse(chunk(usage=USAGE)) + DONE)

    assert script == raw(frames)
    assert [
        MessageStart("chatcmpl-1", "m-up", 1700000000),
        TextDelta("Hello"),
        TextDelta(" 世界"),
        ToolCallStart(0, "c1", "f"),
        ToolCallArguments(0, '{"a":1}'),
        UsageReport(Usage(12, 3, raw=USAGE)),
        Finish("tool_calls", 0, "tool_calls"),
    ] == events(frames)


async def test_odd_but_legal_sse_is_forwarded_in_its_plainest_form() -> None:
    """Many clients look for `data: ` and LF only."""
    script = b"".join(
        b": comment\r\n\r\ndata:" + json.dumps(item).encode() + b"\r\n\r\n" for item in (ROLE, HELLO, STOP)
    )
    frames = await relay(script + b"data:[DONE]\r\n\r\n")

    assert raw(frames).startswith(b'data: {"id"')
    assert b"\r" not in raw(frames)
    assert [ROLE, HELLO, STOP] == objects(frames)


async def test_reasoning_of_both_names_refusals_and_logprobs_are_events() -> None:
    """`reasoning_content` and `reasoning` are one thing, and not counted twice when both come."""
    logprobs = {"content": [{"token": "x"}]}
    script = sse(
        ROLE,
        chunk({"reasoning_content": "a"}),
        chunk({"content": None, "reasoning": "b"}),
        chunk({"reasoning": "c", "reasoning_content": "c"}),
        chunk({"reasoning_content": "d", "content": "t"}),
        chunk({"refusal": "no"}),
        {**HELLO, "choices": [{**HELLO["choices"][0], "logprobs": logprobs}]},
        chunk({"content": ""}),
        STOP,
    )
    frames = await relay(script + DONE)

    assert script == raw(frames)
    assert [
        *(ReasoningDelta(text) for text in "abcd"),
        TextDelta("t"),
        RefusalDelta("no"),
        TextDelta("Hello", 0, logprobs),
    ] == events(frames)[1:-1]


@pytest.mark.parametrize(
    ("delta", "repaired"),
    [
        ({"content": "Hello"}, {"content": "Hello", "role": "assistant"}),
        ({"role": ""}, {"role": "assistant", "content": ""}),
        ({"role": "assistant"}, {"role": "assistant", "content": ""}),
        ({"role": "assistant", "content": None}, {"role": "assistant", "content": None}),
    ],
)
async def test_the_first_delta_has_role_and_content(delta: dict, repaired: dict) -> None:
    """Clients crash on an empty role, and Cline on a delta without content."""
    frames = await relay(sse(chunk(delta), HELLO, STOP) + DONE)

    assert repaired == objects(frames)[0]["choices"][0]["delta"]


async def test_the_role_comes_once() -> None:
    """Clients that add deltas up would get `assistantassistant`."""
    script = sse(
        ROLE,
        chunk({"role": "assistant", "content": "Hello"}),
        chunk({"role": ""}),
        chunk({"role": "assistant"}, "stop"),
    )
    frames = await relay(script + DONE)

    assert ["assistant", None, None, None] == [item["choices"][0]["delta"].get("role") for item in objects(frames)]


async def test_missing_keys_of_choices_are_filled_in() -> None:
    """Every chunk has choices, every choice an index and a finish_reason."""
    bare = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": "m-up"}
    script = sse(ROLE, {**bare, "choices": [{"delta": {"content": "Hello"}}]}, {"type": "ping"}, STOP)
    frames = await relay(script + DONE)

    assert {"index": 0, "delta": {"content": "Hello"}, "finish_reason": None} == objects(frames)[1]["choices"][0]
    assert ([], "ping") == (objects(frames)[2]["choices"], objects(frames)[2]["type"])


async def test_a_first_chunk_without_id_goes_on_under_the_streams_id() -> None:
    """Azure opens with filter results and no id."""
    first = {"choices": [], "created": 0, "id": "", "model": "", "object": "", "prompt_filter_results": [{"x": 1}]}
    frames = await relay(sse(first, ROLE, HELLO, STOP) + DONE)

    assert isinstance(events(frames)[0], MessageStart)
    assert ("chatcmpl-1", [{"x": 1}], []) == tuple(
        objects(frames)[0][key] for key in ("id", "prompt_filter_results", "choices")
    )


async def test_content_in_parts_becomes_text_and_reasoning() -> None:
    """Mistral's reasoning models stream lists of parts."""
    parts = [{"type": "thinking", "thinking": [{"type": "text", "text": "hm"}]}, {"type": "text", "text": "Hel"}, "lo"]
    frames = await relay(sse(ROLE, chunk({"content": parts}), STOP) + DONE)

    assert [ReasoningDelta("hm"), TextDelta("Hello")] == events(frames)[1:3]
    assert {"content": "Hello", "reasoning_content": "hm"} == objects(frames)[1]["choices"][0]["delta"]


async def test_legacy_function_calls_are_content() -> None:
    """Old clients and servers still speak `function_call`; its bytes go on as they are."""
    script = sse(
        ROLE,
        chunk({"function_call": {"name": "f", "arguments": ""}}),
        chunk({"function_call": {"arguments": "{}"}}),
        chunk({}, "stop"),
    )
    frames = await relay(script + DONE)

    assert [
        ToolCallStart(0, "call_new1", "f"),
        ToolCallArguments(0, "{}"),
        Finish("function_call", 0, "stop"),
    ] == events(frames)[1:]
    assert {"name": "f", "arguments": ""} == objects(frames)[1]["choices"][0]["delta"]["function_call"]


async def test_a_call_told_in_both_spellings_is_one_call() -> None:
    """Some servers repeat a tool call as a legacy function call, before, beside or after it."""
    legacy = {"function_call": {"name": "f", "arguments": "{}"}}
    modern = {"tool_calls": [call("{}", id="c", name="f")]}
    both = await relay(sse(ROLE, chunk({**legacy, **modern}), STOP) + DONE)
    after = await relay(sse(ROLE, chunk(modern), chunk(legacy), STOP) + DONE)
    before = await relay(sse(ROLE, chunk(legacy), chunk(modern), STOP) + DONE)

    assert ["c", "c", "call_new1"] == [events(frames)[1].id for frames in (both, after, before)]
    assert [2, 2, 2] == [
        sum(isinstance(e, ToolCallStart | ToolCallArguments) for e in events(f)) for f in (both, after, before)
    ]
    assert ["tool_calls", "tool_calls", "function_call"] == [
        events(frames)[-1].reason for frames in (both, after, before)
    ]


async def test_native_free_form_calls_become_functions_with_raw_text() -> None:
    """Cursor wants `type: function` with the raw text as arguments."""
    script = sse(
        ROLE,
        calls({"index": 0, "id": "c", "type": "custom", "custom": {"name": "Patch", "input": ""}}),
        calls({"index": 0, "type": "custom", "custom": {"input": "*** Be"}}),
        calls({"index": 0, "custom": {"input": "gin"}}),
        STOP,
    )
    frames = await relay(script + DONE, a_request(tools=[CUSTOM_TOOL]))
    first = objects(frames)[1]["choices"][0]["delta"]["tool_calls"][0]

    assert {"index": 0, "id": "c", "type": "function", "function": {"name": "Patch", "arguments": ""}} == first
    assert ToolCallStart(0, "c", "Patch", kind="custom") in events(frames)
    assert "*** Begin" == arguments(frames)
    assert b"custom" not in raw(frames)


@pytest.mark.parametrize(
    ("json_text", "raw_text"),
    [
        ('{"input": "*** Begin\\n\\u00e9 \\"q\\" \\ud83d\\ude00"}', '*** Begin\né "q" 😀'),
        ('{"patch":1}', '{"patch": 1}'),
        ("not json", "not json"),
    ],
)
async def test_wrapped_free_form_calls_are_unwrapped_as_they_stream(json_text: str, raw_text: str) -> None:
    """The upstream tells JSON in single characters; the client reads raw text. What is no wrapping is not lost."""
    script = sse(ROLE, calls(call("", id="c", name="Patch")), *(calls(call(letter)) for letter in json_text), STOP)
    frames = await relay(script + DONE, a_request(tools=[CUSTOM_TOOL]), "no_custom_tools")

    assert raw_text == arguments(frames)
    assert raw_text == "".join(e.fragment for e in events(frames) if isinstance(e, ToolCallArguments))
    assert ToolCallStart(0, "c", "Patch", kind="custom") in events(frames)
    assert isinstance(events(frames)[-1], Finish)


async def test_a_piece_of_a_call_that_never_began_is_an_error() -> None:
    """There is nothing right to do with it."""
    with pytest.raises(UpstreamError, match="had not begun"):
        await relay(sse(ROLE, calls(call("x"))))


async def test_fragments_whose_index_drifts_belong_to_the_last_call() -> None:
    """Without id and name a fragment can only continue."""
    frames = await relay(
        sse(
            ROLE,
            calls(call('{"a"', id="c", name="f")),
            calls(call(":1}", index=7)),
            calls(call("", index=0, id="n")),
            STOP,
        )
        + DONE
    )

    assert '{"a":1}' == arguments(frames)


async def test_a_call_with_an_id_but_no_name_begins_with_an_empty_one() -> None:
    """Better a call without a name than none at all."""
    frames = await relay(sse(ROLE, calls(call("{}", index=3, id="c")), STOP) + DONE)

    assert ToolCallStart(0, "c", "") in events(frames)


async def test_what_comes_after_the_end_mark_is_dropped() -> None:
    """A second end mark and late bytes reach nobody, and the connection is used again."""

    async def handle(exchange: Exchange) -> None:
        await exchange.send(
            chunked_head() + chunked(sse(ROLE, HELLO, STOP) + DONE + DONE, sse(HELLO), b"junk") + LAST_CHUNK
        )

    async with rig(handle) as one:
        first = await one.stream()
        await one.stream()

    assert "Hello" == "".join(event.text for event in events(first) if isinstance(event, TextDelta))
    assert 1 == one.upstream.n_connections


async def test_an_upstream_that_stays_open_after_its_finish_does_not_hold_the_client() -> None:
    """No end mark, no end: once every choice has finished the answer is given after a short grace."""
    async with rig(answering(chunked_head() + chunked(sse(ROLE, HELLO, STOP))), grace_s=0.01) as one:
        frames = await one.stream()

    assert Finish("stop", 0, "stop") == events(frames)[-1]


async def test_closing_the_stream_closes_the_upstream() -> None:
    """A client that hangs up stops the generation."""
    async with rig(answering(chunked_head() + chunked(sse(ROLE, HELLO)))) as one:
        frames = one.provider.stream(one.provider.prepare(a_request(), a_target(one.upstream.url)), one.wire)
        await anext(frames)
        await frames.aclose()
        async with asyncio.timeout(1):
            await one.upstream.gone.wait()

    assert 1 == len(one.upstream.received)


async def test_cancelling_a_plain_call_closes_the_upstream() -> None:
    """A client that leaves while we wait for a whole answer stops the generation."""
    arrived = asyncio.Event()

    async def handle(_exchange: Exchange) -> None:
        arrived.set()

    async with rig(handle) as one:
        waiting = asyncio.create_task(one.complete())
        await arrived.wait()
        waiting.cancel()
        async with asyncio.timeout(1):
            await one.upstream.gone.wait()

    assert waiting.cancelled()


@pytest.mark.parametrize(
    "body",
    [b"data: {broken\n\n", b"data: 1\n\n", b"data: []\n\n", b'data: "text"\n\n', b"data: " + b"[" * 5000 + b"\n\n"],
)
async def test_a_chunk_that_is_no_object_is_an_error(body: bytes) -> None:
    """Broken bytes are never forwarded."""
    with pytest.raises(UpstreamError, match="chunk that is no JSON"):
        await relay(sse(ROLE, HELLO) + body + sse(STOP) + DONE)


@pytest.mark.parametrize(
    "body",
    [b"", DONE, b"data: \n\n" + DONE, b": ping\n\n", sse(ROLE, STOP) + DONE, sse(ROLE, chunk({}, "tool_calls"), chunk(usage=USAGE)) + DONE, sse(chunk(usage=USAGE)) + DONE],
)  # fmt: skip
async def test_an_empty_stream_is_an_error(body: bytes) -> None:
    """Nothing said is no answer; another candidate may do better."""
    with pytest.raises(UpstreamError) as caught:
        await relay(body)
    assert ("empty_completion", "transient") == (caught.value.code, caught.value.failure_class)


@pytest.mark.parametrize("reason", ["length", "content_filter", "max_tokens", "SAFETY"])
async def test_an_empty_answer_is_legal_when_its_finish_says_why(reason: str) -> None:
    """A filter or a limit that struck at once is an answer."""
    frames = await relay(sse(ROLE, chunk({}, reason)) + DONE)

    assert isinstance(events(frames)[-1], Finish)


async def test_content_without_events_is_not_empty() -> None:
    """Audio and images go on as bytes."""
    script = sse(ROLE, chunk({"audio": {"id": "a", "data": "x"}}), STOP)
    frames = await relay(script + DONE)

    assert script == raw(frames)


async def test_an_upstream_known_to_send_no_finish_ends_with_its_end_mark() -> None:
    """The quirk `no_finish_reason` lets [DONE] stand for it; a cut is still an error."""
    frames = await relay(sse(ROLE, HELLO) + DONE, None, "no_finish_reason")
    with_tools = await relay(sse(ROLE, calls(call("{}", id="c", name="f"))) + DONE, None, "no_finish_reason")

    assert [Finish("stop"), Finish("tool_calls")] == [events(frames)[-1], events(with_tools)[-1]]
    assert "stop" == objects(frames)[-1]["choices"][0]["finish_reason"]
    with pytest.raises(UpstreamError, match="cut before its end"):
        await relay(sse(ROLE, HELLO), None, "no_finish_reason")


async def test_the_last_event_may_end_in_a_lone_cr() -> None:
    """A stream of CR line ends is read to its end."""
    frames = await relay(b"".join(b"data: " + json.dumps(item).encode() + b"\r\r" for item in (ROLE, HELLO, STOP)))

    assert Finish("stop", 0, "stop") == events(frames)[-1]


async def test_a_web_page_instead_of_a_stream_is_an_error() -> None:
    """A gateway's login page with 200."""
    async with rig(answering_and_closing(whole(b"<html>", content_type="text/html; charset=utf-8"))) as one:
        with pytest.raises(UpstreamError, match="HTML page instead of a stream"):
            await one.stream()


async def test_an_error_as_json_instead_of_a_stream_keeps_its_meaning() -> None:
    """200 with an error body is the error."""
    async with rig(answering_and_closing(whole(b'{"error":{"message":"m","code":"insufficient_quota"}}'))) as one:
        with pytest.raises(UpstreamError) as caught:
            await one.stream()
    assert "quota" == caught.value.failure_class


async def test_a_whole_answer_instead_of_a_stream_becomes_one() -> None:
    """A server that ignores `stream` still serves streaming clients."""
    body = answer(
        {"reasoning_content": "hm", "tool_calls": [call({"a": 1}, index=None, id="c", name="f")]}, usage=USAGE
    )
    async with rig(answering_and_closing(whole(json.dumps(body).encode()))) as one:
        frames = await one.stream()

    assert [
        MessageStart("chatcmpl-1", "m-up", 1700000000),
        ReasoningDelta("hm"),
        TextDelta("Hello"),
        ToolCallStart(0, "c", "f"),
        ToolCallArguments(0, '{"a":1}'),
        UsageReport(Usage(12, 3, raw=USAGE)),
        Finish("tool_calls", 0, "tool_calls"),
    ] == events(frames)
    assert ["chat.completion.chunk"] * 2 == [item["object"] for item in objects(frames)]
    assert '{"a":1}' == arguments(frames)


async def test_a_stream_labelled_as_json_is_read_as_one() -> None:
    """Wrong labels happen."""
    async with rig(answering_and_closing(whole(sse(ROLE, HELLO, STOP) + DONE))) as one:
        frames = await one.stream()

    assert TextDelta("Hello") in events(frames)


@pytest.mark.parametrize(("status", "failure_class"), [(429, "rate"), (401, "credential"), (503, "transient"), (302, "transient")])  # fmt: skip
async def test_refusals_are_classified(status: int, failure_class: str) -> None:
    """Streamed and plain calls fail alike, and the key is in neither message."""
    async with rig(answering_and_closing(whole(b'{"error":{"message":"no"}}', status, retry_after="3"))) as one:
        with pytest.raises(UpstreamError) as streamed:
            await one.stream()
        with pytest.raises(UpstreamError) as plain:
            await one.complete()
    assert (failure_class, status, 3.0) == (
        streamed.value.failure_class,
        streamed.value.status,
        streamed.value.retry_after_s,
    )
    assert (failure_class, status, "no") == (plain.value.failure_class, plain.value.status, plain.value.message)


# Plain answers


async def test_a_clean_answer_goes_on_byte_for_byte() -> None:
    """Spaces, order and unknown fields included."""
    body = json.dumps(answer(usage=USAGE, system_fingerprint="fp", x={"y": 1}), indent=1).encode()
    done = await complete(body)

    assert body == done.raw
    assert "application/json" == done.headers["content-type"]
    assert (
        MessageStart("chatcmpl-1", "m-up", 1700000000),
        TextDelta("Hello"),
        UsageReport(Usage(12, 3, raw=USAGE)),
        Finish("stop", 0, "stop"),
    ) == done.events


async def test_a_broken_answer_is_repaired() -> None:
    """Missing refusal, ids, types, index and object; object arguments; a stop after tools; odd reasons."""
    body = {
        "choices": [
            {"message": {"tool_calls": [{"function": {"name": "f", "arguments": {"a": 1}}}]}, "finish_reason": "stop"},
            {"message": {"role": "", "content": [{"type": "text", "text": "hi"}]}, "finish_reason": "max_tokens"},
            {"message": {"content": "x", "function_call": {"name": "g", "arguments": "{}"}}},
        ],
        "kept": 1,
    }
    done = await complete(body, a_request(stream=False, n=3))
    fixed = json.loads(done.raw)
    first, second, third = fixed["choices"]

    assert ("chatcmpl-dec1", "chat.completion", "m-up", 1_800_000_000, 1) == tuple(
        fixed[key] for key in ("id", "object", "model", "created", "kept")
    )
    assert [{"id": "call_new1", "type": "function", "function": {"name": "f", "arguments": '{"a":1}'}}] == first[
        "message"
    ]["tool_calls"]
    assert [("tool_calls", 0), ("length", 1), ("function_call", 2)] == [
        (c["finish_reason"], c["index"]) for c in fixed["choices"]
    ]
    assert ("assistant", None, None) == (
        first["message"]["role"],
        first["message"]["refusal"],
        first["message"]["content"],
    )
    assert ("hi", "x") == (second["message"]["content"], third["message"]["content"])
    assert ToolCallStart(0, "call_new1", "f") in done.events


async def test_free_form_calls_of_a_plain_answer_stay_custom() -> None:
    """Unwrapped where the upstream was given a function; native ones untouched."""
    wrapped = answer({"tool_calls": [call('{"input":"*** \\u00e9"}', index=None, id="c", name="Patch")]}, "tool_calls")
    native = answer(
        {"tool_calls": [{"id": "c", "type": "custom", "custom": {"name": "Patch", "input": "raw"}}]}, "tool_calls"
    )
    request = a_request(stream=False, tools=[CUSTOM_TOOL])
    one = await complete(wrapped, request, "no_custom_tools")
    other = await complete(native, request)
    no_id = await complete(
        answer({"tool_calls": [{"custom": {"name": "Patch", "input": "raw"}}]}, "tool_calls"), request
    )

    assert [{"id": "c", "type": "custom", "custom": {"name": "Patch", "input": "*** é"}}] == (
        json.loads(one.raw)["choices"][0]["message"]["tool_calls"]
    )
    assert native == json.loads(other.raw)
    assert ToolCallArguments(0, "raw") in other.events
    assert ToolCallStart(0, "c", "Patch", kind="custom") in one.events
    assert "call_new1" == json.loads(no_id.raw)["choices"][0]["message"]["tool_calls"][0]["id"]


@pytest.mark.parametrize(
    ("body", "code", "failure_class"),
    [
        (answer({"content": ""}), "empty_completion", "transient"),
        (answer({"content": None}, "tool_calls"), "empty_completion", "transient"),
        ({**answer(), "choices": []}, "empty_completion", "transient"),
        (answer(finish="abort"), "stream_cut", "transient"),
        ({"error": {"message": "m", "code": "context_length_exceeded"}}, "context_length_exceeded", "context"),
        ({"object": "error", "message": "m", "code": 503}, None, "transient"),
        ({"detail": "no model"}, None, "transient"),
        ({}, None, "transient"),
        ([], None, "transient"),
        (b"<html>", None, "transient"),
        (b'{"a":' * 9000, None, "transient"),
    ],
)
async def test_what_is_no_answer_is_an_error(body: object, code: str | None, failure_class: str) -> None:
    """An error with 200, an empty answer and no answer at all are told apart."""
    with pytest.raises(UpstreamError) as caught:
        await complete(body)
    assert (code, failure_class) == (caught.value.code, caught.value.failure_class)


@pytest.mark.parametrize("asked", ["plain", "a stream, and JSON came"])
async def test_what_an_empty_answer_cost_is_told_with_its_error(asked: str) -> None:
    """The upstream bills its thinking; the streamed twin told it in an event."""
    usage = {"prompt_tokens": 7, "completion_tokens": 5, "total_tokens": 12}
    body = answer({"content": ""}) | {"usage": usage}
    async with rig(answering_and_closing(whole(json.dumps(body).encode()))) as one:
        with pytest.raises(UpstreamError) as caught:
            await (complete(body) if asked == "plain" else one.stream())

    assert caught.value.usage is not None
    assert (7, 5) == (caught.value.usage.input_tokens, caught.value.usage.output_tokens)


SPENT = {"prompt_tokens": 7, "completion_tokens": 5, "total_tokens": 12}


@pytest.mark.parametrize("told", [(7, 5), None])
@pytest.mark.parametrize("asked", ["plain", "a stream, and one labelled as JSON came"])
@pytest.mark.parametrize(
    ("pieces", "end"), [((ROLE, STOP), DONE), ((ROLE, HELLO), b""), ((ROLE, HELLO), b'data: {"cut')]
)
async def test_what_a_stream_that_is_no_answer_cost_is_told_with_its_error(
    asked: str, pieces: tuple[dict, ...], end: bytes, told: tuple[int, int] | None
) -> None:
    """It is billed, whoever gets it; where it tells nothing, nothing is known, which is not nought."""
    body = sse(*pieces, *([chunk(usage=SPENT)] if told else [])) + end
    async with rig(answering_and_closing(whole(body))) as one:
        with pytest.raises(UpstreamError) as caught:
            await (complete(body) if asked == "plain" else one.stream())

    usage = caught.value.usage
    assert told == (usage and (usage.input_tokens, usage.output_tokens))


async def test_an_empty_answer_cut_by_its_limit_is_legal() -> None:
    """All tokens went into reasoning."""
    done = await complete(answer({"content": ""}, "length"))

    assert Finish("length", 0, "length") == done.events[-1]


async def test_reasoning_of_a_plain_answer_is_remembered_too() -> None:
    """The next turn may be streamed or not."""
    store = ReasoningStore()
    await complete(
        answer({"reasoning_content": "think", "tool_calls": [call("{}", id="c", name="f")]}),
        None, "reasoning_content_required", store=store,
    )  # fmt: skip
    provider = OpenAICompatibleProvider(store)
    history = [{"role": "assistant", "content": None, "tool_calls": [call("{}", id="c", name="f")]}]
    sent = provider.prepare(a_request(messages=history), a_target("http://x", "reasoning_content_required")).body

    assert "think" == json.loads(sent)["messages"][0]["reasoning_content"]


# Embeddings


async def test_embeddings_pass_through_untouched() -> None:
    """Base64 vectors, token inputs and unknown fields survive; usage is read."""
    body = b'{"object":"list", "data":[{"embedding":"AACAPw=="}], "usage":{"prompt_tokens":4,"total_tokens":4}}'
    async with rig(answering_and_closing(whole(body))) as one:
        request = a_request(stream=False, input=[[1, 2]], encoding_format="base64", base_url="canary", messages=None)
        done = await one.provider.embed(request, a_target(one.upstream.url), one.wire)
    received = one.upstream.received[0]

    assert (body, Usage(4, 0, raw={"prompt_tokens": 4, "total_tokens": 4})) == (done.raw, done.usage)
    assert "POST /v1/embeddings HTTP/1.1" == received.line
    assert {"model": "m-up", "messages": None, "input": [[1, 2]], "encoding_format": "base64"} == json.loads(
        received.body
    )


async def test_embeddings_that_are_none_are_an_error() -> None:
    """An error with 200 has its meaning here too; usage may be missing."""
    async with rig(answering_and_closing(whole(b'{"error":{"message":"m","code":404}}'))) as one:
        with pytest.raises(UpstreamError):
            await one.provider.embed(a_request(stream=False), a_target(one.upstream.url), one.wire)
    async with rig(answering_and_closing(whole(b'{"data":[]}'))) as one:
        done = await one.provider.embed(a_request(stream=False), a_target(one.upstream.url), one.wire)

    assert done.usage is None


# Properties


def reader(n: int = 1) -> ChunkReader:
    ids = iter(range(10_000))
    return ChunkReader(AnswerContext("dec1", "m-up", "acme", 1, ReasoningStore(), lambda: f"call_{next(ids)}", n=n))


def read(script: bytes, pieces: list[bytes]) -> list:
    one, parser = reader(), SseParser()
    frames = [frame for piece in pieces for event in parser.feed(piece) for frame in one.feed(event)]
    return [*frames, *one.finish()]


SCRIPT = sse(ROLE, HELLO, chunk({"content": "世"}), calls(call('{"é":', index=None, name="f")), calls(call("1}", index=None), finish="stop"), chunk(usage=USAGE)) + DONE  # fmt: skip


@given(st.lists(st.integers(0, len(SCRIPT)), max_size=10))
def test_frames_do_not_depend_on_how_the_bytes_are_cut(places: list[int]) -> None:
    """The network's pieces mean nothing."""
    edges = [0, *sorted(places), len(SCRIPT)]
    pieces = [SCRIPT[start:end] for start, end in pairwise(edges)]

    assert read(SCRIPT, [SCRIPT]) == read(SCRIPT, pieces)


DELTAS = st.fixed_dictionaries(
    {},
    optional={
        "role": st.sampled_from(["assistant", "", None]),
        "content": st.sampled_from(["x", "", None, [{"type": "text", "text": "p"}], 7]),
        "reasoning": st.sampled_from(["r", None]),
        "reasoning_content": st.sampled_from(["r", None]),
        "refusal": st.sampled_from(["n", None]),
        "function_call": st.sampled_from([None, {"name": "f", "arguments": "{}"}]),
        "tool_calls": st.lists(
            st.fixed_dictionaries(
                {},
                optional={
                    "index": st.sampled_from([0, 1, None, "0"]),
                    "id": st.sampled_from(["a", "b", "", None]),
                    "type": st.sampled_from(["function", "custom", None]),
                    "function": st.fixed_dictionaries(
                        {}, optional={"name": st.sampled_from(["f", "g", "", None]), "arguments": st.sampled_from(["{}", "{", "", None, {"a": 1}])}
                    ),
                    "custom": st.sampled_from([None, {"name": "p", "input": "raw"}]),
                },
            ),
            max_size=3,
        ),
    },
)  # fmt: skip
CHUNKS = st.fixed_dictionaries(
    {"choices": st.lists(st.fixed_dictionaries({}, optional={
        "index": st.sampled_from([0, 1, None, -1]), "delta": DELTAS, "message": DELTAS,
        "finish_reason": st.sampled_from([None, "", "stop", "tool_calls", "length", "odd"]), "usage": st.sampled_from([None, USAGE]),
    }), max_size=2)},
    optional={"id": st.sampled_from(["i", "j", "", None]), "usage": st.sampled_from([None, USAGE, 3]), "model": st.sampled_from(["m", "", None]), "created": st.sampled_from([1, None, "x"])},
)  # fmt: skip


@given(st.lists(CHUNKS, max_size=8), st.booleans())
def test_whatever_chunks_come_what_goes_on_is_well_formed(chunks: list[dict], done: bool) -> None:
    """Frames or an `UpstreamError`, nothing else; and what a client gets keeps every rule of the format."""
    one = reader()
    frames = []
    try:
        for item in chunks:
            data = json.dumps(item).encode()
            frames += one.feed(SseEvent(None, data, format_sse(data)))
        if done:
            one.feed(SseEvent(None, b"[DONE]", DONE))
        frames += one.finish()
    except UpstreamError:
        return
    found = events(frames)

    assert isinstance(found[0], MessageStart)
    assert 1 == sum(isinstance(event, MessageStart) for event in found)
    for index in {choice["index"] for item in objects(frames) for choice in item["choices"]}:
        check_choice([c for item in objects(frames) for c in item["choices"] if c["index"] == index])
    assert 1 == len({item["id"] for item in objects(frames)})
    assert all("chat.completion.chunk" == item["object"] and item.get("usage") is None for item in objects(frames))


def check_choice(choices: list[dict]) -> None:
    assert "assistant" == choices[0]["delta"]["role"]
    assert all("role" not in choice["delta"] for choice in choices[1:])
    assert choices[-1]["finish_reason"]
    assert not any(choice["finish_reason"] for choice in choices[:-1])
    begun: list[int] = []
    for choice in choices:
        for entry in choice["delta"].get("tool_calls") or ():
            assert isinstance(entry["function"]["arguments"], str)
            if entry["index"] not in begun:
                assert (len(begun), "function") == (entry["index"], entry["type"])
                assert entry["id"]
                begun.append(entry["index"])
            else:
                assert not entry.get("id")


def test_what_only_anthropic_knows_does_not_reach_an_openai_upstream() -> None:
    """A strict server refuses fields it does not know; signed thinking and cache marks are Anthropic's own."""
    body = {
        "model": "x",
        "messages": [
            {"role": "user", "content": [{"type": "text", "text": "hi", "cache_control": {"type": "ephemeral"}}]},
            {"role": "assistant", "content": "a", "thinking_blocks": [{"type": "thinking", "signature": "s"}]},
        ],
    }
    target = Target(deployment="d", provider="openai", base_url="http://u/v1", upstream_model="m")

    provider = OpenAICompatibleProvider(ReasoningStore())
    sent = json.loads(provider.prepare(ChatRequest(body, dialect="anthropic"), target).body)

    assert [{"type": "text", "text": "hi"}] == sent["messages"][0]["content"]
    assert "thinking_blocks" not in sent["messages"][1]
    assert "cache_control" in body["messages"][0]["content"][0]
