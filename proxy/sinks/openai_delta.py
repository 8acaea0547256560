"""One choice of an OpenAI stream: events in, `delta` objects out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from proxy.sinks.thinking import ThinkingBlocks
from router.events import Finish, ReasoningDelta, RefusalDelta, TextDelta, ToolCallArguments, ToolCallStart

if TYPE_CHECKING:
    from collections.abc import Iterator

    from config.types import Json
    from router.events import Event

Reasoning = Literal["reasoning_content", "think", "hidden"]
"""How a client sees reasoning: in a field of its own, inside `<think>` of the text, or not at all."""
THINK_OPEN = "<think>"
THINK_CLOSE = "</think>\n\n"


class ChoiceDeltas:
    """State of one choice of one stream."""

    def __init__(self, reasoning: Reasoning) -> None:
        self._reasoning: Reasoning = reasoning
        self._thinking = ThinkingBlocks()
        self._in_think = False
        self._begun = False
        self._finished = False

    def forwarded(self) -> None:
        """Note that the upstream's own chunks have begun this choice, so its role was sent."""
        self._begun = True

    def feed(self, event: Event) -> Iterator[Json]:
        """Yield choice objects without their index; nothing after the finish, which comes once."""
        if self._finished:
            return
        if not self._begun:
            self._begun = True
            # Cline crashes on a first delta without `content`, others on one without a role.
            yield _choice({"role": "assistant", "content": "", "refusal": None})
        if isinstance(event, ReasoningDelta):
            yield from self._think(event)
            return
        yield from self._end_thinking()
        self._finished = isinstance(event, Finish)
        yield from _show(event)

    def _think(self, event: ReasoningDelta) -> Iterator[Json]:
        if self._reasoning == "reasoning_content":
            if event.text:
                yield _choice({"reasoning_content": event.text})
            blocks = self._thinking.feed(event)
            if blocks:
                yield _choice({"thinking_blocks": blocks})
        elif self._reasoning == "think" and event.text:
            opening = "" if self._in_think else THINK_OPEN
            self._in_think = True
            yield _choice({"content": opening + event.text})

    def _end_thinking(self) -> Iterator[Json]:
        blocks = self._thinking.close()
        if blocks:
            yield _choice({"thinking_blocks": blocks})
        if self._in_think:
            self._in_think = False
            yield _choice({"content": THINK_CLOSE})


def _show(event: Event) -> Iterator[Json]:
    match event:
        case TextDelta(text=text, logprobs=logprobs) if text or logprobs:
            yield _choice({"content": text}, logprobs=logprobs)
        case RefusalDelta(text=text) if text:
            yield _choice({"refusal": text})
        case ToolCallStart():
            yield _choice({"tool_calls": [{"index": event.index, **call_object(event, "")}]})
        case ToolCallArguments(index=index, fragment=fragment) if fragment:
            yield _choice({"tool_calls": [{"index": index, "function": {"arguments": fragment}}]})
        case Finish(reason=reason):
            yield _choice({}, finish=reason)
        case _:
            pass


def call_object(start: ToolCallStart, arguments: str) -> Json:
    """Return a tool call. Custom ones are functions with raw text, since that is what clients can read in chunks."""
    function = {"name": start.name, "arguments": arguments}
    return {"id": start.id, "type": "function", "function": function, **(start.extra or {})}


def custom_call_object(start: ToolCallStart, text: str) -> Json:
    """Return a free-form call of a whole answer."""
    return {"id": start.id, "type": "custom", "custom": {"name": start.name, "input": text}, **(start.extra or {})}


def _choice(delta: Json, *, logprobs: Json | None = None, finish: str | None = None) -> Json:
    return {"delta": delta, "logprobs": logprobs, "finish_reason": finish}
