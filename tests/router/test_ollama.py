"""Ollama's native dialect: NDJSON streams, whole answers and their failures."""

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
from router.providers.base import ChatRequest, Target, Wire
from router.providers.ndjson import LineParser
from router.providers.ollama import OllamaProvider

NOW = 1_700_000_000.0
WEATHER = {"type": "function", "function": {"name": "get_weather", "parameters": {"type": "object", "properties": {}}}}
PATCH = {"type": "custom", "custom": {"name": "ApplyPatch"}}


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

    async def read(self, _limit):
        return b"".join(self.pieces)

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
    given = {"upstream_model": "llama3.2", "base_url": "http://local.test:11434", **fields}
    return Target("main", "ollama", given.pop("base_url"), given.pop("upstream_model"), **given)


def chat(**fields):
    body = {"model": "auto", "messages": [{"role": "user", "content": "hi"}], **fields}
    return ChatRequest(body, stream=bool(body.get("stream")), id="d1")


def provider():
    return OllamaProvider(clock=lambda: NOW)


def line(message=None, **fields):
    told = {"model": "llama3.2", "created_at": "2026-01-01T00:00:00Z", "done": False, **fields}
    if message is not None:
        told["message"] = {"role": "assistant", **message}
    return json.dumps(told, ensure_ascii=False).encode() + b"\n"


def said(text):
    return line({"content": text})


def called(*calls):
    return line({"content": "", "tool_calls": [{"function": {"name": n, "arguments": a}} for n, a in calls]})


def done(reason="stop", **fields):
    counts = {"prompt_eval_count": 7, "eval_count": 3, "total_duration": 99}
    return line({"content": ""}, done=True, done_reason=reason, **{**counts, **fields})


async def frames(pieces, request=None, its_target=None, **response):
    memory = Memory(Response(pieces, **response))
    its = provider()
    prepared = its.prepare(request or chat(stream=True), its_target or target())
    try:
        return [frame async for frame in its.stream(prepared, Wire(memory, 1.0, 2.0))]
    finally:
        assert memory.response.closed


async def events(pieces, request=None, its_target=None, **response):
    return [event for frame in await frames(pieces, request, its_target, **response) for event in frame.events]


async def collect(stream, seen):
    async for frame in stream:
        seen.extend(frame.events)


async def complete(body, request=None, **response):
    memory = Memory(Response([body], **response))
    its = provider()
    try:
        return await its.complete(its.prepare(request or chat(), target()), Wire(memory, 1.0, 2.0))
    finally:
        assert memory.response.closed


@pytest.mark.parametrize("stream", [True, False])
async def test_prompt_beyond_the_window_goes_elsewhere_unsent(stream):
    """A prompt that cannot fit fails as `context`, before the upstream is asked, so a larger model is tried."""
    its, memory = provider(), Memory(Response([]))
    messages = [{"role": "user", "content": "字" * 5000}, {"role": "user", "content": "x" * 100}]
    prepared = its.prepare(chat(messages=messages, tools=[WEATHER]), target(options={"num_ctx": 2048}))

    with pytest.raises(UpstreamError) as caught:
        await (
            anext(its.stream(prepared, Wire(memory, 1, 1))) if stream else its.complete(prepared, Wire(memory, 1, 1))
        )

    assert ("context", "context_length_exceeded") == (caught.value.failure_class, caught.value.code)
    assert [] == memory.sent


async def test_stream_of_thinking_and_text():
    """Thinking, text, usage and end, each line with its own bytes."""
    pieces = [line({"content": "", "thinking": "hm"}), said("Hel"), said("lo"), done()]

    found = await frames(pieces)

    expected = [
        MessageStart("chatcmpl-d1", "llama3.2", int(NOW)),
        ReasoningDelta("hm"),
        TextDelta("Hel"),
        TextDelta("lo"),
        UsageReport(Usage(7, 3, raw={"prompt_eval_count": 7, "eval_count": 3, "total_duration": 99})),
        Finish("stop", native="stop"),
    ]
    assert expected == [event for frame in found for event in frame.events]
    assert pieces == [frame.raw for frame in found]


