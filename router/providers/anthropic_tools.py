"""Tools, tool choice and JSON answers in Anthropic's words.

A JSON answer is had by a synthetic tool whose arguments are the answer; `OutputPlan` tells the reader of the answer
which call that is, and which tools are free-form. Both sides compute it from the same body, so nothing is carried.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from router.providers.chat_body import Tool, ToolChoice, read_tool_choice, read_tools
from router.providers.chat_params import OutputFormat, read_output_format
from router.providers.json_values import as_object

if TYPE_CHECKING:
    from collections.abc import Sequence

    from config.types import Json
    from router.providers.chat_body import Turn

_JSON_TOOL: Final = "respond_with_json"
_ANY_OBJECT: Final[Json] = {"type": "object", "properties": {}, "additionalProperties": True}
_NOT_AT_ROOT = frozenset({"oneOf", "anyOf", "allOf", "$ref"})
"""Anthropic refuses these at the top of an `input_schema`."""


@dataclass(frozen=True, slots=True)
class OutputPlan:
    """How calls of this request's answer are to be read back."""

    custom_tools: frozenset[str] = frozenset()
    json_tool: str | None = None
    """The synthetic tool whose arguments are the answer's content."""
    wrapped: bool = False
    """Whether the answer stands in the arguments' `value`, since its schema is not that of an object."""


def plan_output(body: Json, *, native_json: bool) -> OutputPlan:
    """Return how the answer to this OpenAI body is to be read; `native_json` where schemas need no tool."""
    tools = read_tools(body)
    custom = frozenset(tool.name for tool in tools if tool.kind == "custom")
    wanted = read_output_format(body)
    # A forced call of a real tool leaves no room for content, so there is nothing to shape.
    if wanted is None or (tools and read_tool_choice(body).forced):
        return OutputPlan(custom)
    if native_json and wanted.schema is not None:
        return OutputPlan(custom)
    name = _JSON_TOOL
    while any(tool.name == name for tool in tools):
        name += "_"
    return OutputPlan(custom, name, wrapped=_must_wrap(wanted.schema))


def build_tools(body: Json, turns: Sequence[Turn], plan: OutputPlan) -> list[Json]:
    """Return Anthropic's `tools`.

    Tools that only the history knows are declared too, since a history with calls needs tools.
    """
    tools = [_declare(tool) for tool in read_tools(body)]
    if not tools:
        called = dict.fromkeys(call.name for turn in turns for call in turn.calls)
        tools = [_declare(Tool(name, "", {"type": "object", "properties": {}})) for name in called]
    wanted = read_output_format(body)
    if plan.json_tool and wanted is not None:
        tools.append(_declare_json(plan, wanted))
    return tools


def build_tool_choice(body: Json, plan: OutputPlan, *, has_tools: bool) -> Json | None:
    """Return Anthropic's `tool_choice`, or `None` for its default."""
    if not has_tools:
        return None
    declared = read_tools(body)
    choice = read_tool_choice(body) if declared else ToolChoice("none")
    result = _choose(choice, plan)
    if body.get("parallel_tool_calls") is False and result["type"] != "none":
        result["disable_parallel_tool_use"] = True
    return None if result == {"type": "auto"} else result


def forces_tool(choice: Json | None) -> bool:
    """Return whether the answer must be a call, which Anthropic does not combine with thinking."""
    return choice is not None and choice["type"] in ("any", "tool")


def loosen(choice: Json) -> Json:
    """Return the choice without its force, for models that cannot stop thinking."""
    return {**{key: value for key, value in choice.items() if key != "name"}, "type": "auto"}


def _choose(choice: ToolChoice, plan: OutputPlan) -> Json:
    if plan.json_tool:
        return {"type": "tool", "name": plan.json_tool} if choice.mode == "none" else {"type": "any"}
    if choice.mode == "named":
        return {"type": "tool", "name": choice.name}
    return {"type": "any" if choice.mode == "required" else choice.mode}


def _declare(tool: Tool) -> Json:
    declared: Json = {"name": tool.name}
    if tool.description:
        declared["description"] = tool.description
    declared["input_schema"] = tool.parameters
    given = tool.declared or {}
    cache_control = given.get("cache_control") or (as_object(given.get("function")) or {}).get("cache_control")
    if cache_control is not None:
        declared["cache_control"] = cache_control
    return declared


def _declare_json(plan: OutputPlan, wanted: OutputFormat) -> Json:
    schema = wanted.schema or _ANY_OBJECT
    if plan.wrapped:
        definitions = {key: schema[key] for key in ("$defs", "definitions") if key in schema}
        schema = {"type": "object", "properties": {"value": schema}, "required": ["value"], **definitions}
    elif "type" not in schema:
        schema = {**schema, "type": "object"}
    purpose = "Gives the final answer to the user. The input itself is the answer, as JSON that follows the schema."
    description = f"{purpose}\n\n{wanted.description}" if wanted.description else purpose
    return {"name": plan.json_tool, "description": description, "input_schema": schema}


def _must_wrap(schema: Json | None) -> bool:
    if schema is None:
        return False
    return schema.get("type", "object") != "object" or bool(_NOT_AT_ROOT & schema.keys())
