"""A client's chat body for an OpenAI-compatible upstream: copied, not rebuilt; only its deviations change it.

Unknown fields survive. What must be left out is named in a warning. Messages are `openai_messages.py`'s.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from router.providers.anthropic_losses import name_lost as name_lost_of_anthropic
from router.providers.chat_body import read_tools
from router.providers.chat_losses import printable
from router.providers.json_values import as_list, as_number, as_object, as_text
from router.providers.openai_messages import MessagePlan, name_lost, rewrite_messages

if TYPE_CHECKING:
    from collections.abc import Callable

    from config.types import Json
    from router.providers.base import ChatRequest, Target
    from router.reasoning_store import ReasoningStore

NEVER_FORWARDED: Final = frozenset({
    "api_base",
    "base_url",
    "api_key",
    "api_version",
    "extra_headers",
    "extra_query",
    "custom_llm_provider",
    "routing_rules",
})  # fmt: skip
"""Fields that steer us or other gateways: a client's destination or key must never reach the wire."""

_LIMITS: Final = ("max_completion_tokens", "max_tokens")


def build_chat_body(request: ChatRequest, target: Target, store: ReasoningStore) -> tuple[Json, tuple[str, ...]]:
    """Return the body for this deployment and what had to be left out of it.

    Raises `InvalidRequestError` for an Anthropic client's tool that only Anthropic runs, as all other dialects do.
    """
    body = {**target.options, **copy_body(request, target)}
    warnings: list[str] = []
    if request.dialect == "anthropic" and request.original is not None:
        warnings += name_lost_of_anthropic(request.original, "Chat Completions")
        read_tools(body)
    warnings += _set_stream(body, stream=request.stream, quirks=target.quirks)
    warnings += _name_lost_choice(body)
    custom = _shape_tools(body, target.quirks)
    for quirk, apply in _QUIRKS.items():
        if quirk in target.quirks:
            apply(body, warnings)
    _lower_limits(body, target.max_output_tokens, warnings)
    plan = MessagePlan(
        custom_tools=custom,
        wraps_custom_tools="no_custom_tools" in target.quirks,
        developer_is_system="no_developer_role" in target.quirks,
        wants_reasoning="reasoning_content_required" in target.quirks,
        provider=target.provider,
        from_anthropic=request.dialect == "anthropic",
    )
    if "messages" in body:
        messages = as_list(body["messages"])
        warnings += name_lost(messages)
        body["messages"] = rewrite_messages(messages, plan, store)
    return body, tuple(dict.fromkeys(warnings))


def copy_body(request: ChatRequest, target: Target) -> Json:
    """Return a shallow copy of the client's body with the upstream's model and without what is ours."""
    body = {key: value for key, value in request.body.items() if key not in NEVER_FORWARDED}
    body["model"] = target.upstream_model
    return body


def custom_tool_names(body: Json) -> frozenset[str]:
    """Return the names of the free-form tools of a request."""
    names = (_tool_name(tool) for item in as_list(body.get("tools")) if (tool := as_object(item)) and _is_custom(tool))
    return frozenset(name for name in names if name)


def _set_stream(body: Json, *, stream: bool, quirks: frozenset[str]) -> list[str]:
    """Ask for a stream with its usage; return what of the client's options is lost."""
    if not stream:
        if "stream" in body:
            body["stream"] = False
        body.pop("stream_options", None)  # OpenAI refuses it without `stream`
        return []
    body["stream"] = True
    options = as_object(body.pop("stream_options", None)) or {}
    if "no_stream_options" not in quirks:
        body["stream_options"] = {**options, "include_usage": True}
        return []
    lost = [name for name, value in options.items() if name != "include_usage" and value]
    return [f"stream_options.{printable(name)} dropped: the upstream does not take it" for name in lost]


def _name_lost_choice(body: Json) -> list[str]:
    """Empty tools go with what refers to them; that a call was wanted all the same must not vanish with it."""
    if body.get("tools") != [] or body.get("tool_choice") in (None, "auto", "none"):
        return []
    return ["tool_choice dropped: there are no tools"]


