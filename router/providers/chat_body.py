"""What upstreams of another dialect read of an OpenAI Chat Completions body: turns and tools.

Pure; the body is never changed. Legacy functions, flat (Responses-shaped) tools and Anthropic's tool blocks, which
Cursor sends on the chat path, all come out as the same values. The other fields are read by `chat_params.py`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

from config.errors import InvalidRequestError
from router.providers.custom_input import CUSTOM_SCHEMA
from router.providers.json_values import as_list, as_object, as_objects, as_text, encode

if TYPE_CHECKING:
    from collections.abc import Iterable

    from config.types import Json

Role = Literal["system", "user", "assistant", "tool"]
ToolKind = Literal["function", "custom"]

_ROLES: Final[dict[str, Role]] = {
    "system": "system",
    "developer": "system",
    "user": "user",
    "assistant": "assistant",
    "tool": "tool",
    "function": "tool",
}
_TEXT_TYPES = frozenset({"text", "input_text", "output_text", "refusal"})
_EMPTY_SCHEMA: Final[Json] = {"type": "object", "properties": {}}


@dataclass(frozen=True, slots=True)
class Call:
    """One tool call of an assistant turn; `arguments` is JSON text for functions, raw text for custom tools."""

    id: str
    name: str
    arguments: str
    kind: ToolKind = "function"


@dataclass(frozen=True, slots=True)
class Turn:
    """One message; `parts` are content parts with texts as `{"type": "text"}`, `message` is the client's own object."""

    role: Role
    parts: tuple[Json, ...]
    message: Json
    path: str
    """Where it stands in the body, such as `messages[3]`, for error messages."""
    calls: tuple[Call, ...] = ()
    tool_call_id: str = ""


@dataclass(frozen=True, slots=True)
class Tool:
    """One tool; `parameters` is always a JSON schema of an object."""

    name: str
    description: str
    parameters: Json
    kind: ToolKind = "function"
    declared: Json | None = None
    """The client's own object, for fields such as `cache_control`."""


@dataclass(frozen=True, slots=True)
class ToolChoice:
    """Whether a tool must be called; `name` only for `named`."""

    mode: Literal["auto", "none", "required", "named"]
    name: str = ""

    @property
    def forced(self) -> bool:
        """Whether the answer must be a tool call."""
        return self.mode in ("required", "named")


def read_turns(body: Json) -> list[Turn]:
    """Return the conversation in order. Raises `InvalidRequestError` for messages that are none."""
    messages = body.get("messages")
    if not isinstance(messages, list) or not messages:
        raise InvalidRequestError("`messages` must be a list with at least one message.", param="messages")
    turns: list[Turn] = []
    for position, item in enumerate(as_list(body["messages"])):
        path = f"messages[{position}]"
        message = as_object(item)
        role = _ROLES.get(str(message.get("role"))) if message is not None else None
        if message is None or role is None:
            raise InvalidRequestError(f"`{path}` must be an object with a known `role`.", param=path)
        turns.extend(_read_turn(message, role, path, turns))
    return turns


def _read_turn(message: Json, role: Role, path: str, before: list[Turn]) -> Iterable[Turn]:
    parts = _read_parts(message, path)
    if role == "assistant":
        plain = tuple(part for part in parts if part.get("type") != "tool_use")
        yield Turn(role, plain, message, path, calls=tuple(_read_calls(message, parts, path)))
        return
    if role == "tool":
        answered = str(message.get("tool_call_id") or _last_call_id(before))
        if not answered:
            where = f"{path}.tool_call_id"
            raise InvalidRequestError(f"`{where}` is missing, and no call stands before it.", param=where)
        yield Turn(role, parts, message, path, tool_call_id=answered)
        return
    for part in parts:
        if part.get("type") == "tool_result":
            inner = _read_parts(part, path)
            yield Turn("tool", inner, part, path, tool_call_id=str(part.get("tool_use_id") or ""))
    rest = tuple(part for part in parts if part.get("type") != "tool_result")
    if rest or not parts:
        yield Turn(role, rest, message, path)


def _last_call_id(before: list[Turn]) -> str:
    """Legacy `function` messages carry no id: they answer the call before them."""
    return next((turn.calls[-1].id for turn in reversed(before) if turn.calls), "")


def _read_parts(message: Json, path: str) -> tuple[Json, ...]:
    content = message.get("content")
    if content in (None, ""):
        content = message.get("refusal") or ""
    if isinstance(content, str):
        return ({"type": "text", "text": content},) if content else ()
    if not isinstance(content, list):
        raise InvalidRequestError(f"`{path}.content` must be a string or a list of parts.", param=f"{path}.content")
    return tuple(_read_part(item, f"{path}.content[{n}]") for n, item in enumerate(as_list(message["content"])))


