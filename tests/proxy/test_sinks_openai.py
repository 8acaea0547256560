"""The OpenAI sink: what is forwarded, what is rendered, and how reasoning is shown."""

from __future__ import annotations

import json
from typing import Any

import pytest

from config.errors import InvalidRequestError
from config.types import Json, Usage
from proxy.sinks.base import Sink
from proxy.sinks.openai_chat import OpenAIChatSink
from proxy.sinks.openai_delta import Reasoning
from router.events import Completion, Event, Finish, Frame, ReasoningDelta, TextDelta, ToolCallStart, UsageReport
from router.providers.base import ChatRequest
from tests.proxy.scripts import PATCH, SCRIPTS, START, call, said, sse_objects

BODY: Json = {"model": "auto", "messages": []}


def sink_for(
    *, include_usage: bool = False, reshaped: bool = False, reasoning: Reasoning = "reasoning_content"
) -> OpenAIChatSink:
    original: Json | None = {"input": "x"} if reshaped else None
    request = ChatRequest(BODY, original=original, stream=True, include_usage=include_usage, id="9")
    return OpenAIChatSink(request, reasoning=reasoning, created=7)


def raw_chunk(**delta: object) -> bytes:
    chunk = {"id": "up", "choices": [{"index": 0, "delta": delta, "finish_reason": None}], "future": 1}
    return b"data: " + json.dumps(chunk).encode() + b"\n\n"


def rendered(sink: OpenAIChatSink, *events: Event) -> list[dict[str, Any]]:
    frames = [Frame((event,), b"data: {}\n\n") for event in events]
    return sse_objects(b"".join(sink.stream_frame(frame, source="openai") for frame in frames) + sink.end())


def content(chunks: list[dict[str, Any]]) -> str:
    return "".join(each["delta"].get("content") or "" for chunk in chunks for each in chunk.get("choices", ()))


def test_the_same_dialect_is_forwarded_byte_for_byte() -> None:
    """Unknown fields survive; a frame without bytes sends none."""
    sink: Sink = sink_for()
    raw = raw_chunk(content="hi", odd=[1])

    assert raw == sink.stream_frame(Frame((TextDelta("hi"),), raw), source="openai")
    assert b"" == sink.stream_frame(Frame((UsageReport(Usage(1, 1)),), b""), source="openai")
    assert b"data: [DONE]\n\n" == sink.end()


def test_a_plain_answer_of_the_same_dialect_is_forwarded() -> None:
    """As the upstream wrote it."""
    raw = b'{"id":"x", "choices":[],  "future":1}'

    assert raw == sink_for().plain(Completion((START, *said("x")), raw), source="openai")


def test_an_upstreams_own_usage_object_is_passed_on() -> None:
    """Its details say more than our counts."""
    raw_usage: Json = {"prompt_tokens": 3, "completion_tokens": 1, "total_tokens": 4, "cost": 0.1}
    chunks = rendered(sink_for(include_usage=True), START, UsageReport(Usage(3, 1, raw=raw_usage)))

    assert raw_usage == chunks[-1]["usage"]


def test_usage_of_another_dialect_is_counted_in_openais_words() -> None:
    """Anthropic's raw object means nothing here."""
    sink = sink_for(include_usage=True)
    usage = Usage(100, 20, cached_tokens=60, reasoning_tokens=5, raw={"input_tokens": 40})
    sink.stream_frame(Frame((START, UsageReport(usage))), source="anthropic")
    chunk = sse_objects(sink.end())[0]

    assert {
        "prompt_tokens": 100,
        "completion_tokens": 20,
        "total_tokens": 120,
        "prompt_tokens_details": {"cached_tokens": 60},
        "completion_tokens_details": {"reasoning_tokens": 5},
    } == chunk["usage"]
    assert ([], START.id, START.model) == (chunk["choices"], chunk["id"], chunk["model"])


def test_estimated_usage_says_so() -> None:
    """In a field of its own."""
    chunks = rendered(sink_for(include_usage=True), START, UsageReport(Usage(1, 1, source="estimated")))

    assert chunks[-1]["usage"]["estimated"] is True