def _shape_tools(body: Json, quirks: frozenset[str]) -> frozenset[str]:
    """Drop empty tools with what refers to them, nest flat ones, and return the names of free-form ones."""
    if "tools" not in body:
        return frozenset()
    tools = as_list(body["tools"])
    if not tools:
        for key in ("tools", "tool_choice", "parallel_tool_calls"):
            body.pop(key, None)
        return frozenset()
    custom = custom_tool_names(body)
    shape = _as_function if "no_custom_tools" in quirks else _nested
    body["tools"] = [shape(tool) if (tool := as_object(item)) else item for item in tools]
    choice = as_object(body.get("tool_choice"))
    if choice is not None and _is_custom(choice) and "no_custom_tools" in quirks:
        body["tool_choice"] = {"type": "function", "function": {"name": _tool_name(choice)}}
    return custom


def _as_function(tool: Json) -> Json:
    """A free-form tool as a function with one string, for upstreams that know JSON arguments only."""
    if not _is_custom(tool):
        return _nested(tool)
    read = read_tools({"tools": [tool]})[0]
    return {
        "type": "function",
        "function": {"name": read.name, "description": read.description, "parameters": read.parameters},
    }


def _nested(tool: Json) -> Json:
    """A tool with its fields under its kind: Responses-shaped clients send them flat."""
    kind = tool.get("type")
    if kind not in ("function", "custom") or kind in tool or "name" not in tool or "input_schema" in tool:
        return tool
    return {"type": kind, kind: {key: value for key, value in tool.items() if key != "type"}}


def _is_custom(tool: Json) -> bool:
    return tool.get("type") == "custom" and "input_schema" not in tool


def _tool_name(tool: Json) -> str:
    return as_text((as_object(tool.get("custom")) or tool).get("name")) or ""


def _use_max_completion_tokens(body: Json, warnings: list[str]) -> None:
    """Reasoning models of OpenAI refuse `max_tokens` and every sampling but the default."""
    if "max_tokens" in body:
        limit = body.pop("max_tokens")
        if body.get("max_completion_tokens") is None:
            body["max_completion_tokens"] = limit
        elif limit not in (None, body["max_completion_tokens"]):
            warnings.append("max_tokens dropped: max_completion_tokens stands beside it")
    for name in ("temperature", "top_p"):
        value = body.get(name)
        if value is not None and value != 1:
            del body[name]
            warnings.append(f"{name} dropped: the model takes only its default")


def _without_reasoning(body: Json, warnings: list[str]) -> None:
    functions = any((as_object(tool) or {}).get("type") == "function" for tool in as_list(body.get("tools")))
    if functions and body.get("reasoning_effort") != "none":
        if "reasoning_effort" in body:
            warnings.append("reasoning_effort set to none: the model does not reason with function tools here")
        body["reasoning_effort"] = "none"


def _without_parallel_tool_calls(body: Json, warnings: list[str]) -> None:
    if body.pop("parallel_tool_calls", None) is False:
        warnings.append("parallel_tool_calls dropped: the upstream does not take it")


def _without_top_k(body: Json, warnings: list[str]) -> None:
    if body.pop("top_k", None) is not None:
        warnings.append("top_k dropped: the upstream does not take it")


_QUIRKS: Final[dict[str, Callable[[Json, list[str]], None]]] = {
    "max_completion_tokens": _use_max_completion_tokens,
    "no_reasoning_with_tools": _without_reasoning,
    "no_parallel_tool_calls": _without_parallel_tool_calls,
    "no_top_k": _without_top_k,
}


def _lower_limits(body: Json, most: int | None, warnings: list[str]) -> None:
    """After a failover a limit meant for another model may be more than this one gives; that would be refused."""
    for name in _LIMITS:
        limit = as_number(body.get(name))
        if most is not None and limit is not None and limit > most:
            body[name] = most
            warnings.append(f"{name} lowered to {most}: the model gives no more")
