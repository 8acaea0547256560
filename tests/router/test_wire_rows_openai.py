"""Known translation bugs of other gateways, each shown absent in this provider; numbers are those of the bug list."""

from __future__ import annotations

import asyncio
import json

import pytest

from config.errors import UpstreamError
from config.types import Usage
from router.events import Finish, MessageStart, TextDelta, ToolCallArguments, ToolCallStart, UsageReport
from router.reasoning_store import ReasoningStore
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
from tests.router.wire_double import Exchange, answering_and_closing, chunked, chunked_head, head

HELLO = chunk({"content": "Hello"})


def completion(message: dict, finish: str | None = "stop", **more: object) -> dict:
    """Return a whole answer as OpenAI writes it."""
    base = {"id": "chatcmpl-1", "object": "chat.completion", "created": 1700000000, "model": "m-up"}
    full = {"role": "assistant", "content": None, "refusal": None, **message}
    return {**base, "choices": [{"index": 0, "message": full, "logprobs": None, "finish_reason": finish}], **more}


def starts(found: list) -> list[tuple[int, str, str]]:
    return [(event.index, event.id, event.name) for event in found if isinstance(event, ToolCallStart)]


def finishes(found: list) -> list[str]:
    return [event.reason for event in found if isinstance(event, Finish)]


def usages(found: list) -> list[Usage]:
    return [event.usage for event in found if isinstance(event, UsageReport)]


