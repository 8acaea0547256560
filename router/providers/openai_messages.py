"""The conversation for an OpenAI-compatible upstream: what clients dropped is put back, what it refuses is reshaped.

A message that needs no change is passed on as the very same object.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from router.providers.custom_input import raw_input
from router.providers.json_values import as_list, as_object, as_objects, as_text, decode, encode
from router.reasoning_store import call_key

if TYPE_CHECKING:
    from config.types import Json
    from router.reasoning_store import ReasoningStore

_ANTHROPICS: Final = frozenset({"thinking_blocks", "is_error"})
"""Our own extensions of a message, for the provider that signed the one and has a place for the other."""


@dataclass(frozen=True, slots=True)
class MessagePlan:
    """What this upstream needs of the conversation."""

    custom_tools: frozenset[str]
    """Names of the request's free-form tools."""
    wraps_custom_tools: bool
    """The upstream knows functions only: raw input travels as `{"input": ".."}`."""
    developer_is_system: bool
    wants_reasoning: bool
    """`reasoning_content` must come back with tool calls (https://api-docs.deepseek.com/guides/thinking_mode)."""
    provider: str
    """What a provider wanted back goes to no other one."""
    from_anthropic: bool = False
    """The client spoke Anthropic's dialect: its `cache_control` marks mean nothing here, and strict servers refuse."""


def rewrite_messages(messages: list[object], plan: MessagePlan, store: ReasoningStore) -> list[object]:
    """Return the messages for this upstream."""
    return [
        item if (message := as_object(item)) is None else _rewrite_message(message, plan, store) for item in messages
    ]


def name_lost(messages: list[object]) -> list[str]:
    """Return a warning for each kind of thing in the messages that this upstream cannot be told."""
    lost: dict[str, None] = {}
    for message in as_objects(messages):
        if message.get("is_error"):
            lost["messages[].is_error"] = None
        blocks = as_objects(message.get("thinking_blocks"))
        if any(block.get("type") == "redacted_thinking" for block in blocks):
            lost["messages[].content[].redacted_thinking"] = None
        if any(block.get("thinking") for block in blocks) and not message.get("reasoning_content"):
            lost["messages[].thinking_blocks"] = None
    return [f"{path} dropped: Chat Completions has no such parameter" for path in lost]


def call_identity(call: Json) -> tuple[str, str, str]:
    """Return id, name and arguments (or raw input) of a tool call, however it is spelled."""
    inner = as_object(call.get("function")) or as_object(call.get("custom")) or {}
    given = inner.get("arguments", inner.get("input"))
    text = given if isinstance(given, str) else encode(given).decode() if given is not None else ""
    return as_text(call.get("id")) or "", as_text(inner.get("name")) or "", text


def _rewrite_message(message: Json, plan: MessagePlan, store: ReasoningStore) -> Json:
    if not _ANTHROPICS.isdisjoint(message):
        message = {key: value for key, value in message.items() if key not in _ANTHROPICS}
    if plan.from_anthropic and isinstance(message.get("content"), list):
        message = {**message, "content": [_without_cache_control(part) for part in as_list(message["content"])]}
    if message.get("role") == "developer" and plan.developer_is_system:
        return {**message, "role": "system"}
    calls = as_list(message.get("tool_calls"))
    if not calls:
        return message
    kept = [store.get(call_key(*call_identity(call))) if (call := as_object(item)) else None for item in calls]
    own = [value if value is not None and value.get("provider") == plan.provider else {} for value in kept]
    new_calls = [
        item if (call := as_object(item)) is None else _rewrite_call(call, value, plan)
        for item, value in zip(calls, own, strict=True)
    ]
    changed: Json = {}
    if any(new is not old for new, old in zip(new_calls, calls, strict=True)):
        changed["tool_calls"] = new_calls
    if plan.wants_reasoning and message.get("reasoning_content") is None:
        # A client that dropped it and a store that lost it leave nothing better than an empty one: without the
        # field the upstream refuses the whole conversation.
        changed["reasoning_content"] = next((v["reasoning_content"] for v in own if "reasoning_content" in v), "")
    return {**message, **changed} if changed else message


def _without_cache_control(part: object) -> object:
    fields = as_object(part)
    if fields is None or "cache_control" not in fields:
        return part
    return {key: value for key, value in fields.items() if key != "cache_control"}


def _rewrite_call(call: Json, kept: Json, plan: MessagePlan) -> Json:
    extra = kept.get("extra_content")
    if extra is not None and call.get("extra_content") is None:
        call = {**call, "extra_content": extra}
    _, name, text = call_identity(call)
    custom = call.get("type") == "custom"
    if plan.wraps_custom_tools and (custom or name in plan.custom_tools):
        arguments = text if not custom and _is_wrapped(text) else encode({"input": text}).decode()
        rest = {key: value for key, value in call.items() if key != "custom"}
        return {**rest, "type": "function", "function": {"name": name, "arguments": arguments}}
    if not custom and name in plan.custom_tools:
        # We answered a free-form call as a function with raw text, so it comes back like that.
        rest = {key: value for key, value in call.items() if key != "function"}
        return {**rest, "type": "custom", "custom": {"name": name, "input": _unwrapped(text)}}
    return call


def _is_wrapped(text: str) -> bool:
    try:
        fields = as_object(decode(text))
    except ValueError:
        return False
    return fields is not None and isinstance(fields.get("input"), str) and len(fields) == 1


def _unwrapped(text: str) -> str:
    return raw_input(decode(text)) if _is_wrapped(text) else text
