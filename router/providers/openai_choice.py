"""One choice of a streamed answer: its deltas as events, repaired where broken, and its finish held to the end."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final, get_args

from config.errors import UpstreamError
from router.events import Finish, FinishReason, ReasoningDelta, RefusalDelta, TextDelta
from router.providers.json_values import as_list, as_object, as_objects, as_text
from router.providers.openai_calls import CallTracker
from router.reasoning_store import call_key

if TYPE_CHECKING:
    from collections.abc import Callable

    from config.types import Json
    from router.events import Event
    from router.reasoning_store import ReasoningStore

_REASONS: Final[dict[str, FinishReason]] = {
    **{reason: reason for reason in get_args(FinishReason)},
    "max_tokens": "length",
    "max_output_tokens": "length",
    "model_length": "length",
    "model_context_window_exceeded": "length",
    "tool_use": "tool_calls",
    "tool_call": "tool_calls",
    "safety": "content_filter",
    "sensitive": "content_filter",
    "recitation": "content_filter",
    "prohibited_content": "content_filter",
    "blocklist": "content_filter",
    "refusal": "content_filter",
}
FAILED_REASONS: Final = frozenset({"error", "abort", "insufficient_system_resource", "network_error", "cancelled"})
"""Words of OpenRouter, vLLM, SGLang, DeepSeek and Zhipu for an answer that broke off: no finish at all."""
_LEGAL_WHEN_EMPTY: Final = frozenset({"length", "content_filter"})
_UNSEEN_CONTENT: Final = ("audio", "images", "image", "video")
"""Content that has no event; it is forwarded as it is, and makes an answer not empty."""


@dataclass(frozen=True, slots=True)
class AnswerContext:
    """What reading one answer needs to know of its request."""

    request_id: str
    model: str
    provider: str
    created: int
    """Unix seconds, for answers that do not say."""
    store: ReasoningStore
    new_id: Callable[[], str]
    wrapped_tools: frozenset[str] = frozenset()
    """Free-form tools that were given to the upstream as functions."""
    keeps_reasoning: bool = False
    """The upstream wants its reasoning back with its tool calls."""
    tolerates_no_finish: bool = False
    """`[DONE]` stands for a finish, at upstreams that never send one."""
    n: int = 1


class ChoiceReader:
    """State of one choice; nothing of it outlives its answer."""

    def __init__(self, index: int, context: AnswerContext) -> None:
        self.index = index
        self.finish: Finish | None = None
        self.has_content = False
        self._context = context
        self._calls = CallTracker(index, wrapped_tools=context.wrapped_tools, new_id=context.new_id)
        self._role_told = False
        self._is_legacy_call = False
        self._reasoning: list[str] = []

    def feed(self, choice: Json) -> tuple[list[Event], Json]:
        """Return the events of one chunk's choice, and the choice as it should have been, without its finish.

        Raises `UpstreamError` where the finish says that the answer broke off.
        """
        self._note_finish(choice.get("finish_reason"))
        delta = as_object(choice.get("delta")) or as_object(choice.get("message")) or {}
        fixed = dict(delta)
        self._fix_role(fixed)
        flatten_content(fixed)
        events = self._read_texts(fixed, as_object(choice.get("logprobs")))
        events += self._read_calls(fixed)
        self.has_content = self.has_content or bool(events) or any(fixed.get(key) for key in _UNSEEN_CONTENT)
        rest = {key: value for key, value in choice.items() if key not in ("message", "usage")}
        return events, {**rest, "index": self.index, "delta": fixed, "finish_reason": None}

    def close(self) -> tuple[list[tuple[Event, Json]], Finish]:
        """Return what was held back, each event with its choice, and the finish. Call once, after a good end."""
        held: list[tuple[Event, Json]] = [
            (event, {"index": self.index, "delta": {"tool_calls": [entry]}, "finish_reason": None})
            for event, entry in self._calls.finish()
        ]
        self._remember()
        return held, self.finish or Finish(self._due_reason("stop"), self.index)

    def keep_reasoning(self, thought: str) -> None:
        """Remember a piece of reasoning if the upstream will want it back."""
        if self._context.keeps_reasoning:
            self._reasoning.append(thought)

    @property
    def is_empty(self) -> bool:
        """Return whether the answer is nothing although nothing excuses it."""
        return not self.has_content and (self.finish is None or self.finish.reason not in _LEGAL_WHEN_EMPTY)

    def _note_finish(self, native: object) -> None:
        if not isinstance(native, str) or not native:
            return
        if native.lower() in FAILED_REASONS:
            message = f"The upstream broke its answer off ({native})."
            raise UpstreamError(message, failure_class="transient", code="stream_cut")
        self.finish = Finish(to_reason(native), self.index, native)

    def _due_reason(self, reason: FinishReason) -> FinishReason:
        if reason == "stop" and self._is_legacy_call:
            return "function_call"
        return "tool_calls" if reason == "stop" and self._calls.calls else reason

    def _fix_role(self, delta: Json) -> None:
        """The role comes once, first, with a content: clients add roles up, and Cline needs the key."""
        if self._role_told:
            delta.pop("role", None)
            return
        self._role_told = True
        if delta.get("role") != "assistant":
            delta["role"] = "assistant"
        if "content" not in delta:
            delta["content"] = None if delta.get("tool_calls") else ""

    def _read_texts(self, delta: Json, logprobs: Json | None) -> list[Event]:
        events: list[Event] = []
        # `reasoning` is OpenRouter's, Groq's and vLLM's name; some send both with the same text.
        thought = as_text(delta.get("reasoning_content")) or as_text(delta.get("reasoning"))
        if thought:
            events.append(ReasoningDelta(thought, self.index))
            self.keep_reasoning(thought)
        text = as_text(delta.get("content"))
        if text:
            events.append(TextDelta(text, self.index, logprobs))
        refusal = as_text(delta.get("refusal"))
        if refusal:
            events.append(RefusalDelta(refusal, self.index))
        return events

    def _read_calls(self, delta: Json) -> list[Event]:
        events: list[Event] = []
        entries, legacy = as_objects(delta.get("tool_calls")), as_object(delta.get("function_call"))
        if entries and self._is_legacy_call:  # the same call told in both spellings: the first one stays
            entries = []
            del delta["tool_calls"]
        if legacy is not None and (entries or (self._calls.calls and not self._is_legacy_call)):
            legacy = None
            del delta["function_call"]
        fixed: list[Json] = []
        for entry in entries:
            came, entry_fixed = self._calls.feed(entry)
            events += came
            fixed.append(entry_fixed)
        if fixed:
            delta["tool_calls"] = fixed
        if legacy is not None:
            self._is_legacy_call = True
            events += self._calls.feed({"index": 0, "function": legacy})[0]
        if self.finish is not None:
            self.finish = replace(self.finish, reason=self._due_reason(self.finish.reason))
        return events

    def _remember(self) -> None:
        """Keep what the provider wants back with its calls and clients drop."""
        reasoning = "".join(self._reasoning)
        for call in self._calls.calls:
            kept: Json = dict(call.extra or {})
            if reasoning:
                kept["reasoning_content"] = reasoning
            if kept:
                key = call_key(call.id, call.name, call.arguments)
                self._context.store.put(key, {**kept, "provider": self._context.provider})


def to_reason(native: str) -> FinishReason:
    """Return OpenAI's word for an upstream's; an unknown one is an end like any other."""
    return _REASONS.get(native.lower(), "stop")


def flatten_content(delta: Json) -> None:
    """Mistral's reasoning models send content in parts: `[{"type": "thinking", ..}, {"type": "text", ..}]`."""
    if not isinstance(delta.get("content"), list):
        return
    texts: list[str] = []
    thoughts: list[str] = []
    for part in as_objects(delta["content"]):
        if part.get("type") == "thinking":
            thoughts += [as_text(inner.get("text")) or "" for inner in as_objects(part.get("thinking"))]
        else:
            texts.append(as_text(part.get("text")) or "")
    texts += [item for item in as_list(delta["content"]) if isinstance(item, str)]
    delta["content"] = "".join(texts)
    if thoughts:
        delta["reasoning_content"] = "".join(thoughts)
