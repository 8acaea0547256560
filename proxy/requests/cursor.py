"""Recognises by shape what Cursor sends to the chat path, and returns the Chat Completions body that it means.

Cursor posts Responses bodies, bodies of Anthropic blocks, and chat bodies with habits of its own, all to
`/chat/completions`, and reads chat chunks back. A body without any of these marks comes back as the same object.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from proxy.requests.anthropic_messages import BLOCK_TYPES, check_blocks, convert_message, system_messages
from proxy.requests.responses_items import read_input
from proxy.requests.tools import choice_from_anthropic, nest_choice, nest_tool
from proxy.requests.validate import check_messages, check_objects, check_text
from router.providers.anthropic_losses import name_lost_blocks
from router.providers.chat_losses import printable, says_nothing
from router.providers.json_values import as_list, as_object, as_objects, as_text, encode

if TYPE_CHECKING:
    from config.types import Json

_RESPONSES_ONLY: Final = frozenset(
    {
        "include", "truncation", "previous_response_id", "max_tool_calls", "background", "conversation", "prompt",
        "context_management",
    }
)  # fmt: skip
"""Fields of Responses that Chat Completions does not have; naming one that says something gives a warning."""
_DEFAULTS: Final[dict[str, object]] = {"truncation": "disabled"}
_INSIDE: Final = (("reasoning", frozenset({"effort"})), ("text", frozenset({"format", "verbosity"})))
"""Fields of Responses of which a part is translated."""
_READ: Final = frozenset({"input", "instructions", "text", "max_output_tokens", "reasoning"})
_OPENROUTER: Final = frozenset({"max_tokens", "exclude", "enabled"})
"""Keys of OpenRouter's own `reasoning` object, which is left alone."""
_CHOICE: Final = frozenset({"type", "name", "disable_parallel_tool_use", "function", "custom", "allowed_tools"})
_TOOL_FIELDS: Final = ("tool_choice", "parallel_tool_calls")
_RUNNABLE: Final = frozenset({"function", "custom"})


@dataclass(frozen=True, slots=True)
class Normalised:
    """A Chat Completions body; `reshaped` when the client spoke another shape, `warnings` name what was lost."""

    body: Json
    reshaped: bool = False
    warnings: tuple[str, ...] = ()


def normalise(body: Json) -> Normalised:
    """Return what the body means. Raises `InvalidRequestError` for broken items of the other shapes."""
    if body.get("input") is not None and not body.get("messages"):
        return _from_responses(body)
    if _has_anthropic_blocks(body):
        return _from_anthropic(body)
    tidy = _tidy(body)
    return tidy if tidy.body is body else replace(tidy, reshaped=_has_flat_tools(body))


def _from_responses(body: Json) -> Normalised:
    conversation = read_input(body["input"])
    if body.get("instructions") is not None:
        check_text(body["instructions"], "instructions")
    instructions = as_text(body.get("instructions"))
    opening: list[Json] = [{"role": "system", "content": instructions}] if instructions else []
    chat: Json = {name: value for name, value in body.items() if name not in _READ | _RESPONSES_ONLY}
    chat["messages"] = [*opening, *conversation.messages]
    lost = [name for name in sorted(_RESPONSES_ONLY & body.keys()) if body[name] != _DEFAULTS.get(name)]
    lost = [name for name in lost if not says_nothing(body[name])]
    lost += [path for name, known in _INSIDE for path in _lost_inside(body, name, known)]
    lost += _outdone_effort(body)
    lost += _outdone("max_completion_tokens", body.get("max_completion_tokens"), body.get("max_output_tokens"))
    warnings = [_dropped(path) for path in (*lost, *conversation.lost)]
    warnings += [f"input items of type {printable(kind)} dropped" for kind in conversation.dropped]
    chat.update(_limits(body))
    chat.update(_text(body))
    chat.update(_effort(body))
    chat, dropped = _runnable(_tidy_tools(chat))
    return Normalised(chat, reshaped=True, warnings=(*warnings, *dropped))


def _lost_inside(body: Json, name: str, known: frozenset[str]) -> list[str]:
    fields = as_object(body.get(name)) or {}
    return [f"{name}.{key}" for key, value in fields.items() if key not in known and not says_nothing(value)]


def _outdone(name: str, given: object, read: object) -> list[str]:
    """Name a field beside which another spelling of the same wish stands, which is the one that is read."""
    return [name] if given and read and given != read else []


def _outdone_effort(body: Json) -> list[str]:
    effort = (as_object(body.get("reasoning")) or {}).get("effort")
    return _outdone("reasoning.effort", effort, body.get("reasoning_effort"))


def _dropped(path: str) -> str:
    return f"{printable(path)} dropped: chat completions have no such parameter"


def _limits(body: Json) -> Json:
    limit = body.get("max_output_tokens")
    wants = body.get("top_logprobs")
    found: Json = {} if limit is None else {"max_completion_tokens": limit}
    return {**found, "logprobs": True} if isinstance(wants, int) and wants > 0 else found


def _text(body: Json) -> Json:
    text = as_object(body.get("text")) or {}
    form = as_object(text.get("format")) or {}
    found: Json = {} if text.get("verbosity") is None else {"verbosity": text["verbosity"]}
    if form.get("type") == "json_object":
        found["response_format"] = {"type": "json_object"}
    elif form.get("type") == "json_schema":
        schema = {name: value for name, value in form.items() if name != "type" and value is not None}
        found["response_format"] = {"type": "json_schema", "json_schema": schema}
    elif form.get("type") not in (None, "text"):
        found["response_format"] = form  # for the provider to refuse
    return found