async def test_whole_answer_gives_what_its_stream_gives():
    """Plain and streamed answers say the same."""
    call = {"function": {"name": "get_weather", "arguments": {"city": "北京"}}}
    body = line(
        {"content": "Hello", "thinking": "hm", "tool_calls": [call]},
        done=True,
        done_reason="stop",
        prompt_eval_count=7,
        eval_count=3,
    )
    pieces = [
        line({"thinking": "hm"}), said("Hello"), called(("get_weather", {"city": "北京"})), done(total_duration=None),
    ]  # fmt: skip

    whole = await complete(body, chat(tools=[WEATHER]))
    streamed = await events(pieces, chat(tools=[WEATHER]))

    kinds = (MessageStart, ReasoningDelta, TextDelta, ToolCallStart, ToolCallArguments, Finish)
    assert [event for event in streamed if isinstance(event, kinds)] == [
        e for e in whole.events if isinstance(e, kinds)
    ]
    assert body == whole.raw


@given(cuts=st.lists(st.integers(min_value=1, max_value=1000), max_size=30))
async def test_bytes_cut_anywhere_give_the_same_events(cuts):
    """How the network cuts a stream changes nothing."""
    stream = b"".join([said("你好"), b"\n", said("!"), called(("a", {"x": 1}), ("b", {})), done()])
    places = sorted({0, len(stream), *(cut for cut in cuts if cut < len(stream))})
    pieces = [stream[a:b] for a, b in pairwise(places)]

    assert await events([stream]) == await events(pieces)


async def test_last_line_needs_no_end():
    """A missing last newline loses nothing."""
    found = await events([said("x"), done().rstrip(b"\n")])

    assert Finish("stop", native="stop") == found[-1]


def test_endless_line_is_bounded():
    """An upstream that never ends a line is cut off instead of filling the memory."""
    parser = LineParser(10)

    assert [b"12345"] == parser.feed(b"12345\n1234567890")
    with pytest.raises(UpstreamError):
        parser.feed(b"x")


async def test_custom_tool_arguments_come_out_raw():
    """A free-form tool's input is raw text again."""
    found = await events(
        [called(("ApplyPatch", {"input": "***\n"})), called(("ApplyPatch", {})), done()], chat(tools=[PATCH])
    )

    calls = [(event.index, event.kind) for event in found if isinstance(event, ToolCallStart)]
    assert [(0, "custom"), (1, "custom")] == calls
    assert [ToolCallArguments(0, "***\n")] == [event for event in found if isinstance(event, ToolCallArguments)]


async def test_ids_of_newer_versions_are_kept():
    """Where Ollama names its calls, its name is used."""
    call = {"id": "call_abc", "function": {"name": "a", "arguments": '{"x":1}'}}

    found = await events([line({"content": "", "tool_calls": [call]}), done()])

    assert ToolCallStart(0, "call_abc", "a") in found
    assert ToolCallArguments(0, '{"x":1}') in found


@pytest.mark.parametrize(
    ("options", "reason", "counts", "expected"),
    [
        ({}, "length", {}, "length"),
        ({}, None, {}, "stop"),
        ({"num_ctx": 2048}, "stop", {"prompt_eval_count": 2048, "eval_count": 1}, "length"),
        ({"num_ctx": 2048}, "stop", {"prompt_eval_count": 2000, "eval_count": 48}, "length"),
        ({"num_ctx": 2048}, "stop", {"prompt_eval_count": 2000, "eval_count": 47}, "stop"),
    ],
)
async def test_answers_cut_by_the_window_are_length(options, reason, counts, expected):
    """An answer that filled the window is `length`, whatever the upstream calls it."""
    found = await events([said("x"), done(reason, **counts)], its_target=target(options=options))

    assert Finish(expected, native=reason) == found[-1]


