"""Plain answers as OpenAI's `chat.completion`: built from events, or an upstream's own with a field changed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from proxy.sinks.openai_delta import THINK_CLOSE, THINK_OPEN, call_object, custom_call_object
from router.providers.json_values import as_object, as_objects, as_text

if TYPE_CHECKING:
    from config.types import Json
    from proxy.sinks.gather import GatheredChoice
    from proxy.sinks.openai_delta import Reasoning

_REASONING_FIELDS = ("reasoning_content", "reasoning", "reasoning_details", "thinking_blocks")


def choice_object(index: int, choice: GatheredChoice, *, reasoning: Reasoning, custom_as_function: bool) -> Json:
    """Return one entry of `choices`; a free-form call has OpenAI's own shape unless the client knows functions only."""
    calls = [
        call_object(call.start, call.arguments)
        if custom_as_function or call.start.kind != "custom"
        else custom_call_object(call.start, call.arguments)
        for call in choice.calls.values()
    ]
    refusal = "".join(choice.refusals) or None
    text = choice.text
    message: Json = {"role": "assistant", "content": text if text or not (calls or refusal) else None}
    message["refusal"] = refusal
    if calls:
        message["tool_calls"] = calls
    thoughts = "".join(choice.reasoning)
    if reasoning == "reasoning_content":
        message.update({"reasoning_content": thoughts} if thoughts else {})
        message.update({"thinking_blocks": choice.blocks} if choice.blocks else {})
    elif reasoning == "think" and thoughts:
        message["content"] = f"{THINK_OPEN}{thoughts}{THINK_CLOSE}{text}"
    return {
        "index": index,
        "message": message,
        "logprobs": {"content": None, "refusal": None, **choice.logprobs} if choice.logprobs else None,
        "finish_reason": choice.finish or "stop",
    }


def rewrite(answer: Json, *, reasoning: Reasoning) -> Json:
    """Return an OpenAI upstream's answer with reasoning where the client wants it, and custom calls as functions."""
    choices = [_rewrite_choice(choice, reasoning) for choice in as_objects(answer.get("choices"))]
    return {**answer, "choices": choices}


def _rewrite_choice(choice: Json, reasoning: Reasoning) -> Json:
    message = as_object(choice.get("message"))
    if message is None:
        return choice
    if reasoning != "reasoning_content":
        thoughts = as_text(message.get("reasoning_content")) or as_text(message.get("reasoning"))
        message = {name: value for name, value in message.items() if name not in _REASONING_FIELDS}
        if reasoning == "think" and thoughts:
            message["content"] = f"{THINK_OPEN}{thoughts}{THINK_CLOSE}{as_text(message.get('content')) or ''}"
    calls = as_objects(message.get("tool_calls"))
    if any(call.get("type") == "custom" for call in calls):
        message = {**message, "tool_calls": [_as_function(call) for call in calls]}
    return {**choice, "message": message}


def _as_function(call: Json) -> Json:
    custom = as_object(call.get("custom"))
    if call.get("type") != "custom" or custom is None:
        return call
    rest = {name: value for name, value in call.items() if name != "custom"}
    return {
        **rest,
        "type": "function",
        "function": {"name": custom.get("name"), "arguments": custom.get("input") or ""},
    }
