"""OpenAI Chat Completions for clients: chunks of the same dialect are forwarded, all others are rendered."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from proxy.error_responses import error_body
from proxy.sinks.gather import gather
from proxy.sinks.openai_delta import ChoiceDeltas
from proxy.sinks.openai_plain import choice_object, rewrite
from proxy.sinks.openai_usage import usage_object
from router.events import MessageStart, ReasoningDelta, TextDelta, ToolCallStart, UsageReport
from router.providers.json_values import as_object

if TYPE_CHECKING:
    from config.errors import ClientFacingError
    from config.types import Json, Usage
    from proxy.sinks.openai_delta import Reasoning
    from router.events import Completion, Dialect, Event, Frame
    from router.providers.base import ChatRequest

DONE: Final = b"data: [DONE]\n\n"
_ENCODER: Final = msgspec.json.Encoder()


class OpenAIChatSink:
    """Answers one Chat Completions request; `created` (Unix seconds) stands where an upstream tells no time."""

    dialect: Dialect = "openai"
    content_type_stream = "text/event-stream; charset=utf-8"
    keepalive = b": keep-alive\n\n"

    def __init__(self, request: ChatRequest, *, reasoning: Reasoning, created: int) -> None:
        self._reasoning: Reasoning = reasoning
        self._include_usage = request.include_usage
        self._custom_as_function = request.original is not None
        """Clients that spoke another shape know function calls only; others get what the upstream said."""
        self._forwards_all = reasoning == "reasoning_content" and not self._custom_as_function
        self._rendering = False
        self._choices: dict[int, ChoiceDeltas] = {}
        self._usage: Usage | None = None
        self._start = MessageStart(f"chatcmpl-{request.id}", str(request.body.get("model") or ""), created)
        self._begin(self._start)

    def served(self, model: str) -> None:
        """Take no note: the upstream's own name for the model is what OpenAI clients expect."""

    def stream_frame(self, frame: Frame, *, source: Dialect) -> bytes:
        """Return the upstream's bytes, or chunks rendered from the events."""
        for event in frame.events:
            if type(event) is TextDelta:
                continue
            if isinstance(event, UsageReport):
                self._usage = event.usage
            elif isinstance(event, MessageStart):
                self._begin(event)
        if source == self.dialect and (self._forwards_all or self._may_forward(frame)):
            return frame.raw
        return b"".join(map(self._render, frame.events))

    def end(self) -> bytes:
        """Return the usage chunk for a client that asked for it, and the end mark."""
        if not self._include_usage or self._usage is None:
            return DONE
        return self._chunk([], usage=usage_object(self._usage)) + DONE

    def error(self, error: ClientFacingError) -> bytes:
        """Return the error as an event, and the end mark; SDKs raise at the event."""
        return b"data: " + error_body(error) + b"\n\n" + DONE

    def plain(self, completion: Completion, *, source: Dialect) -> bytes:
        """Return a `chat.completion`; the upstream's own bytes where it speaks OpenAI and nothing is to be changed."""
        if source == self.dialect:
            counted = _counted_here(completion)
            is_changed = not self._forwards_all and any(map(self._is_changed, completion.events))
            if not is_changed and counted is None:
                return completion.raw
            answer = as_object(msgspec.json.decode(completion.raw))
            if answer is not None:
                answer = rewrite(answer, reasoning=self._reasoning) if is_changed else answer
                return _ENCODER.encode(answer if counted is None else {**answer, "usage": usage_object(counted)})
        gathered = gather(completion.events)
        if gathered.start is not None:
            self._begin(gathered.start)
        choices = sorted(gathered.choices.items())
        body: Json = {
            **self._head,
            "object": "chat.completion",
            "choices": [
                choice_object(index, choice, reasoning=self._reasoning, custom_as_function=self._custom_as_function)
                for index, choice in choices
            ],
        }
        if gathered.usage is not None:
            body["usage"] = usage_object(gathered.usage)
        return _ENCODER.encode(body)

    def _begin(self, start: MessageStart) -> None:
        known = self._start
        self._start = MessageStart(start.id or known.id, start.model or known.model, start.created or known.created)
        self._head: Json = {
            "id": self._start.id,
            "object": "chat.completion.chunk",
            "created": self._start.created,
            "model": self._start.model,
        }

    def _may_forward(self, frame: Frame) -> bool:
        """Return whether the upstream's own bytes will do: until the first thing that this client reads otherwise."""
        self._rendering = self._rendering or any(map(self._is_changed, frame.events))
        if not self._rendering and frame.raw:
            self._choice(0).forwarded()
            for event in frame.events:
                if not isinstance(event, MessageStart | UsageReport):
                    self._choice(event.choice).forwarded()
        return not self._rendering

    def _is_changed(self, event: Event) -> bool:
        if isinstance(event, ReasoningDelta):
            return self._reasoning != "reasoning_content"
        return self._custom_as_function and isinstance(event, ToolCallStart) and event.kind == "custom"

    def _render(self, event: Event) -> bytes:
        if isinstance(event, MessageStart | UsageReport):
            return b""
        deltas = self._choice(event.choice).feed(event)
        return b"".join([self._chunk([{"index": event.choice, **delta}]) for delta in deltas])

    def _choice(self, index: int) -> ChoiceDeltas:
        known = self._choices.get(index)
        if known is None:
            known = self._choices[index] = ChoiceDeltas(self._reasoning)
        return known

    def _chunk(self, choices: list[Json], *, usage: Json | None = None) -> bytes:
        chunk: Json = {**self._head, "choices": choices}
        if self._include_usage:
            chunk["usage"] = usage
        return b"data: " + _ENCODER.encode(chunk) + b"\n\n"


def _counted_here(completion: Completion) -> Usage | None:
    """Return the counts that stand in for those an upstream did not tell, `None` where it told its own."""
    usages = [event.usage for event in completion.events if isinstance(event, UsageReport)]
    return usages[-1] if usages and usages[-1].source == "estimated" else None