@pytest.mark.parametrize("reason", ["load", "unload"])
async def test_loading_a_model_is_no_answer(reason):
    """An end without an answer, for moving a model, fails over."""
    with pytest.raises(UpstreamError) as caught:
        await frames([done(reason)])

    assert "transient" == caught.value.failure_class


async def test_answer_that_unloads_its_model_is_an_answer():
    """With words before it, the end is an end."""
    found = await events([said("x"), done("unload")])

    assert Finish("stop", native="unload") == found[-1]


async def test_missing_counts_are_estimated_and_marked():
    """Ollama leaves out the prompt's count when it was cached."""
    found = await events([said("x"), line(done=True, done_reason="stop", eval_count=2)])

    usage = next(event.usage for event in found if isinstance(event, UsageReport))
    assert ("estimated", 2) == (usage.source, usage.output_tokens)
    assert usage.input_tokens > 0


@pytest.mark.parametrize(
    "pieces",
    [[], [said("x")], [said("x"), b"{broken\n"], [b"[1]\n"], [said("x"), b'{"error":"model runner has crashed"}\n']],
    ids=["empty", "no done", "bad json", "no object", "error line"],
)
async def test_streams_that_end_wrong_are_failures(pieces):
    """A stream without its proper end is never a success."""
    with pytest.raises(UpstreamError) as caught:
        await frames(pieces)

    assert "transient" == caught.value.failure_class


async def test_nothing_at_all_is_an_empty_answer():
    """No byte of a body is told as what it is, streamed and plain."""
    for asking in (frames([]), complete(b"")):
        with pytest.raises(UpstreamError) as caught:
            await asking
        assert ("empty_completion", 200) == (caught.value.code, caught.value.status)


async def test_error_in_mid_stream_comes_after_what_was_said():
    """Words before an error are shown, then the upstream's own message is the failure."""
    its, memory = provider(), Memory(Response([said("x") + b'{"error":"model runner has crashed"}\n']))
    seen = []

    with pytest.raises(UpstreamError, match="crashed"):
        await collect(its.stream(its.prepare(chat(stream=True), target()), Wire(memory, 1.0, 2.0)), seen)

    assert TextDelta("x") in seen
    assert memory.response.closed


async def test_cut_after_the_end_and_late_bytes_are_no_failure():
    """Once `done` came, the answer is whole."""
    found = await events([said("x"), done() + said("late")], cut=True)

    assert Finish("stop", native="stop") == found[-1]


@pytest.mark.parametrize("plain", [True, False])
async def test_missing_model_is_gone(plain):
    """A model that was never pulled is `model_gone`, so that another deployment is tried."""
    body = b'{"error":"model \'llama3.2\' not found"}'

    with pytest.raises(UpstreamError) as caught:
        await (complete(body, status=404) if plain else frames([body], status=404))

    assert ("model_gone", 404) == (caught.value.failure_class, caught.value.status)


@pytest.mark.parametrize(
    "body",
    [b"", b"<html>", b'{"error":"out of memory"}', line({"content": "x"})],
    ids=["empty", "html", "error", "not done"],
)
async def test_whole_answers_that_are_none_are_failures(body):
    """A 200 must hold an answer that is done."""
    with pytest.raises(UpstreamError) as caught:
        await complete(body)

    assert "transient" == caught.value.failure_class


@pytest.mark.parametrize(("last", "told"), [(done(), (7, 3)), (b"", None), (line(error="lost"), None)])
async def test_what_a_stream_instead_of_a_whole_answer_cost_is_told(last, told):
    """It is no answer, but its tokens were used; where it tells none, none are made up."""
    with pytest.raises(UpstreamError) as caught:
        await complete(said("hel") + said("lo") + last)

    usage = caught.value.usage
    assert ("transient", told) == (caught.value.failure_class, usage and (usage.input_tokens, usage.output_tokens))


