"""The extractive model as a provider; its answerer is a stand-in that says what it was asked."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.errors import InvalidRequestError
from config.tokens import estimate_tokens
from config.types import Citation, ExtractedAnswer
from router.events import Finish, MessageStart, TextDelta, UsageReport
from router.providers.base import ChatRequest, Prepared, Target, Wire
from router.providers.extractive import ExtractiveProvider

if TYPE_CHECKING:
    from router.events import Event

TARGET = Target("d", "extractive", "local:extractive", "extractive")


class NoTransport:
    async def send(self, request: object) -> Any:  # noqa: ARG002  # the seam names it
        raise AssertionError("nothing may be sent")

    async def aclose(self) -> None:
        """Nothing to close."""


WIRE = Wire(NoTransport(), connect_s=1, idle_s=1)


@dataclass
class FixedAnswerer:
    text: str = "Stop it with Ctrl-C. 打开的流会先结束。"
    citations: tuple[Citation, ...] = ()
    asked: list[tuple[str, int, str]] = field(default_factory=list[tuple[str, int, str]])

    def answer(self, question: str, *, max_tokens: int) -> ExtractedAnswer:
        self.asked.append((question, max_tokens, threading.current_thread().name))
        return ExtractedAnswer(self.text, self.citations, refused=False, language="en", confidence=0.9)


def prepare(provider: ExtractiveProvider, **body: object) -> Prepared:
    asked = {"model": "auto", "messages": [{"role": "user", "content": "How do I stop?"}], **body}
    return provider.prepare(ChatRequest(asked, id="d1"), TARGET)


async def events_of(provider: ExtractiveProvider, **body: object) -> list[Event]:
    return [event async for frame in provider.stream(prepare(provider, **body), WIRE) for event in frame.events]


def text_of(events: list[Event]) -> str:
    return "".join(event.text for event in events if isinstance(event, TextDelta))


async def test_it_streams_words_then_usage_then_finish() -> None:
    """The answer comes in small pieces, framed by exactly one start and one finish, with estimated usage."""
    answerer = FixedAnswerer()
    events = await events_of(ExtractiveProvider(answerer, clock=lambda: 7.5))
    usage = [event.usage for event in events if isinstance(event, UsageReport)]

    assert MessageStart("chatcmpl-d1", "extractive", 7) == events[0]
    assert answerer.text == text_of(events)
    assert len([event for event in events if isinstance(event, TextDelta)]) > 5
    assert ["estimated"] == [each.source for each in usage]
    assert estimate_tokens(answerer.text) == usage[0].output_tokens
    assert usage[0].input_tokens > 3
    assert Finish("stop") == events[-1]


async def test_plain_and_streamed_answers_hold_the_same_events() -> None:
    """One way to answer, two ways to hand it over; neither has raw bytes."""
    provider = ExtractiveProvider(FixedAnswerer(), clock=lambda: 0)
    completion = await provider.complete(prepare(provider), WIRE)

    assert tuple(await events_of(provider)) == completion.events
    assert b"" == completion.raw
    assert "extractive" == provider.dialect


def test_preparing_puts_nothing_on_the_wire() -> None:
    """There is no URL and no body, and the answerer is not asked yet."""
    answerer = FixedAnswerer()
    prepared = prepare(ExtractiveProvider(answerer))

    assert ("", b"", ()) == (prepared.url, prepared.body, prepared.warnings)
    assert [] == answerer.asked


async def test_the_loop_is_not_blocked_while_it_answers() -> None:
    """Answering happens on a thread of the provider's own."""
    answerer = FixedAnswerer()
    await events_of(ExtractiveProvider(answerer))

    assert answerer.asked[0][2].startswith("extractive")


async def test_the_last_user_text_is_the_question_and_pictures_are_left_out() -> None:
    """Text parts are joined, later turns without a user's text are passed over, and the loss is named."""
    answerer = FixedAnswerer()
    provider = ExtractiveProvider(answerer)
    picture = {"type": "image_url", "image_url": {"url": "https://example.org/a.png"}}
    messages = [
        {"role": "user", "content": "old"},
        {"role": "user", "content": [{"type": "text", "text": "怎么停止"}, picture, {"type": "text", "text": "it?"}]},
        {"role": "assistant", "content": "what?"},
        {"role": "user", "content": "  "},
    ]
    prepared = prepare(provider, messages=messages)
    await provider.complete(prepared, WIRE)

    assert "怎么停止\nit?" == answerer.asked[0][0]
    assert ("attachments ignored: the extractive model reads text only",) == prepared.warnings


