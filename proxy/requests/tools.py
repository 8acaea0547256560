"""Tools and tool choices of other dialects as Chat Completions has them: nested under their type."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from router.providers.json_values import as_object, as_objects, as_text

if TYPE_CHECKING:
    from config.types import Json

_FLAT_FIELDS: Final = ("name", "description", "parameters", "strict")


def nest_tool(tool: Json) -> Json:
    """Return a flat (Responses) or Anthropic tool as a nested one; a nested or unknown one as it is."""
    kind = tool.get("type", "function")
    if "input_schema" in tool and kind in ("function", "custom"):
        return _from_anthropic(tool)
    if as_text(tool.get("name")) is None or kind in tool:
        return tool
    if kind == "function":
        inner = {name: tool[name] for name in _FLAT_FIELDS if tool.get(name) is not None}
        return {"type": "function", "function": inner, **_beside(tool, _FLAT_FIELDS)}
    if kind == "custom":
        inner = {name: tool[name] for name in ("name", "description") if tool.get(name) is not None}
        form = as_object(tool.get("format"))
        nested = inner if form is None else {**inner, "format": _nest_format(form)}
        return {"type": "custom", "custom": nested, **_beside(tool, ("name", "description", "format"))}
    return tool


def nest_choice(choice: object) -> object:
    """Return a flat (Responses) tool choice as a nested one; anything else as it is."""
    fields = as_object(choice)
    if fields is None:
        return choice
    kind, name = fields.get("type"), as_text(fields.get("name"))
    if kind in ("function", "custom") and name is not None and kind not in fields:
        return {"type": kind, kind: {"name": name}}
    if kind == "allowed_tools" and "allowed_tools" not in fields:
        tools = [nest_choice(tool) for tool in as_objects(fields.get("tools"))]
        return {"type": kind, "allowed_tools": {"mode": fields.get("mode", "auto"), "tools": tools}}
    return choice


def choice_from_anthropic(choice: Json) -> tuple[object, bool]:
    """Return the tool choice, and whether at most one call is allowed."""
    kinds: dict[object, object] = {"auto": "auto", "any": "required", "none": "none"}
    alone = choice.get("disable_parallel_tool_use") is True
    if choice.get("type") == "tool":
        return {"type": "function", "function": {"name": choice.get("name")}}, alone
    return kinds.get(choice.get("type"), choice), alone


def _from_anthropic(tool: Json) -> Json:
    function: Json = {name: tool[name] for name in ("name", "description", "strict") if tool.get(name) is not None}
    nested: Json = {"type": "function", "function": {**function, "parameters": tool["input_schema"]}}
    return {**nested, "cache_control": tool["cache_control"]} if tool.get("cache_control") else nested


def _beside(tool: Json, nested: tuple[str, ...]) -> Json:
    """What we do not know of a tool stays on it: it is for the provider to judge."""
    return {name: value for name, value in tool.items() if name not in ("type", *nested)}


def _nest_format(form: Json) -> Json:
    if form.get("type") != "grammar" or "grammar" in form:
        return form
    grammar = {name: form[name] for name in ("syntax", "definition") if name in form}
    return {"type": "grammar", "grammar": grammar}
