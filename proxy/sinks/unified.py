"""Our own `/api/chat` shape: the text, who said it, and what it took."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal

import msgspec

from proxy.error_responses import error_body
from proxy.sinks.gather import GatheredAnswer, gather
from proxy.sinks.openai_delta import call_object
from router.events import ReasoningDelta, RefusalDelta, TextDelta

if TYPE_CHECKING:
    from config.errors import ClientFacingError
    from config.types import Json, Usage
    from router.events import Completion, Dialect, Frame
    from router.providers.base import ChatRequest

DONE: Final = b"data: [DONE]\n\n"
_ENCODER: Final = msgspec.json.Encoder()


class UnifiedSink:
    """Answers one `/api/chat` request. Streamed: pieces as `delta`, then the whole footer, then `[DONE]`."""

    dialect: Dialect = "openai"
    content_type_stream = "text/event-stream; charset=utf-8"
    keepalive = b": keep-alive\n\n"

    def __init__(self, request: ChatRequest, *, reasoning: Literal["reasoning_content", "think", "hidden"]) -> None:
        self._id = request.id
        self._requested = str(request.body.get("model") or "auto")
        self._shows_reasoning = reasoning != "hidden"
        self._served: str | None = None
        self._gathered = GatheredAnswer()

    def served(self, model: str) -> None:
        """Remember who answers, for `_actual_model_used`."""
        self._served = model

    def stream_frame(self, frame: Frame, *, source: Dialect) -> bytes:
        """Return one event per piece of text or reasoning; calls come whole, in the footer."""
        del source
        parts: list[bytes] = []
        for event in frame.events:
            match event:
                case TextDelta(text=text, choice=0) | RefusalDelta(text=text, choice=0) if text:
                    parts.append(_sse({"id": self._id, "delta": text}))
                case ReasoningDelta(text=text, choice=0) if text:
                    if self._shows_reasoning:
                        parts.append(_sse({"id": self._id, "reasoning_delta": text}))
                case _:
                    pass
            self._gathered.add(event)
        return b"".join(parts)

    def end(self) -> bytes:
        """Return the footer and the end mark."""
        return _sse(self._answer(self._gathered)) + DONE

    def error(self, error: ClientFacingError) -> bytes:
        """Return the error as an event, and the end mark."""
        return b"data: " + error_body(error) + b"\n\n" + DONE

    def plain(self, completion: Completion, *, source: Dialect) -> bytes:
        """Return the whole answer."""
        del source
        return _ENCODER.encode(self._answer(gather(completion.events)))

    def _answer(self, gathered: GatheredAnswer) -> Json:
        choice = gathered.choices[0]
        model = gathered.start.model if gathered.start is not None else None
        answer: Json = {
            "id": self._id,
            "content": choice.text or "".join(choice.refusals),
            "model": self._requested,
            "_actual_model_used": self._served or model or self._requested,
            "usage": _usage_object(gathered.usage),
            "finish_reason": choice.finish or "stop",
            "decision_id": self._id,
        }
        reasoning = "".join(choice.reasoning)
        if reasoning and self._shows_reasoning:
            answer["reasoning"] = reasoning
        if choice.calls:
            answer["tool_calls"] = [call_object(call.start, call.arguments) for call in choice.calls.values()]
        return answer


def _usage_object(usage: Usage | None) -> Json | None:
    if usage is None:
        return None
    return {
        "prompt_tokens": usage.input_tokens,
        "completion_tokens": usage.output_tokens,
        "total_tokens": usage.input_tokens + usage.output_tokens,
        "estimated": usage.source == "estimated",
    }


def _sse(fields: Json) -> bytes:
    return b"data: " + _ENCODER.encode(fields) + b"\n\n"
