"""One whole chat completion: repaired where broken, untouched where clean, and turned into a chunk for its events."""

from __future__ import annotations

from typing import TYPE_CHECKING

from config.errors import UpstreamError
from router.failures import error_from_event
from router.providers.custom_input import CustomInputReader
from router.providers.json_values import as_list, as_object, as_objects, as_text
from router.providers.openai_calls import CallTracker
from router.providers.openai_choice import FAILED_REASONS, flatten_content, to_reason

if TYPE_CHECKING:
    from config.types import Json
    from router.providers.openai_choice import AnswerContext


def repair_completion(answer: Json, context: AnswerContext) -> Json:
    """Return the answer as it should have been; equal to `answer` where nothing was broken.

    Raises `UpstreamError` for an error told with 200, and for what is no completion.
    """
    if answer.get("error") or answer.get("object") == "error" or "choices" not in answer:
        if not any(answer.get(key) for key in ("error", "message", "detail", "msg")):
            raise UpstreamError("The upstream sent a completion without choices.", failure_class="transient")
        raise error_from_event(answer)
    fixed: Json = {**answer, "object": "chat.completion"}
    if not as_text(answer.get("id")):
        fixed["id"] = f"chatcmpl-{context.request_id}"
    if not as_text(answer.get("model")):
        fixed["model"] = context.model
    if not isinstance(answer.get("created"), int):
        fixed["created"] = context.created
    choices = as_objects(answer["choices"])
    fixed["choices"] = [_repair_choice(choice, n, context) for n, choice in enumerate(choices)]
    return fixed


def to_chunk(completion: Json) -> Json:
    """Return a repaired completion as the one chunk that would have streamed it."""
    choices: list[Json] = []
    for choice in as_objects(completion["choices"]):
        delta = dict(as_object(choice.get("message")) or {})
        calls = as_objects(delta.get("tool_calls"))
        if calls:
            delta["tool_calls"] = [{**call, "index": n} for n, call in enumerate(calls)]
        rest = {key: value for key, value in choice.items() if key != "message"}
        choices.append({**rest, "delta": delta})
    return {**completion, "object": "chat.completion.chunk", "choices": choices}


def _repair_choice(choice: Json, position: int, context: AnswerContext) -> Json:
    index = choice.get("index")
    number = index if isinstance(index, int) else position
    message = dict(as_object(choice.get("message")) or as_object(choice.get("delta")) or {})
    message["role"] = "assistant"
    flatten_content(message)
    message.setdefault("content", None)
    message.setdefault("refusal", None)
    calls = as_list(message.get("tool_calls"))
    if calls:
        message["tool_calls"] = _repair_calls(as_objects(calls), number, context)
    rest = {key: value for key, value in choice.items() if key != "delta"}
    return {**rest, "index": number, "message": message, "finish_reason": _repair_finish(choice, message)}


def _repair_finish(choice: Json, message: Json) -> object:
    """A whole body needs no finish to be known as whole, so a missing one may be filled in."""
    told = as_text(choice.get("finish_reason")) or "stop"
    if told in FAILED_REASONS or to_reason(told) != "stop":
        return told if told in FAILED_REASONS else to_reason(told)
    return "tool_calls" if message.get("tool_calls") else "function_call" if message.get("function_call") else "stop"


def _repair_calls(calls: list[Json], choice: int, context: AnswerContext) -> list[Json]:
    """Ids, types and string arguments for functions; free-form calls as the client declared them."""
    tracker = CallTracker(choice, wrapped_tools=frozenset(), new_id=context.new_id)
    fixed: list[Json] = []
    for n, call in enumerate(calls):
        custom = as_object(call.get("custom"))
        if custom is not None:
            fixed.append({**call, "id": as_text(call.get("id")) or context.new_id(), "type": "custom"})
            continue
        _, entry = tracker.feed({**call, "index": n})
        if "index" not in call:
            del entry["index"]
        function = as_object(entry["function"]) or {}
        if function.get("name") in context.wrapped_tools:
            entry = _unwrap(entry, function)
        fixed.append(entry)
    return fixed


def _unwrap(call: Json, function: Json) -> Json:
    """A call of a free-form tool that the upstream was given as a function."""
    reader = CustomInputReader()
    text = reader.feed(str(function["arguments"])) + reader.finish()
    rest = {key: value for key, value in call.items() if key != "function"}
    return {**rest, "type": "custom", "custom": {"name": function["name"], "input": text}}
