"""Answers as events: what every sink must be able to say, and every source must be able to tell."""

from __future__ import annotations

import json
from dataclasses import dataclass, field

from config.types import Json, Usage
from router.events import (
    Completion,
    Event,
    Finish,
    Frame,
    MessageStart,
    ReasoningDelta,
    RefusalDelta,
    TextDelta,
    ToolCallArguments,
    ToolCallStart,
    UsageReport,
)

START = MessageStart(id="chatcmpl-1", model="upstream-model", created=1_700_000_000)
USAGE = Usage(input_tokens=100, output_tokens=20, cached_tokens=60, cache_write_tokens=10, reasoning_tokens=5)
PATCH = '*** Begin Patch\n+print("你好")\n\t\\end\n*** End Patch'


@dataclass(frozen=True)
class ExpectedCall:
    """A tool call as the client must end up with it."""

    id: str
    name: str
    arguments: str
    kind: str = "function"


@dataclass(frozen=True)
class EventScript:
    """One answer: its events in stream order, and what a client must have in the end (of choice 0)."""

    name: str
    events: tuple[Event, ...]
    text: str = ""
    reasoning: str = ""
    refusal: str = ""
    calls: tuple[ExpectedCall, ...] = ()
    finish: str = "stop"
    usage: Usage | None = None
    thinking_blocks: tuple[Json, ...] = ()
    other_choices: dict[int, str] = field(default_factory=dict[int, str])

    def __str__(self) -> str:
        """Return the name, for the test's id."""
        return self.name

    def frames(self) -> list[Frame]:
        """Return one frame per event, as a source of another dialect than the client's would."""
        return [Frame((event,)) for event in self.events]

    def completion(self) -> Completion:
        """Return the same answer as a plain call's."""
        return Completion(self.events, b"")


def said(*pieces: str, choice: int = 0) -> tuple[Event, ...]:
    """Return text deltas."""
    return tuple(TextDelta(piece, choice=choice) for piece in pieces)


def call(index: int, call_id: str, name: str, *fragments: str, kind: str = "function") -> tuple[Event, ...]:
    """Return a call and its argument fragments."""
    start = ToolCallStart(index, call_id, name, kind="custom" if kind == "custom" else "function")
    return (start, *(ToolCallArguments(index, fragment) for fragment in fragments))


SCRIPTS: list[EventScript] = [
    EventScript("plain_text", (START, *said("Hello", ", ", "world"), Finish("stop")), text="Hello, world"),
    EventScript(
        "unicode_zh",
        (START, *said("丘脑", "转发 🧠", '\u2028\n\t\\"'), Finish("stop")),
        text='丘脑转发 🧠\u2028\n\t\\"',
    ),
    EventScript("empty_text", (START, *said(""), Finish("stop"))),
    EventScript("finish_length", (START, *said("cut o"), Finish("length")), text="cut o", finish="length"),
    EventScript("content_filter", (START, *said("I"), Finish("content_filter")), text="I", finish="content_filter"),
    EventScript(
        "reasoning",
        (START, ReasoningDelta("let me "), ReasoningDelta("think"), *said("42"), Finish("stop")),
        text="42",
        reasoning="let me think",
    ),
    EventScript(
        "signed_reasoning",
        (
            START,
            ReasoningDelta("first"),
            ReasoningDelta("", signature="sig-1"),
            ReasoningDelta("", redacted="opaque"),
            ReasoningDelta("second"),
            ReasoningDelta("", signature="sig-2"),
            *call(0, "toolu_1", "look", "{}"),
            Finish("tool_calls"),
        ),
        reasoning="firstsecond",
        calls=(ExpectedCall("toolu_1", "look", "{}"),),
        finish="tool_calls",
        thinking_blocks=(
            {"type": "thinking", "thinking": "first", "signature": "sig-1"},
            {"type": "redacted_thinking", "data": "opaque"},
            {"type": "thinking", "thinking": "second", "signature": "sig-2"},
        ),
    ),
    EventScript(
        "single_tool",
        (START, *call(0, "call_a", "get_weather", '{"ci', 'ty":"北京"}'), Finish("tool_calls")),
        calls=(ExpectedCall("call_a", "get_weather", '{"city":"北京"}'),),
        finish="tool_calls",
    ),
    EventScript(
        "tool_without_arguments",
        (START, *call(0, "call_a", "now"), Finish("tool_calls")),
        calls=(ExpectedCall("call_a", "now", ""),),
        finish="tool_calls",
    ),
    EventScript(
        "parallel_tools",
        (START, *call(0, "call_a", "f", '{"x":', "1}"), *call(1, "call_b", "f", '{"x":2}'), Finish("tool_calls")),
        calls=(ExpectedCall("call_a", "f", '{"x":1}'), ExpectedCall("call_b", "f", '{"x":2}')),
        finish="tool_calls",
    ),
    EventScript(
        "interleaved_tools",
        (
            START,
            *call(0, "call_a", "f", '{"x":'),
            *call(1, "call_b", "g", '{"y":{}'),
            ToolCallArguments(0, "1"),
            ToolCallArguments(1, "}"),
            ToolCallArguments(0, "}"),
            *said("and text"),
            Finish("tool_calls"),
        ),
        text="and text",
        calls=(ExpectedCall("call_a", "f", '{"x":1}'), ExpectedCall("call_b", "g", '{"y":{}}')),
        finish="tool_calls",
    ),
    EventScript(
        "tools_with_text",
        (START, *said("I will ", "look."), *call(0, "call_a", "look", '{"q":"x"}'), Finish("tool_calls")),
        text="I will look.",
        calls=(ExpectedCall("call_a", "look", '{"q":"x"}'),),
        finish="tool_calls",
    ),
    EventScript(
        "custom_tool",
        (START, *call(0, "call_p", "ApplyPatch", PATCH[:9], PATCH[9:], kind="custom"), Finish("tool_calls")),
        calls=(ExpectedCall("call_p", "ApplyPatch", PATCH, "custom"),),
        finish="tool_calls",
    ),
    EventScript(
        "refusal",
        (START, RefusalDelta("I cannot "), RefusalDelta("do that."), Finish("stop")),
        refusal="I cannot do that.",
    ),
    EventScript(
        "two_choices",
        (
            START,
            *said("one"),
            *said("two", choice=1),
            *said("!"),
            Finish("stop", choice=0),
            Finish("length", choice=1),
        ),
        text="one!",
        other_choices={1: "two"},
    ),
    EventScript(
        "usage_with_cache",
        (START, *said("hi"), Finish("stop"), UsageReport(USAGE)),
        text="hi",
        usage=USAGE,
    ),
    EventScript(
        "usage_estimated",
        (START, *said("hi"), Finish("stop"), UsageReport(Usage(3, 1, source="estimated"))),
        text="hi",
        usage=Usage(3, 1, source="estimated"),
    ),
    EventScript(
        "logprobs",
        (
            START,
            TextDelta("a", logprobs={"content": [{"token": "a", "logprob": -0.1, "bytes": [97], "top_logprobs": []}]}),
            TextDelta("b", logprobs={"content": [{"token": "b", "logprob": -0.2, "bytes": [98], "top_logprobs": []}]}),
            Finish("stop"),
        ),
        text="ab",
    ),
]


def sse_objects(stream: bytes) -> list[Json]:
    """Return the JSON objects of a stream, the end mark left out."""
    data = [line.removeprefix("data: ") for line in stream.decode().split("\n") if line.startswith("data: ")]
    return [json.loads(line) for line in data if line != "[DONE]"]