def _read_part(item: object, path: str) -> Json:
    if isinstance(item, str):
        return {"type": "text", "text": item}
    part = as_object(item)
    if part is None:
        raise InvalidRequestError(f"`{path}` must be an object.", param=path)
    if part.get("type") not in _TEXT_TYPES:
        return part
    text = part.get("text", part.get("refusal"))
    if not isinstance(text, str):
        raise InvalidRequestError(f"`{path}.text` must be a string.", param=f"{path}.text")
    return {**part, "type": "text", "text": text}


def _read_calls(message: Json, parts: tuple[Json, ...], path: str) -> Iterable[Call]:
    for n, call in enumerate(as_objects(message.get("tool_calls"))):
        kind: ToolKind = "custom" if call.get("type") == "custom" else "function"
        inner = as_object(call.get(kind)) or call
        given = inner.get("input" if kind == "custom" else "arguments")
        text = given if isinstance(given, str) else encode(given or {}).decode()
        name = _call_name(inner, f"{path}.tool_calls[{n}].{kind}.name")
        yield Call(str(call.get("id") or f"call_{path}_{n}"), name, text, kind)
    legacy = as_object(message.get("function_call"))
    if legacy is not None:
        name = _call_name(legacy, f"{path}.function_call.name")
        yield Call(f"call_{path}", name, str(legacy.get("arguments") or ""))
    for n, part in enumerate(parts):
        if part.get("type") == "tool_use":
            arguments = encode(part.get("input") or {}).decode()
            name = _call_name(part, f"{path}.content[{n}].name")
            yield Call(str(part.get("id") or f"call_{path}"), name, arguments)


def _call_name(call: Json, where: str) -> str:
    name = as_text(call.get("name"))
    if not name:
        raise InvalidRequestError(f"`{where}` must be the name of what was called.", param=where)
    return name


def read_tools(body: Json) -> tuple[Tool, ...]:
    """Return the tools. Raises `InvalidRequestError` for one without a name or of a type that only OpenAI runs."""
    tools = [_read_tool(tool, f"tools[{n}]") for n, tool in enumerate(as_objects(body.get("tools")))]
    if tools:
        return tuple(tools)
    legacy = as_objects(body.get("functions"))
    return tuple(_read_tool({"type": "function", "function": item}, f"functions[{n}]") for n, item in enumerate(legacy))


def _read_tool(tool: Json, path: str) -> Tool:
    kind = tool.get("type", "function")
    custom = kind == "custom" and "input_schema" not in tool
    if kind not in ("function", "custom"):
        message = f"`{path}.type` is {kind!r}, which the chosen model's provider cannot run."
        raise InvalidRequestError(message, param=f"{path}.type", code="unsupported_parameter")
    inner = as_object(tool.get("custom" if custom else "function")) or tool
    name = as_text(inner.get("name"))
    if not name:
        raise InvalidRequestError(f"`{path}` has no name.", param=path)
    description = as_text(inner.get("description")) or ""
    if custom:
        described = "\n\n".join(filter(None, (description, _describe_grammar(inner))))
        return Tool(name, described, CUSTOM_SCHEMA, "custom", declared=tool)
    schema = as_object(inner.get("parameters")) or as_object(inner.get("input_schema")) or _EMPTY_SCHEMA
    if "type" not in schema:
        schema = {**schema, "type": "object"}
    return Tool(name, description, schema, declared=tool)


def _describe_grammar(tool: Json) -> str:
    """A JSON-only upstream cannot enforce a grammar, but a model that reads it mostly keeps to it."""
    form = as_object(tool.get("format")) or {}
    grammar = as_object(form.get("grammar")) or form
    definition = as_text(grammar.get("definition"))
    if not definition:
        return ""
    return f"The input must match this {grammar.get('syntax') or 'lark'} grammar:\n{definition}"


def read_tool_choice(body: Json) -> ToolChoice:
    """Return the tool choice; legacy `function_call` and Anthropic's names are understood."""
    choice = body.get("tool_choice", body.get("function_call"))
    fields = as_object(choice)
    if fields is None:
        modes: dict[object, Literal["auto", "none", "required"]] = {
            None: "auto", "auto": "auto", "none": "none", "required": "required", "any": "required",
        }  # fmt: skip
        if isinstance(choice, list) or choice not in modes:
            raise InvalidRequestError("`tool_choice` must be auto, none, required or an object.", param="tool_choice")
        return ToolChoice(modes[choice])
    inner = next((found for key in ("function", "custom") if (found := as_object(fields.get(key)))), fields)
    name = as_text(inner.get("name"))
    if name:
        return ToolChoice("named", name)
    allowed = as_object(fields.get("allowed_tools")) or fields
    wants = allowed.get("mode", fields.get("type"))
    return ToolChoice("none" if wants == "none" else "required" if wants in ("required", "any") else "auto")
