"""The OpenAI-compatible provider against the scripted upstream: every pair of quirks, every fault, both modes."""

from __future__ import annotations

from itertools import combinations_with_replacement
from typing import TYPE_CHECKING

import pytest

from config.errors import UpstreamError
from router.events import Finish, ReasoningDelta, TextDelta, ToolCallArguments, ToolCallStart, UsageReport
from router.providers.base import Wire
from router.providers.openai_choice import AnswerContext
from router.providers.openai_chunks import ChunkReader
from router.providers.openai_compatible import OpenAICompatibleProvider
from router.providers.scripted import Reply, Script, ToolCall, UsageSpec, scripted_upstream
from router.providers.scripted.answer import read_request, resolve
from router.providers.scripted.dialect_openai import OpenAIRendering
from router.providers.scripted.script import QUIRKS
from router.reasoning_store import ReasoningStore
from router.sse import SseParser
from router.transport import AiohttpTransport
from tests.router.openai_wire import a_request, a_target, events, objects
from tests.router.test_openai_compatible import check_choice

if TYPE_CHECKING:
    from router.events import Event, Frame

REPLY = {
    "text": "Hello, 世界 and you",
    "reasoning": "let me think",
    "usage": UsageSpec(input=40, output=20, cached=30),
    "tool_calls": (
        ToolCall("look", {"q": "a b c", "n": [1, 2]}),
        ToolCall("look", {"q": "d"}),
        ToolCall("write", {"text": 'é "quoted"'}),
    ),
}  # fmt: skip


def read_bent(*quirks: str, n: int = 1) -> list[Frame]:
    """Return the frames of the scripted answer, bent."""
    asked = read_request(
        "/v1/chat/completions", {"model": "m", "n": n, "stream": True, "stream_options": {"include_usage": True}}
    )
    parts = OpenAIRendering().stream(resolve(Reply(**REPLY, quirks=quirks), asked, serial=1, call=1, created=5))
    ids = iter(range(100))
    reader = ChunkReader(AnswerContext("d", "m", "acme", 1, ReasoningStore(), lambda: f"call_{next(ids)}", n=n))
    parser = SseParser()
    whole = parts.opening + b"".join(parts.content) + parts.closing + parts.done
    frames = [frame for event in parser.feed(whole) for frame in reader.feed(event)]
    return [*frames, *reader.finish()]


def summary(found: list[Event], choice: int = 0) -> dict[str, object]:
    """Return what a client makes of the events of a choice."""
    mine = [event for event in found if getattr(event, "choice", choice) == choice]
    usages = [event.usage for event in mine if isinstance(event, UsageReport)]
    return {
        "text": "".join(event.text for event in mine if isinstance(event, TextDelta)),
        "reasoning": "".join(event.text for event in mine if isinstance(event, ReasoningDelta)),
        "names": [event.name for event in mine if isinstance(event, ToolCallStart)],
        "arguments": [
            "".join(e.fragment for e in mine if isinstance(e, ToolCallArguments) and e.index == index)
            for index in range(3)
        ],
        "finishes": [event.reason for event in mine if isinstance(event, Finish)],
        "usage": (usages[-1].input_tokens, usages[-1].cached_tokens) if usages else None,
    }


PAIRS = [tuple(dict.fromkeys(pair)) for pair in combinations_with_replacement(sorted(QUIRKS - {"think_tags"}), 2)]


@pytest.mark.parametrize("n", [1, 2])
def test_no_pair_of_quirks_changes_what_the_client_makes_of_an_answer(n: int) -> None:
    """Each of some 270 pairs of deviations gives the unbent answer, well formed, once per choice."""
    for pair in PAIRS:
        frames = read_bent(*pair, n=n)
        for choice in range(n):
            clean = summary(events(read_bent(n=n)), choice)
            bent = summary(events(frames), choice)
            if "usage_never" in pair:
                bent["usage"] = clean["usage"]

            assert clean == bent, pair
            check_choice([c for item in objects(frames) for c in item["choices"] if c["index"] == choice])


def test_the_unbent_answer_is_the_scripted_one() -> None:
    """The comparison above has a right side."""
    found = summary(events(read_bent()))

    assert ("Hello, 世界 and you", "let me think", ["tool_calls"], (40, 30)) == (
        found["text"], found["reasoning"], found["finishes"], found["usage"],
    )  # fmt: skip
    assert ['{"q":"a b c","n":[1,2]}', '{"q":"d"}', '{"text":"é \\"quoted\\""}'] == [
        text.replace(": ", ":").replace(", ", ",") for text in found["arguments"]
    ]


STREAM_FAULTS = {
    "reset": "transient",
    "cut_before_content": "transient",
    "cut_mid_stream": "transient",
    "malformed_sse": "transient",
    "bad_json": "transient",
    "empty_stream": "transient",
    "empty_200": "transient",
    "endless_line": "transient",
    "no_finish": "transient",
    "error_event": "transient",
    "html_instead_of_sse": "transient",
    "json_instead_of_sse": "transient",
    "prompt_filtered": "policy",
    "context_overflow": "context",
    "rate_limited": "rate",
    "quota": "quota",
    "bad_key": "credential",
    "forbidden": "credential",
    "model_gone": "model_gone",
    "server_error": "transient",
    "overloaded": "transient",
    "bad_gateway_html": "transient",
}
SURVIVED = ["duplicate_done", "late_bytes", "completion_instead_of_sse", "huge_event", "no_done"]
REFUSALS = ["prompt_filtered", "context_overflow", "rate_limited", "quota", "bad_key", "forbidden", "model_gone", "server_error", "overloaded", "bad_gateway_html", "reset", "empty_200"]  # fmt: skip


async def ask(fault: str, *, stream: bool) -> list[Event]:
    """Return the events of an answer with a fault."""
    transport = AiohttpTransport()
    size = 20_000_000 if fault == "endless_line" else 2_000_000
    async with scripted_upstream(Script((Reply(text="one two three", fault=fault, size_bytes=size),))) as upstream:  # type: ignore[arg-type]
        provider = OpenAICompatibleProvider(ReasoningStore())
        prepared = provider.prepare(a_request(stream=stream), a_target(upstream.url))
        wire = Wire(transport, connect_s=5, idle_s=5)
        try:
            if stream:
                return [event async for frame in provider.stream(prepared, wire) for event in frame.events]
            return list((await provider.complete(prepared, wire)).events)
        finally:
            await transport.aclose()


@pytest.mark.parametrize("fault", STREAM_FAULTS)
async def test_every_fault_of_a_stream_is_an_error_of_its_class(fault: str) -> None:
    """None of them becomes a short or empty success."""
    with pytest.raises(UpstreamError) as caught:
        await ask(fault, stream=True)
    assert STREAM_FAULTS[fault] == caught.value.failure_class
    assert caught.value.message


@pytest.mark.parametrize("fault", SURVIVED)
async def test_what_is_only_odd_does_not_fail_a_stream(fault: str) -> None:
    """The whole answer arrived, so it is given."""
    found = summary(await ask(fault, stream=True))

    assert ["stop"] == found["finishes"]
    assert "one" in str(found["text"])


@pytest.mark.parametrize("fault", REFUSALS)
async def test_plain_calls_fail_in_the_same_class(fault: str) -> None:
    """Streamed and plain, one refusal means one thing."""
    with pytest.raises(UpstreamError) as caught:
        await ask(fault, stream=False)
    assert STREAM_FAULTS[fault] == caught.value.failure_class