def test_tools_are_ignored_with_a_warning() -> None:
    """A tool that may be called need not be; the client hears that none will."""
    tools = [{"type": "function", "function": {"name": "f"}}]

    assert ("tools ignored: the extractive model calls none",) == prepare(
        ExtractiveProvider(FixedAnswerer()), tools=tools
    ).warnings


@pytest.mark.parametrize(
    "wish",
    [
        {"n": 2},
        {"response_format": {"type": "json_schema", "json_schema": {"name": "x", "schema": {}}}},
        {"response_format": {"type": "json_object"}},
        {"tools": [{"type": "function", "function": {"name": "f"}}], "tool_choice": "required"},
        {"messages": [{"role": "system", "content": "be brief"}]},
        {"max_tokens": 0},
    ],
)
def test_wishes_that_documents_cannot_meet_are_refused(wish: dict[str, object]) -> None:
    """Silently giving something else would be a wrong answer."""
    with pytest.raises(InvalidRequestError) as caught:
        prepare(ExtractiveProvider(FixedAnswerer()), **wish)

    assert 400 == caught.value.status
    assert caught.value.param


async def test_citations_say_where_sentences_stand_once() -> None:
    """They follow the text; one that the answerer wrote itself is not repeated."""
    cited = (Citation("en/a.md", 3, 5), Citation("en/b.md", 7, 7), Citation("en/a.md", 3, 5))
    answerer = FixedAnswerer("Yes [en/b.md:7].", cited)

    assert "Yes [en/b.md:7]. [en/a.md:3-5]" == text_of(await events_of(ExtractiveProvider(answerer)))


async def test_a_citation_is_whole_or_not_there() -> None:
    """When the limit leaves no room for it, the answer ends with `length`."""
    answerer = FixedAnswerer("one two three", (Citation("en/some/long/path/of/a/document.md", 3, 5),))
    events = await events_of(ExtractiveProvider(answerer), max_tokens=6)

    assert "one two three" == text_of(events)
    assert Finish("length") == events[-1]


@given(text=st.text(max_size=200), limit=st.integers(1, 40))
async def test_the_token_limit_holds_whatever_the_text(text: str, limit: int) -> None:
    """At most `max_completion_tokens` tokens of the text's beginning, and `length` exactly where some is missing."""
    events = await events_of(ExtractiveProvider(FixedAnswerer(text)), max_completion_tokens=limit)
    said = text_of(events)

    assert text.startswith(said)
    assert estimate_tokens(said) <= limit
    assert Finish("stop" if said == text else "length") == events[-1]


async def test_a_stop_sequence_ends_the_answer_before_it() -> None:
    """As with every other model."""
    events = await events_of(ExtractiveProvider(FixedAnswerer("one. two. three.")), stop=[" three", " two"])

    assert "one." == text_of(events)
    assert Finish("stop") == events[-1]


def test_what_documents_cannot_honour_is_named() -> None:
    """Wishes about how to write, and fields that nobody knows, are told; what happens anyway is not."""
    wishes = {"seed": 7, "logit_bias": {"5": 1}, "temperature": 0.2, "reasoning_effort": "low", "future": {"a": 1}}
    anyway = {"presence_penalty": 0, "stream": False, "response_format": {"type": "text"}, "parallel_tool_calls": True}
    tools = [{"type": "function", "function": {"name": "f", "strict": True}}]
    provider = ExtractiveProvider(FixedAnswerer())

    assert (
        tuple(f"{name} dropped: the extractive model has no such parameter" for name in wishes)
        == prepare(provider, **wishes, **anyway).warnings
    )
    assert ("tools ignored: the extractive model calls none",) == prepare(
        provider, tools=tools, tool_choice="auto"
    ).warnings