@pytest.mark.parametrize(
    "usage_chunk",
    [
        chunk(usage=USAGE),
        chunk({}, usage=USAGE),
        {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": "m-up", "choices": [{"index": 0, "delta": {}}], "usage": USAGE},
    ],
)  # fmt: skip
async def test_row_01_a_usage_chunk_is_not_forwarded_so_that_sinks_send_one_with_empty_choices(usage_chunk) -> None:
    """A usage chunk, also one that wrongly has a choice, becomes an event without bytes."""
    frames = await relay(sse(ROLE, HELLO, STOP, usage_chunk) + DONE)

    assert [15] == [usage.raw["total_tokens"] for usage in usages(events(frames))]
    assert all(item["choices"] and not item.get("usage") for item in objects(frames))


@pytest.mark.parametrize(
    "script",
    [
        sse(ROLE, HELLO, STOP, chunk(usage=USAGE)),
        sse(ROLE, HELLO, chunk({}, "stop", usage=USAGE)),
        sse(ROLE, chunk({"content": "Hello"}, "stop", usage=USAGE)),
        sse(chunk({"role": "assistant", "content": ""}, usage={"prompt_tokens": 1}), HELLO, chunk({}, "stop", usage=USAGE)),
        sse(ROLE, HELLO, {**STOP, "choices": [{**STOP["choices"][0], "usage": USAGE}]}),
        sse(ROLE, HELLO, {**STOP, "x_groq": {"usage": USAGE}}),
    ],
    ids=["trailing", "on finish", "on content and finish", "every chunk", "inside the choice", "groq"],
)  # fmt: skip
async def test_row_02_usage_is_not_lost_wherever_it_rides(script: bytes) -> None:
    """The last usage wins, and no forwarded chunk holds one."""
    frames = await relay(script + DONE)

    assert Usage(12, 3, raw=USAGE) == usages(events(frames))[-1]
    assert not any(item.get("usage") for item in objects(frames))
    assert "Hello" == "".join(event.text for event in events(frames) if isinstance(event, TextDelta))


async def test_row_02_usage_is_always_asked_for_upstream() -> None:
    """Money is counted whether or not the client asked; its other stream options survive."""
    async with rig(answering_and_closing(head() + sse(ROLE, HELLO, STOP) + DONE)) as one:
        await one.stream(a_request(stream_options={"include_obfuscation": False}))
        sent = json.loads(one.upstream.received[0].body)

    assert {"include_obfuscation": False, "include_usage": True} == sent["stream_options"]


async def test_row_04_streamed_calls_without_index_get_rising_ones() -> None:
    """Gemini and Ollama leave the index out."""
    script = sse(
        ROLE,
        calls(call('{"a":', index=None, id="c1", name="f")),
        calls(call("1}", index=None)),
        calls(call("{}", index=None, id="c2", name="g"), call("{}", index=None, id="c3", name="f")),
        chunk({}, "tool_calls"),
    )
    frames = await relay(script + DONE)

    assert [(0, "c1", "f"), (1, "c2", "g"), (2, "c3", "f")] == starts(events(frames))
    assert ['{"a":1}', "{}", "{}"] == [arguments(frames, n) for n in range(3)]


async def test_row_05_parallel_calls_that_all_have_index_0_are_told_apart() -> None:
    """A new id with a name under a taken index is another call; its later fragments belong to it."""
    script = sse(
        ROLE,
        calls(call("", id="c1", name="f")),
        calls(call('{"a":1}')),
        calls(call("", id="c2", name="f")),
        calls(call('{"a":2}')),
        calls(call('{"b":3}', id="c3", name="g")),
        STOP,
    )
    frames = await relay(script + DONE)

    assert [(0, "c1", "f"), (1, "c2", "f"), (2, "c3", "g")] == starts(events(frames))
    assert ['{"a":1}', '{"a":2}', '{"b":3}'] == [arguments(frames, n) for n in range(3)]


async def test_row_05_calls_without_ids_and_with_index_0_are_told_apart_by_their_whole_arguments() -> None:
    """Two whole calls of one function, nothing but their names to tell where each begins."""
    script = sse(ROLE, calls(call('{"a":1}', name="f"), call('{"a":2}', name="f")), STOP)
    frames = await relay(script + DONE)

    assert [(0, "call_new1", "f"), (1, "call_new2", "f")] == starts(events(frames))


@pytest.mark.parametrize("told", ["stop", "tool_calls", "tool_use", "STOP"])
async def test_row_06_the_finish_is_tool_calls_after_any_tool_delta(told: str) -> None:
    """Ollama, Gemini and others say stop; a client would not run the tools."""
    frames = await relay(sse(ROLE, calls(call("{}", id="c", name="f")), chunk({}, told)) + DONE)

    assert ["tool_calls"] == finishes(events(frames))
    assert "tool_calls" == objects(frames)[-1]["choices"][0]["finish_reason"]
    assert told == events(frames)[-1].native


async def test_row_06_a_length_finish_stays_one_with_tools() -> None:
    """A call cut by the token limit must not be run."""
    frames = await relay(sse(ROLE, calls(call('{"a', id="c", name="f")), chunk({}, "length")) + DONE)

    assert ["length"] == finishes(events(frames))


@pytest.mark.parametrize(
    "script",
    [
        sse(ROLE, HELLO, STOP, STOP),
        sse(ROLE, chunk({"content": "Hel"}, "stop"), chunk({"content": "lo"}, "stop")),
        sse(ROLE, STOP, HELLO),
        sse(chunk({"role": "assistant", "content": ""}, ""), chunk({"content": "Hello"}, ""), STOP),
    ],
    ids=["twice", "on every chunk", "before the content", "empty strings before"],
)
async def test_row_07_each_choice_finishes_once_and_last(script: bytes) -> None:
    """Whatever an upstream repeats or misplaces, one finish ends the choice, after its content."""
    frames = await relay(script + DONE)
    told = [item["choices"][0]["finish_reason"] for item in objects(frames)]

    assert "Hello" == "".join(event.text for event in events(frames) if isinstance(event, TextDelta))
    assert Finish("stop", 0, "stop") == events(frames)[-1]
    assert ["stop"] == [reason for reason in told if reason is not None] == told[-1:]


async def test_row_07_two_choices_finish_apart() -> None:
    """With n = 2 each choice has its own role, text and finish."""
    script = sse(
        ROLE,
        chunk({"role": "assistant", "content": ""}, index=1),
        chunk({"content": "a"}),
        chunk({}, "stop"),
        chunk({"content": "b"}, index=1),
        chunk({}, "length", index=1),
    )
    frames = await relay(script + DONE, a_request(n=2))

    assert [("stop", 0), ("length", 1)] == [(e.reason, e.choice) for e in events(frames) if isinstance(e, Finish)]
    assert [("a", 0), ("b", 1)] == [(e.text, e.choice) for e in events(frames) if isinstance(e, TextDelta)]


async def test_row_09_the_last_fragment_inside_the_finish_chunk_is_kept() -> None:
    """Arguments that end together with the choice are whole at the client."""
    script = sse(ROLE, calls(call('{"a":', id="c", name="f")), calls(call("1}"), finish="tool_calls"))
    frames = await relay(script + DONE)

    assert '{"a":1}' == arguments(frames)
    assert [ToolCallArguments(0, '{"a":', 0), ToolCallArguments(0, "1}", 0), Finish("tool_calls", 0, "tool_calls")] == (
        events(frames)[-3:]
    )


async def test_row_14_concurrent_streams_keep_their_state_apart() -> None:
    """Fifty interleaved streams of one provider never see each other's calls."""
    n_streams = 50
    arrived = 0
    all_here = asyncio.Event()

    async def handle(exchange: Exchange) -> None:
        nonlocal arrived
        mark = json.loads(exchange.request.body)["messages"][0]["content"]
        await exchange.send(chunked_head() + chunked(sse(ROLE, calls(call("", id=f"c{mark}", name=f"f{mark}")))))
        arrived += 1
        if arrived == n_streams:
            all_here.set()
        await all_here.wait()
        for letter in mark:
            await exchange.send(chunked(sse(calls(call(letter)))))
        await exchange.send(chunked(sse(STOP) + DONE) + b"0\r\n\r\n")

    async with rig(handle) as one:
        marks = [f"{n:04d}" for n in range(n_streams)]
        answers = await asyncio.gather(
            *(one.stream(a_request(messages=[{"role": "user", "content": mark}])) for mark in marks)
        )

    assert [[(0, f"c{mark}", f"f{mark}")] for mark in marks] == [starts(events(frames)) for frames in answers]
    assert marks == [arguments(frames) for frames in answers]


@pytest.mark.parametrize(("given", "text"), [({"a": [1, "é"]}, '{"a":[1,"é"]}'), ({}, "{}"), ([1], "[1]"), (None, "")])
async def test_row_15_arguments_are_json_strings(given: object, text: str) -> None:
    """Arguments as objects, streamed and plain, reach the client as text."""
    entry = {"index": 0, "id": "c", "type": "function", "function": {"name": "f", "arguments": given}}
    frames = await relay(sse(ROLE, chunk({"tool_calls": [entry]}), STOP) + DONE)
    plain = await complete(completion({"tool_calls": [entry]}, "stop"))

    assert text == arguments(frames)
    assert text == json.loads(plain.raw)["choices"][0]["message"]["tool_calls"][0]["function"]["arguments"]


async def test_row_16_one_id_for_the_stream() -> None:
    """An id that changes with each chunk, or is missing, becomes the first one told."""
    script = sse(ROLE, {**HELLO, "id": "other"}, {**HELLO, "id": None}, {**STOP, "id": ""})
    frames = await relay(script + DONE)

    assert {"chatcmpl-1"} == {item["id"] for item in objects(frames)}


async def test_row_16_a_stream_without_any_id_gets_ours() -> None:
    """The decision's id stands in."""
    bare = [{key: value for key, value in item.items() if key not in ("id", "model", "created", "object")} for item in (ROLE, HELLO, STOP)]  # fmt: skip
    frames = await relay(sse(*bare) + DONE)

    assert MessageStart("chatcmpl-dec1", "m-up", 1_800_000_000) == events(frames)[0]
    assert [("chatcmpl-dec1", "m-up", "chat.completion.chunk", 1_800_000_000)] * 3 == [
        (item["id"], item["model"], item["object"], item["created"]) for item in objects(frames)
    ]


async def test_row_16_one_id_per_call_and_a_drawn_one_where_none_came() -> None:
    """A call's id that changes with each fragment is the first one; a missing one starts with `call_`."""
    script = sse(
        ROLE,
        calls(call("", id="c1", name="f")),
        calls(call('{"a":', id="c1x")),
        calls(call("1}", id="c1y", name="f")),
        calls(call("{}", index=1, name="g")),
        STOP,
    )
    frames = await relay(script + DONE)
    entries = [e for item in objects(frames) for e in item["choices"][0]["delta"].get("tool_calls", ())]

    assert [(0, "c1", "f"), (1, "call_new1", "g")] == starts(events(frames))
    assert ["c1", None, None, "call_new1"] == [entry.get("id") for entry in entries]
    assert ["f", None, None, "g"] == [entry["function"].get("name") for entry in entries]
    assert ["function", None, "function", "function"] == [entry.get("type") for entry in entries]


@pytest.mark.parametrize(
    ("told", "cached"),
    [
        ({"prompt_tokens_details": {"cached_tokens": 8}}, 8),
        ({"prompt_cache_hit_tokens": 7, "prompt_cache_miss_tokens": 5}, 7),
        ({"cached_tokens": 6}, 6),
        ({"prompt_tokens_details": {"cached_tokens": 8}, "prompt_cache_hit_tokens": 8}, 8),
        ({"prompt_tokens_details": None}, None),
        ({"cached_tokens": 999}, 12),
    ],
)
async def test_rows_22_and_23_cached_tokens_are_found_once_in_every_spelling(told: dict, cached: int) -> None:
    """They are a part of the prompt's tokens, never added to them; streamed and plain count alike."""
    frames = await relay(sse(ROLE, HELLO, chunk({}, "stop", usage={**USAGE, **told})) + DONE)
    plain = await complete(completion({"content": "Hello"}, usage={**USAGE, **told}))

    assert Usage(12, 3, cached_tokens=cached, raw={**USAGE, **told}) == usages(events(frames))[-1]
    assert usages(events(frames)) == usages(list(plain.events))


async def test_row_22_usage_on_every_chunk_is_reported_and_not_summed() -> None:
    """Each report replaces the one before."""
    script = sse(
        *(
            {**item, "usage": {**USAGE, "completion_tokens": n, "total_tokens": 12 + n}}
            for n, item in enumerate((ROLE, HELLO, HELLO, STOP))
        )
    )
    frames = await relay(script + DONE)

    assert [0, 1, 2, 3] == [usage.output_tokens for usage in usages(events(frames))]


async def test_row_25_reasoning_models_get_max_completion_tokens_and_no_sampling() -> None:
    """`max_tokens` is renamed, another temperature than 1 is dropped with a word about it."""
    async with rig(answering_and_closing(head() + sse(ROLE, HELLO, STOP) + DONE)) as one:
        request = a_request(max_tokens=50, temperature=0, top_p=1, unknown_field={"kept": True})
        prepared = one.provider.prepare(request, a_target("http://x", "max_completion_tokens"))
    sent = json.loads(prepared.body)

    assert (50, 1, {"kept": True}) == (sent["max_completion_tokens"], sent["top_p"], sent["unknown_field"])
    assert not {"max_tokens", "temperature"} & sent.keys()
    assert ("temperature dropped: the model takes only its default",) == prepared.warnings


async def test_row_26_reasoning_content_returns_with_its_tool_call_when_the_client_dropped_it() -> None:
    """DeepSeek refuses a conversation whose tool calls lost their reasoning."""
    store = ReasoningStore()
    script = sse(
        ROLE,
        chunk({"content": None, "reasoning_content": "I should "}),
        chunk({"reasoning_content": "look."}),
        calls(call('{"q": 1}', id="c1", name="f")),
        STOP,
    )
    await relay(script + DONE, None, "reasoning_content_required", store=store)
    history = [{"role": "assistant", "content": None, "tool_calls": [call('{"q":1}', index=None, id="c1", name="f")]}]
    async with rig(answering_and_closing(b""), store) as one:
        prepared = one.provider.prepare(a_request(messages=history), a_target("http://x", "reasoning_content_required"))
        other = one.provider.prepare(a_request(messages=history), a_target("http://x"))

    assert "I should look." == json.loads(prepared.body)["messages"][0]["reasoning_content"]
    assert "reasoning_content" not in json.loads(other.body)["messages"][0]


async def test_row_26_reasoning_that_the_client_kept_is_its_own() -> None:
    """What the client sends back is not replaced; what nobody remembers is sent empty rather than missing."""
    kept = {"role": "assistant", "reasoning_content": "mine", "tool_calls": [call("{}", id="c9", name="f")]}
    lost = {"role": "assistant", "content": None, "tool_calls": [call("{}", id="c8", name="f")]}
    async with rig(answering_and_closing(b"")) as one:
        prepared = one.provider.prepare(
            a_request(messages=[kept, lost]), a_target("http://x", "reasoning_content_required")
        )
    first, second = json.loads(prepared.body)["messages"]

    assert ("mine", "") == (first["reasoning_content"], second["reasoning_content"])


async def test_row_27_a_thought_signature_returns_to_its_own_provider_only() -> None:
    """Gemini's signature reaches the client, is remembered, and goes back to Gemini and to nobody else."""
    store = ReasoningStore()
    signature = {"google": {"thought_signature": "c2ln"}}
    script = sse(ROLE, calls(call('{"q":1}', index=None, id="", name="f", extra_content=signature)), STOP)
    frames = await relay(script + DONE, store=store, provider="gemini")
    (start,) = [event for event in events(frames) if isinstance(event, ToolCallStart)]
    history = [{"role": "assistant", "tool_calls": [call('{"q": 1}', index=None, id=start.id, name="f")]}]
    async with rig(answering_and_closing(b""), store) as one:
        back = one.provider.prepare(a_request(messages=history), a_target("http://x", provider="gemini"))
        elsewhere = one.provider.prepare(a_request(messages=history), a_target("http://x", provider="openai"))

    assert {"extra_content": signature} == start.extra
    assert signature == objects(frames)[1]["choices"][0]["delta"]["tool_calls"][0]["extra_content"]
    assert signature == json.loads(back.body)["messages"][0]["tool_calls"][0]["extra_content"]
    assert history == json.loads(elsewhere.body)["messages"]


@pytest.mark.parametrize(
    ("event", "status", "failure_class"),
    [
        (b'data: {"error":{"message":"bad","code":400}}\n\n', 400, "caller"),
        (b'data: {"error":{"message":"busy","type":"rate_limit_error"}}\n\n', 429, "rate"),
        (b'event: error\ndata: {"message":"down","code":503}\n\n', 503, "transient"),
        (b'data: {"object":"error","message":"context length exceeded","code":400}\n\n', 400, "context"),
        (b'data: {"detail":"overloaded"}\n\n', None, "transient"),
        (b'data: {"id":"x","choices":[{"delta":{},"finish_reason":"error"}],"error":{"code":502,"message":"m"}}\n\n', 502, "transient"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("before", [b"", sse(ROLE, HELLO)], ids=["first", "after content"])
async def test_row_28_an_error_inside_a_200_stream_is_an_error_with_its_real_status(
    before: bytes, event: bytes, status: int | None, failure_class: str
) -> None:
    """VLLM and many relays answer 200 and put the error into the stream."""
    with pytest.raises(UpstreamError) as caught:
        await relay(before + event + DONE)
    assert (status, failure_class) == (caught.value.status, caught.value.failure_class)


@pytest.mark.parametrize(
    "script",
    [
        sse(ROLE, HELLO),
        sse(ROLE, HELLO) + b'data: {"id":"chatcmpl-1","cho',
        sse(ROLE, HELLO) + DONE,
        sse(ROLE, HELLO, chunk({}, "abort")) + DONE,
        sse(ROLE, calls(call('{"a":', id="c", name="f"))),
    ],
    ids=["clean end", "inside a chunk", "done without finish", "aborted", "inside a call"],
)
async def test_row_29_a_cut_stream_is_an_error_and_never_a_stop(script: bytes) -> None:
    """What had come is given, then the error; no finish is made up."""
    seen = []
    async with rig(answering_and_closing(head() + script)) as one:
        with pytest.raises(UpstreamError) as caught:
            await one.stream_into(seen)
    assert ("transient", "stream_cut") == (caught.value.failure_class, caught.value.code)
    assert [] == finishes(events(seen))
    assert b"Hello" in raw(seen) or starts(events(seen))


async def test_row_29_a_connection_cut_in_mid_stream_is_an_error() -> None:
    """A chunked body without its end, after content and without a finish."""
    async with rig(answering_and_closing(chunked_head() + chunked(sse(ROLE, HELLO)))) as one:
        with pytest.raises(UpstreamError, match="body: "):
            await one.stream()


async def test_row_29_a_cut_after_the_finish_is_a_whole_answer() -> None:
    """All choices have finished: only usage and the end mark were lost, which is no reason to fail."""
    async with rig(answering_and_closing(chunked_head() + chunked(sse(ROLE, HELLO, STOP)))) as one:
        frames = await one.stream()

    assert ["stop"] == finishes(events(frames))
