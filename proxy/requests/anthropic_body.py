"""An Anthropic Messages body as a Chat Completions body; the body as it came goes to Anthropic's own upstreams."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from config.errors import InvalidRequestError
from proxy.requests.anthropic_messages import check_blocks, convert_message, system_messages
from proxy.requests.tools import choice_from_anthropic, nest_tool
from proxy.requests.validate import (
    CHAT_FIELDS,
    check_messages,
    check_model,
    check_number,
    check_object,
    check_objects,
    is_list,
    whole_number,
    wrong_type,
)
from router.providers.json_values import as_list, as_number, as_object, as_objects, as_text

if TYPE_CHECKING:
    from config.types import Json

_SAME: Final = ("model", "max_tokens", "temperature", "top_p", "top_k", "stream")
_CHECKED: Final = ("stream", "temperature", "top_p", "metadata", "tools")
_MARKS: Final = frozenset({"cache_control", "citations"})
"""Keys of blocks that strict servers of other dialects refuse; `router/providers/anthropic_losses.py` names them."""
_BUDGETS: Final = ((2048, "low"), (8192, "medium"))
"""Largest thinking budgets, in tokens, that still count as an effort; beyond the last it is `high`."""


def check_messages_body(body: Json) -> None:
    """Raise `InvalidRequestError` for the first field of a Messages body that is missing or has a wrong type."""
    check_counted_body(body)
    if body.get("max_tokens") is None:
        raise InvalidRequestError("max_tokens: Field required", param="max_tokens", code="missing_required_parameter")


def check_counted_body(body: Json) -> None:
    """Raise `InvalidRequestError` as `check_messages_body` does, but for a body whose tokens are only counted.

    Nothing is written for it, so `max_tokens` may be missing: Anthropic's SDK has no such parameter there.
    """
    check_model(body.get("model"))
    check_messages(body.get("messages"))
    check_blocks(body["messages"])
    if body.get("max_tokens") is not None:
        whole_number(1)(body["max_tokens"], "max_tokens")
    for name in _CHECKED:
        if body.get(name) is not None:
            CHAT_FIELDS[name](body[name], name)
    if body.get("top_k") is not None:
        check_number(body["top_k"], "top_k")
    for name in ("tool_choice", "thinking"):
        if body.get(name) is not None:
            check_object(body[name], name)
    stops = body.get("stop_sequences")
    if stops is not None and not (is_list(stops) and all(isinstance(each, str) for each in stops)):
        raise wrong_type(stops, "stop_sequences", "an array of strings")
    system = body.get("system")
    if system is not None and not isinstance(system, str):
        check_objects(system, "system")


def to_chat(body: Json) -> Json:
    """Return the Chat Completions body for upstreams of other dialects; nothing in it is Anthropic's alone.

    Tools that only Anthropic runs stay as they are, so that another dialect refuses them instead of losing them.
    """
    system = body.get("system")
    messages = system_messages(system if isinstance(system, str) else [*map(_without_mark, as_objects(system))])
    for message in as_objects(body.get("messages")):
        messages.extend(convert_message(_without_marks(message)))
    chat: Json = {name: body[name] for name in _SAME if body.get(name) is not None}
    chat["messages"] = [_without_marks(message) for message in messages]
    stops = [stop for stop in as_list(body.get("stop_sequences")) if isinstance(stop, str) and stop.strip()]
    user = as_text((as_object(body.get("metadata")) or {}).get("user_id"))
    chat.update({"stop": stops} if stops else {})
    chat.update({"user": user} if user else {})
    return {**chat, **_tools(body), **_thinking(body), **_format(body)}


def _tools(body: Json) -> Json:
    tools = [_without_mark(nest_tool(tool)) for tool in as_objects(body.get("tools"))]
    choice = as_object(body.get("tool_choice"))
    if not tools or choice is None:
        return {"tools": tools} if tools else {}
    chosen, alone = choice_from_anthropic(choice)
    return {"tools": tools, "tool_choice": chosen, **({"parallel_tool_calls": False} if alone else {})}


def _thinking(body: Json) -> Json:
    thinking = as_object(body.get("thinking")) or {}
    effort = as_text((as_object(body.get("output_config")) or {}).get("effort"))
    if thinking.get("type") == "disabled" or not (thinking or effort):
        return {}
    if effort is None:
        budget = as_number(thinking.get("budget_tokens"))
        if budget is None:
            return {"reasoning_effort": "medium"}
        effort = next((name for most, name in _BUDGETS if budget <= most), "high")
    return {"reasoning_effort": effort}


def _format(body: Json) -> Json:
    form = as_object((as_object(body.get("output_config")) or {}).get("format")) or {}
    schema = as_object(form.get("schema"))
    if not form:
        return {}
    if form.get("type") != "json_schema":
        return {"response_format": form}  # for the provider to refuse
    wanted: Json = {"name": "answer"} if schema is None else {"name": "answer", "schema": schema}
    return {"response_format": {"type": "json_schema", "json_schema": wanted}}


def _without_marks(message: Json) -> Json:
    content = message.get("content")
    if not isinstance(content, list):
        return message
    return {**message, "content": [_without_mark(part) for part in as_objects(message["content"])]}


def _without_mark(item: Json) -> Json:
    return {name: value for name, value in item.items() if name not in _MARKS}
