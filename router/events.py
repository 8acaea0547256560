"""The one internal event model between upstream dialects (sources) and client dialects (sinks).

A source turns an upstream answer into `Frame`s; a sink turns frames into the client's bytes. A frame carries the
upstream's bytes too, so that a sink of the same dialect forwards them instead of rebuilding them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from config.types import Json, Usage

Dialect = Literal["openai", "anthropic", "ollama", "extractive"]
FinishReason = Literal["stop", "length", "tool_calls", "content_filter", "function_call"]


@dataclass(frozen=True, slots=True)
class MessageStart:
    """The answer begins; at most once, always first. It carries no content, so it does not commit."""

    id: str
    model: str
    created: int
    """Unix seconds."""


@dataclass(frozen=True, slots=True)
class TextDelta:
    """A piece of the visible answer; `logprobs` is OpenAI's object for this piece, untouched."""

    text: str
    choice: int = 0
    logprobs: Json | None = None


@dataclass(frozen=True, slots=True)
class ReasoningDelta:
    """A piece of the model's reasoning.

    `signature` proves the block to its provider and must be sent back verbatim with it (Anthropic); `redacted` is
    an opaque encrypted block that has no text. Both come on an event of their own with `text=""`.
    """

    text: str
    choice: int = 0
    signature: str | None = None
    redacted: str | None = None


@dataclass(frozen=True, slots=True)
class ToolCallStart:
    """A tool call begins; `index` counts tool calls of the choice from 0 without gaps.

    `kind="custom"` means a free-form tool: its argument fragments are raw text, not JSON. `extra` is what the
    provider needs back with the call (such as Gemini's `extra_content`), untouched.
    """

    index: int
    id: str
    name: str
    choice: int = 0
    kind: Literal["function", "custom"] = "function"
    extra: Json | None = None


@dataclass(frozen=True, slots=True)
class ToolCallArguments:
    """A piece of a call's arguments: JSON text for functions (joined: one JSON object), raw text for custom tools."""

    index: int
    fragment: str
    choice: int = 0


@dataclass(frozen=True, slots=True)
class RefusalDelta:
    """A piece of a refusal in the provider's own refusal slot."""

    text: str
    choice: int = 0


@dataclass(frozen=True, slots=True)
class UsageReport:
    """Token counts so far; the last report of a stream wins."""

    usage: Usage


@dataclass(frozen=True, slots=True)
class Finish:
    """A choice ended; exactly once per choice, after its last delta. `native` is the upstream's own word."""

    reason: FinishReason
    choice: int = 0
    native: str | None = None


Event = (
    MessageStart | TextDelta | ReasoningDelta | ToolCallStart | ToolCallArguments | RefusalDelta | UsageReport | Finish
)


def carries_content(event: Event) -> bool:
    """Return whether showing this event to a client commits us to this upstream."""
    match event:
        case TextDelta(text=text) | RefusalDelta(text=text):
            return bool(text)
        case ReasoningDelta(text=text, signature=signature, redacted=redacted):
            return bool(text or signature or redacted)
        case ToolCallStart() | ToolCallArguments():
            return True
        case _:
            return False


@dataclass(frozen=True, slots=True)
class Frame:
    """One upstream frame.

    `raw` is what a client of the same dialect may be sent as it is: complete SSE events with their blank lines, or
    `b""` when nothing should be forwarded for this frame. It is already repaired where the upstream broke its own
    format, holds no terminal `[DONE]`, and holds no usage (sinks place usage where their dialect wants it).
    """

    events: tuple[Event, ...]
    raw: bytes = b""
    warnings: tuple[str, ...] = ()
    """What turned out to be lost only when the upstream answered; read from the frames before the first content."""


@dataclass(frozen=True, slots=True)
class Completion:
    """One whole answer of a plain (not streamed) call; `raw` is the upstream's JSON body, repaired where broken."""

    events: tuple[Event, ...]
    raw: bytes
    headers: dict[str, str] = field(default_factory=dict[str, str])
    warnings: tuple[str, ...] = ()
    """What turned out to be lost only when the upstream answered."""