def _effort(body: Json) -> Json:
    effort = as_text((as_object(body.get("reasoning")) or {}).get("effort"))
    return {"reasoning_effort": effort} if effort and body.get("reasoning_effort") is None else {}


def _runnable(chat: Json) -> tuple[Json, list[str]]:
    """Leave out tools that only OpenAI's Responses run: web search and its like."""
    tools = as_objects(chat.get("tools"))
    kept = [tool for tool in tools if tool.get("type", "function") in _RUNNABLE]
    if len(kept) == len(tools):
        return chat, []
    lost = sorted({printable(str(tool.get("type"))) for tool in tools if tool.get("type") not in _RUNNABLE})
    return _tidy_tools({**chat, "tools": kept}), [f"tools of type {name} dropped" for name in lost]


def _has_anthropic_blocks(body: Json) -> bool:
    if body.get("system") is not None or any("input_schema" in tool for tool in as_objects(body.get("tools"))):
        return True
    return any(_is_block(part) for message in as_objects(body.get("messages")) for part in _parts(message))


def _parts(message: Json) -> list[object]:
    content = message.get("content")
    return as_list(message["content"]) if isinstance(content, list) else []


def _is_block(part: object) -> bool:
    fields = as_object(part)
    return fields is not None and fields.get("type") in BLOCK_TYPES


def _from_anthropic(body: Json) -> Normalised:
    check_messages(body.get("messages"))
    check_blocks(body["messages"])
    system = body.get("system")
    if system is not None and not isinstance(system, str):
        check_objects(system, "system")
    messages = [*system_messages(system)]
    for message in as_objects(body.get("messages")):
        messages.extend(convert_message(message))
    chat: Json = {name: value for name, value in body.items() if name not in ("system", "stop_sequences")}
    chat["messages"] = messages
    if body.get("stop_sequences") and not body.get("stop"):
        chat["stop"] = body["stop_sequences"]
    choice = as_object(body.get("tool_choice"))
    if choice is not None and choice.get("type") in ("auto", "any", "none", "tool"):
        chat["tool_choice"], alone = choice_from_anthropic(choice)
        chat.update({"parallel_tool_calls": False} if alone else {})
    tidy = _tidy(chat)
    lost = [*name_lost_blocks(body), *_lost_inside(body, "tool_choice", _CHOICE)]
    lost += _outdone("stop_sequences", body.get("stop_sequences"), body.get("stop"))
    return Normalised(tidy.body, reshaped=True, warnings=(*map(_dropped, lost), *tidy.warnings))


def _tidy(body: Json) -> Normalised:
    """Mend the habits of Cursor's older modes; a body without them comes back as the same object."""
    reasoning = as_object(body.get("reasoning"))
    lost: list[str] = []
    if reasoning is not None and not _OPENROUTER & reasoning.keys():
        lost = [*_lost_inside(body, "reasoning", frozenset({"effort"})), *_outdone_effort(body)]
        rest = {name: value for name, value in body.items() if name != "reasoning"}
        body = {**rest, **_effort(body)}
    if body.get("tools") == [] and body.get("tool_choice") not in (None, "auto", "none"):
        lost.append("tool_choice")
    return Normalised(_tidy_calls(_tidy_tools(body)), warnings=tuple(map(_dropped, lost)))


def _tidy_tools(body: Json) -> Json:
    if "tools" not in body:
        return body
    if body["tools"] in (None, []):  # `[]` is refused upstream, and so is a choice among nothing
        return {name: value for name, value in body.items() if name != "tools" and name not in _TOOL_FIELDS}
    check_objects(body["tools"], "tools")
    tools = as_objects(body["tools"])
    nested, choice = [nest_tool(tool) for tool in tools], nest_choice(body.get("tool_choice"))
    if choice is body.get("tool_choice") and all(new is old for new, old in zip(nested, tools, strict=True)):
        return body
    return {**body, "tools": nested} if "tool_choice" not in body else {**body, "tools": nested, "tool_choice": choice}


def _has_flat_tools(body: Json) -> bool:
    return any(nest_tool(tool) is not tool for tool in as_objects(body.get("tools")))


def _tidy_calls(body: Json) -> Json:
    """Drop the echoed `index` of streamed calls, and write arguments that came as objects as the text they must be."""
    messages = body.get("messages")
    if not isinstance(messages, list):
        return body
    items = as_list(body["messages"])
    tidied = [_tidy_message(item) for item in items]
    if all(new is old for new, old in zip(tidied, items, strict=True)):
        return body
    return {**body, "messages": tidied}


def _tidy_message(item: object) -> object:
    message = as_object(item)
    if message is None or not message.get("tool_calls"):
        return item
    calls = as_objects(message["tool_calls"])
    tidied = [_tidy_call(call) for call in calls]
    return (
        item if all(new is old for new, old in zip(tidied, calls, strict=True)) else {**message, "tool_calls": tidied}
    )


def _tidy_call(call: Json) -> Json:
    function = as_object(call.get("function"))
    arguments = function.get("arguments") if function is not None else None
    if function is not None and arguments is not None and not isinstance(arguments, str):
        call = {**call, "function": {**function, "arguments": encode(arguments).decode()}}
    return {name: value for name, value in call.items() if name != "index"} if "index" in call else call
