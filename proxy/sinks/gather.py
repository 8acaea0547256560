"""Joins the events of an answer into whole messages, for plain answers of another dialect."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from proxy.sinks.thinking import ThinkingBlocks
from router.events import (
    Event,
    Finish,
    FinishReason,
    MessageStart,
    ReasoningDelta,
    RefusalDelta,
    TextDelta,
    ToolCallArguments,
    ToolCallStart,
    UsageReport,
)
from router.providers.json_values import as_list

if TYPE_CHECKING:
    from collections.abc import Iterable

    from config.types import Json, Usage


@dataclass(slots=True)
class GatheredCall:
    """One tool call; `arguments` joined are JSON text, or raw text for custom tools."""

    start: ToolCallStart
    fragments: list[str] = field(default_factory=list[str])

    @property
    def arguments(self) -> str:
        """The whole arguments."""
        return "".join(self.fragments)


@dataclass(slots=True)
class GatheredChoice:
    """One choice of an answer."""

    texts: list[str] = field(default_factory=list[str])
    reasoning: list[str] = field(default_factory=list[str])
    refusals: list[str] = field(default_factory=list[str])
    calls: dict[int, GatheredCall] = field(default_factory=dict[int, GatheredCall])
    logprobs: dict[str, list[object]] = field(default_factory=dict[str, list[object]])
    thinking: ThinkingBlocks = field(default_factory=ThinkingBlocks)
    blocks: list[Json] = field(default_factory=list["Json"])
    """Thinking blocks with their signatures, to be sent back verbatim."""
    finish: FinishReason | None = None

    @property
    def text(self) -> str:
        """The visible answer."""
        return "".join(self.texts)

    def add(self, event: Event) -> None:
        """Take in one event of this choice."""
        match event:
            case TextDelta(text=text, logprobs=logprobs):
                self.texts.append(text)
                for name, entries in (logprobs or {}).items():
                    self.logprobs.setdefault(name, []).extend(as_list(entries))
            case ReasoningDelta():
                self.reasoning.append(event.text)
                self.blocks += self.thinking.feed(event)
            case RefusalDelta(text=text):
                self.refusals.append(text)
            case ToolCallStart(index=index):
                self.calls[index] = GatheredCall(event)
            case ToolCallArguments(index=index, fragment=fragment):
                if index in self.calls:
                    self.calls[index].fragments.append(fragment)
            case Finish(reason=reason):
                self.finish = reason
            case _:
                pass
        if not isinstance(event, ReasoningDelta):
            self.blocks += self.thinking.close()


@dataclass(slots=True)
class GatheredAnswer:
    """A whole answer; `start` is `None` where no message start came."""

    start: MessageStart | None = None
    choices: dict[int, GatheredChoice] = field(default_factory=lambda: {0: GatheredChoice()})
    usage: Usage | None = None

    def add(self, event: Event) -> None:
        """Take in the next event."""
        match event:
            case MessageStart():
                self.start = event
            case UsageReport(usage=usage):
                self.usage = usage
            case _:
                self.choices.setdefault(event.choice, GatheredChoice()).add(event)


def gather(events: Iterable[Event]) -> GatheredAnswer:
    """Return the whole answer that the events tell; there is always a choice 0."""
    answer = GatheredAnswer()
    for event in events:
        answer.add(event)
    return answer
