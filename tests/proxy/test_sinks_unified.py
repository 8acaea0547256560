"""The unified sink: pieces, one footer, and who answered."""

from __future__ import annotations

import json

from config.errors import UnavailableError
from config.types import Usage
from proxy.sinks.base import Sink
from proxy.sinks.unified import UnifiedSink
from router.events import Completion, Finish, Frame, ReasoningDelta, TextDelta, UsageReport
from router.providers.base import ChatRequest
from tests.proxy.scripts import START, USAGE, call, said, sse_objects

REQUEST = ChatRequest({"model": "auto", "messages": []}, stream=True, id="7")
EVENTS = (START, ReasoningDelta("hm"), *said("an", "swer"), Finish("stop"), UsageReport(USAGE))


def test_the_whole_answer() -> None:
    """Ids, both names, counts, the finish and the reasoning."""
    sink: Sink = UnifiedSink(REQUEST, reasoning="reasoning_content")
    sink.served("claude")

    assert {
        "id": "7",
        "content": "answer",
        "model": "auto",
        "_actual_model_used": "claude",
        "usage": {"prompt_tokens": 100, "completion_tokens": 20, "total_tokens": 120, "estimated": False},
        "finish_reason": "stop",
        "decision_id": "7",
        "reasoning": "hm",
    } == json.loads(sink.plain(Completion(EVENTS, b""), source="openai"))


def test_raw_bytes_are_never_forwarded() -> None:
    """The shape is ours, whatever the upstream speaks."""
    sink = UnifiedSink(REQUEST, reasoning="reasoning_content")

    assert b'data: {"id":"7","delta":"x"}\n\n' == sink.stream_frame(Frame((TextDelta("x"),), b"raw"), source="openai")


def test_hidden_reasoning_stays_hidden() -> None:
    """In pieces and in the footer."""
    sink = UnifiedSink(REQUEST, reasoning="hidden")
    data = sink.stream_frame(Frame(EVENTS), source="openai") + sink.end()

    assert b"hm" not in data
    assert data.endswith(b"data: [DONE]\n\n")


def test_without_a_named_server_the_upstreams_name_is_told() -> None:
    """Better than nothing; usage that nobody counted is null."""
    body = json.loads(UnifiedSink(REQUEST, reasoning="think").plain(Completion((START,), b""), source="openai"))

    assert (START.model, None, "") == (body["_actual_model_used"], body["usage"], body["content"])


def test_estimates_say_so_and_calls_come_whole() -> None:
    """In the footer."""
    sink = UnifiedSink(REQUEST, reasoning="think")
    usage = UsageReport(Usage(1, 2, source="estimated"))
    sink.stream_frame(Frame((*call(0, "call_1", "f", "{", "}"), usage)), source="ollama")
    footer = sse_objects(sink.end())[0]

    assert footer["usage"]["estimated"] is True
    assert [{"id": "call_1", "type": "function", "function": {"name": "f", "arguments": "{}"}}] == footer["tool_calls"]


def test_an_error_ends_the_stream() -> None:
    """Without a footer."""
    data = UnifiedSink(REQUEST, reasoning="think").error(UnavailableError("draining"))

    assert ["error"] == [*sse_objects(data)[0]]
    assert data.endswith(b"data: [DONE]\n\n")
