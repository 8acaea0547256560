"""The Anthropic dialect when the upstream fails or the client leaves."""

from __future__ import annotations

import json

import pytest

from config.errors import UpstreamError
from router.events import (
    Finish,
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


async def collect(stream, seen):
    async for frame in stream:
        seen.extend(frame.events)


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


@pytest.mark.parametrize(
    "pieces",
    [
        [],
        sse(start()),
        sse(start(), *text(0, "x")),
        sse(start(), *text(0, "x"), *end("end_turn"))[:-1],
        sse(start(), *text(0, "x"), {"type": "message_stop"}),
        [*sse(start()), b"data: {broken\n\n"],
        [*sse(start()), b"data: [1]\n\n"],
    ],
    ids=["empty", "start", "text", "no message_stop", "no stop_reason", "bad json", "no object"],
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


async def test_cut_after_the_end_is_no_failure():
    """Once `message_stop` came, the answer is whole."""
    found = joined(await events(sse(start(), *text(0, "x"), *end("end_turn")), cut=True))

    assert [("stop", "end_turn")] == found["finish"]


async def test_cut_in_the_middle_shows_what_came_before():
    """Frames before a cut are given, then the error."""
    memory = Memory(Response(sse(start(), *text(0, "x")), cut=True))
    its = provider()
    seen = []

    with pytest.raises(UpstreamError):
        await collect(its.stream(its.prepare(chat(stream=True), target()), Wire(memory, 1.0, 2.0)), seen)

    assert TextDelta("x") in seen
    assert memory.response.closed


async def test_bytes_after_the_end_are_dropped():
    """A second answer on the same stream is not ours."""
    pieces = sse(start(), *text(0, "x"), *end("end_turn"), *text(1, "late"))

    assert "x" == joined(await events(pieces))["text"]
    assert "x" == joined(await events([b"".join(pieces)]))["text"]


async def test_overload_in_mid_stream_is_transient_529():
    """An error event keeps Anthropic's meaning."""
    error = {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}

    with pytest.raises(UpstreamError) as caught:
        await frames(sse(start(), error))

    assert ("transient", 529, "overloaded_error") == (
        caught.value.failure_class,
        caught.value.status,
        caught.value.error_type,
    )


@pytest.mark.parametrize(
    ("status", "error_type", "failure_class"),
    [
        (429, "rate_limit_error", "rate"),
        (404, "not_found_error", "model_gone"),
        (401, "authentication_error", "credential"),
        (400, "invalid_request_error", "caller"),
        (529, "overloaded_error", "transient"),
        (500, "api_error", "transient"),
    ],
)
async def test_error_statuses_are_failures_streamed_and_plain(status, error_type, failure_class):
    """The refusal keeps its meaning, whichever way was asked."""
    body = json.dumps({"type": "error", "error": {"type": error_type, "message": "model: claude-x"}}).encode()

    with pytest.raises(UpstreamError) as streamed:
        await frames([body], status=status)
    with pytest.raises(UpstreamError) as plain:
        await complete(body, status=status)

    assert [(status, failure_class)] * 2 == [
        (error.value.status, error.value.failure_class) for error in (streamed, plain)
    ]


async def test_status_survives_an_error_body_that_is_cut():
    """A 500 whose body never arrives is still a 500."""
    with pytest.raises(UpstreamError) as caught:
        await frames([b"x"], status=500, cut=True)

    assert 500 == caught.value.status


@pytest.mark.parametrize(
    ("media_type", "body", "failure_class"),
    [
        ("text/html", b"<h1>hi</h1>", "transient"),
        ("application/json", b"{}", "transient"),
        (
            "application/json; charset=utf-8",
            b'{"type":"error","error":{"type":"overloaded_error","message":"x"}}',
            "transient",
        ),
        ("application/json", b'{"type":"error","error":{"type":"invalid_request_error","message":"x"}}', "caller"),
    ],
)
async def test_success_that_is_no_stream_is_a_failure(media_type, body, failure_class):
    """HTML or JSON instead of events never looks like an empty answer."""
    with pytest.raises(UpstreamError) as caught:
        await frames([body], headers={"content-type": media_type})

    assert failure_class == caught.value.failure_class


@pytest.mark.parametrize(
    "body",
    [b"", b"<html>", b"[]", b'{"type":"error","error":{"type":"overloaded_error","message":"x"}}', b'{"content":[]}'],
    ids=["empty", "html", "array", "error", "no stop reason"],
)
async def test_whole_answers_that_are_none_are_failures(body):
    """A 200 must hold a message with an end."""
    with pytest.raises(UpstreamError) as caught:
        await complete(body)

    assert "transient" == caught.value.failure_class


@pytest.mark.parametrize(
    ("last", "told"),
    [
        (end("end_turn", output_tokens=9), (5, 9)),
        ([], (5, 1)),
        ([{"type": "error", "error": {"type": "overloaded_error", "message": "x"}}], (5, 1)),
    ],
    ids=["whole", "cut", "error"],
)
async def test_what_a_stream_instead_of_a_whole_answer_cost_is_told(last, told):
    """It is no answer, but its tokens were used: as many as it told."""
    with pytest.raises(UpstreamError) as caught:
        await complete(b"".join(sse(start(), *text(0, "hi"), *last)))

    usage = caught.value.usage
    assert ("transient", told) == (caught.value.failure_class, (usage.input_tokens, usage.output_tokens))


async def test_client_that_hangs_up_closes_the_upstream():
    """Closing the generator drops the connection."""
    memory = Memory(Response(sse(start(), *text(0, "x"), *end("end_turn"))))
    its = provider()
    stream = its.stream(its.prepare(chat(stream=True), target()), Wire(memory, 1.0, 2.0))

    await anext(stream)
    await stream.aclose()

    assert 1 == memory.response.closed