async def test_html_instead_of_a_stream_is_a_failure():
    """A captive portal is no model."""
    with pytest.raises(UpstreamError, match="text/html"):
        await frames([b"<html>"], headers={"content-type": "text/html"})


async def test_client_that_hangs_up_closes_the_upstream():
    """Closing the generator drops the connection."""
    its, memory = provider(), Memory(Response([said("x"), done()]))
    stream = its.stream(its.prepare(chat(stream=True), target()), Wire(memory, 1.0, 2.0))

    await anext(stream)
    await stream.aclose()

    assert 1 == memory.response.closed


async def test_requests_carry_the_deadlines_of_their_kind():
    """A plain call has no idle deadline, for it is silent by nature."""
    its = provider()
    streamed, plain = Memory(Response([done()])), Memory(Response([done()]))
    prepared = its.prepare(chat(), target())

    async for _ in its.stream(prepared, Wire(streamed, 1.0, 2.0)):
        pass
    await its.complete(prepared, Wire(plain, 1.0, 2.0))

    assert (1.0, 2.0) == (streamed.sent[0].connect_s, streamed.sent[0].idle_s)
    assert (1.0, None) == (plain.sent[0].connect_s, plain.sent[0].idle_s)


def test_dialect_is_named():
    """Sinks of the same dialect forward raw bytes by this name."""
    assert "ollama" == provider().dialect


async def test_answer_without_a_decision_still_has_an_id():
    """A library call without a decision id gets a stable one."""
    request = ChatRequest(chat().body)

    first, second = await events([said("x"), done()], request), await events([said("x"), done()], request)

    assert first[0].id == second[0].id
    assert first[0].id.startswith("chatcmpl-")


class Sequence(Memory):
    """A transport that gives one response after the other."""

    def __init__(self, *responses):
        super().__init__(responses[0])
        self.responses = list(responses)

    async def send(self, request):
        self.sent.append(request)
        return self.responses.pop(0)


async def test_reasoning_effort_does_not_fail_a_model_that_cannot_think():
    """Only the server knows which models think; a hint that it refuses is taken back."""
    refusal = Response([b'{"error":"\\"llama3.2\\" does not support thinking"}'], status=400)
    memory = Sequence(refusal, Response([done()]))
    its = provider()
    prepared = its.prepare(chat(reasoning_effort="high"), target())

    answer = await its.complete(prepared, Wire(memory, 1.0, 2.0))

    assert Finish("stop", native="stop") == answer.events[-1]
    assert [True, None] == [json.loads(request.body).get("think") for request in memory.sent]
    assert refusal.closed
    assert ("reasoning_effort dropped: the model does not think",) == answer.warnings


async def test_thinking_that_was_taken_back_is_named_with_the_first_line():
    """Once, where a stream's headers can still say it; what only the operator asked for is nobody's loss."""
    refusal = b'{"error":"\\"llama3.2\\" does not support thinking"}'
    found = []
    for request, its in (
        (chat(reasoning_effort="low", stream=True), target()),
        (chat(stream=True), target(options={"think": True})),
    ):
        memory = Sequence(Response([refusal], status=400), Response([said("a"), said("b"), done()]))
        ours = provider()
        frames = ours.stream(ours.prepare(request, its), Wire(memory, 1.0, 2.0))
        found.append([frame.warnings async for frame in frames])

    named = "reasoning_effort dropped: the model does not think"
    assert [[(named,), (), ()], [(), (), ()]] == found


@pytest.mark.parametrize("fields", [{}, {"reasoning_effort": "high"}])
async def test_other_refusals_are_not_asked_again(fields):
    """A refusal that has nothing to do with thinking is final, and so is a second one."""
    memory = Sequence(Response([b'{"error":"bad format"}'], status=400))
    its = provider()

    with pytest.raises(UpstreamError) as caught:
        await its.complete(its.prepare(chat(**fields), target()), Wire(memory, 1.0, 2.0))

    assert (400, 1) == (caught.value.status, len(memory.sent))