def test_usage_is_null_on_chunks_only_when_it_was_asked_for() -> None:
    """As OpenAI does."""
    frame = Frame((START, TextDelta("hi")))
    asked = sse_objects(sink_for(include_usage=True).stream_frame(frame, source="ollama"))
    silent = sse_objects(sink_for().stream_frame(frame, source="ollama"))

    assert all(chunk["usage"] is None for chunk in asked)
    assert not any("usage" in chunk for chunk in silent)


def test_an_upstream_without_a_start_gets_our_id() -> None:
    """Chunks need one, and a model and a time."""
    chunk = sse_objects(sink_for().stream_frame(Frame((TextDelta("x"),)), source="ollama"))[0]

    assert ("chatcmpl-9", "auto", 7) == (chunk["id"], chunk["model"], chunk["created"])


THOUGHTS: tuple[Event, ...] = (
    START,
    ReasoningDelta("a"),
    ReasoningDelta("b"),
    *said("answer", " more"),
    ReasoningDelta("c"),
    Finish("stop"),
)


@pytest.mark.parametrize("source", ["openai", "ollama"])
@pytest.mark.parametrize(
    ("reasoning", "text"),
    [("think", "<think>ab</think>\n\nanswer more<think>c</think>\n\n"), ("hidden", "answer more")],
)
def test_reasoning_in_the_text_or_hidden(reasoning: Reasoning, text: str, source: Any) -> None:
    """Whoever answers; each bout of thinking has its own tags, and there is one role and one finish."""
    sink = sink_for(reasoning=reasoning)
    frames = [Frame((event,), b"data: {}\n\n") for event in THOUGHTS]
    frames[0] = Frame((), raw_chunk(role="assistant", content="")) if source == "openai" else frames[0]
    chunks = sse_objects(b"".join(sink.stream_frame(frame, source=source) for frame in frames) + sink.end())

    assert text == content(chunks)
    choices = [each for chunk in chunks for each in chunk["choices"]]
    assert 1 == len([each for each in choices if "role" in each["delta"]])
    assert ["stop"] == [each["finish_reason"] for each in choices if each["finish_reason"]]
    assert "reasoning_content" not in json.dumps(chunks)


@pytest.mark.parametrize("reasoning", ["think", "hidden"])
def test_without_reasoning_nothing_is_rendered(reasoning: Reasoning) -> None:
    """The setting costs a model that does not think nothing."""
    sink = sink_for(reasoning=reasoning)
    raw = raw_chunk(content="hi")

    assert raw == sink.stream_frame(Frame((TextDelta("hi"),), raw), source="openai")


@pytest.mark.parametrize(("reasoning", "expected"), [("think", "<think>hm</think>\n\nanswer"), ("hidden", "answer")])
def test_plain_reasoning_in_the_text_or_hidden(reasoning: Reasoning, expected: str) -> None:
    """An OpenAI upstream's other fields survive the change."""
    message = {"role": "assistant", "content": "answer", "reasoning_content": "hm", "annotations": [1]}
    raw = json.dumps({"id": "x", "choices": [{"index": 0, "message": message}, {"index": 1}], "future": 1}).encode()
    events = (START, ReasoningDelta("hm"), *said("answer"), Finish("stop"))
    same = json.loads(sink_for(reasoning=reasoning).plain(Completion(events, raw), source="openai"))
    other = json.loads(sink_for(reasoning=reasoning).plain(Completion(events, b""), source="ollama"))

    assert {"role": "assistant", "content": expected, "annotations": [1]} == same["choices"][0]["message"]
    assert (1, {"index": 1}) == (same["future"], same["choices"][1])
    assert expected == other["choices"][0]["message"]["content"]
    assert "reasoning_content" not in other["choices"][0]["message"]


def test_a_body_that_is_no_object_is_built_anew() -> None:
    """A change needs something to change."""
    events = (START, ReasoningDelta("hm"), *said("answer"), Finish("stop"))
    body = json.loads(sink_for(reasoning="hidden").plain(Completion(events, b"[]"), source="openai"))

    assert "answer" == body["choices"][0]["message"]["content"]


CUSTOM: tuple[Event, ...] = (
    START,
    *call(0, "call_f", "f", "{}"),
    *call(1, "call_p", "ApplyPatch", PATCH, kind="custom"),
    Finish("tool_calls"),
)


def test_a_reshaped_clients_custom_calls_come_back_as_functions() -> None:
    """From an OpenAI upstream too, which says `custom`; what came before is forwarded."""
    sink = sink_for(reshaped=True)
    chunks = rendered(sink, *CUSTOM)
    parts = [
        part for chunk in chunks for each in chunk.get("choices", ()) for part in each["delta"].get("tool_calls", ())
    ]

    assert [{}] * 3 == chunks[:3]
    assert ("function", "ApplyPatch", 1) == (parts[0]["type"], parts[0]["function"]["name"], parts[0]["index"])
    assert PATCH == "".join(part["function"]["arguments"] for part in parts)
    assert "role" not in json.dumps(chunks)
    assert "tool_calls" == chunks[-1]["choices"][0]["finish_reason"]


def test_a_chat_clients_custom_calls_are_forwarded() -> None:
    """It declared them in OpenAI's own form, so it reads OpenAI's own answer."""
    assert [{}] * len(CUSTOM) == rendered(sink_for(), *CUSTOM)


def test_plain_custom_calls_of_a_reshaped_client() -> None:
    """Functions with raw text; other calls and fields stay."""
    calls = [
        {"id": "call_f", "type": "function", "function": {"name": "f", "arguments": "{}"}},
        {"id": "call_p", "type": "custom", "custom": {"name": "ApplyPatch", "input": PATCH}, "odd": 1},
    ]
    raw = json.dumps({"choices": [{"index": 0, "message": {"content": None, "tool_calls": calls}}]}).encode()
    body = json.loads(sink_for(reshaped=True).plain(Completion(CUSTOM, raw), source="openai"))
    function = {"name": "ApplyPatch", "arguments": PATCH}

    assert [calls[0], {"id": "call_p", "type": "function", "function": function, "odd": 1}] == body["choices"][0][
        "message"
    ]["tool_calls"]


def test_what_a_provider_wants_back_with_a_call_goes_to_the_client() -> None:
    """Gemini's signatures, untouched."""
    start = ToolCallStart(0, "call_1", "f", extra={"extra_content": {"google": {"thought_signature": "s"}}})
    frame = Frame((start,))
    chunks = sse_objects(sink_for().stream_frame(frame, source="ollama"))
    plain = json.loads(sink_for().plain(Completion((start, Finish("tool_calls")), b""), source="ollama"))

    assert "s" == chunks[-1]["choices"][0]["delta"]["tool_calls"][0]["extra_content"]["google"]["thought_signature"]
    assert "s" == plain["choices"][0]["message"]["tool_calls"][0]["extra_content"]["google"]["thought_signature"]


def test_an_error_ends_the_stream_without_a_finish() -> None:
    """SDKs raise at the error object; the end mark closes the connection for the rest."""
    data = sink_for().error(InvalidRequestError("broken", code="c"))

    assert b"finish_reason" not in data
    assert data.endswith(b"data: [DONE]\n\n")
    assert ("broken", "c") == tuple(sse_objects(data)[0]["error"][key] for key in ("message", "code"))


def test_a_keepalive_is_a_whole_comment() -> None:
    """Every event stream parser skips it."""
    assert sink_for().keepalive.startswith(b":")
    assert sink_for().keepalive.endswith(b"\n\n")


def test_empty_pieces_send_nothing() -> None:
    """A delta that says nothing is no chunk, beyond the role that begins the answer."""
    script = next(each for each in SCRIPTS if each.name == "empty_text")
    chunks = sse_objects(b"".join(sink_for().stream_frame(frame, source="ollama") for frame in script.frames()))

    assert 3 >= len(chunks)


def test_nothing_follows_the_finish() -> None:
    """A late delta of a broken source is not shown."""
    sink = sink_for()
    frame = Frame((START, Finish("stop"), TextDelta("late"), Finish("length")))
    chunks = sse_objects(sink.stream_frame(frame, source="ollama"))

    assert "late" not in json.dumps(chunks)
    assert ["stop"] == [each["choices"][0]["finish_reason"] for each in chunks if each["choices"][0]["finish_reason"]]


def test_the_served_model_is_the_headers_business() -> None:
    """The body keeps the upstream's name."""
    sink = sink_for()
    sink.served("claude")

    assert START.model == sse_objects(sink.stream_frame(Frame((START, TextDelta("x"))), source="ollama"))[0]["model"]
