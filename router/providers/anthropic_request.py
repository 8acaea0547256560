"""An OpenAI Chat Completions body as an Anthropic Messages body; pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from config.errors import InvalidRequestError
from router.providers.anthropic_messages import (
    build_messages,
    build_system,
    end_with_user,
    has_padding,
    loses_end,
    name_lost_thinking,
    opens_with_thinking,
    tidy_last,
)
from router.providers.anthropic_models import traits_of
from router.providers.anthropic_parts import loses_filename
from router.providers.anthropic_schema import close_schema
from router.providers.anthropic_thinking import plan_thinking
from router.providers.anthropic_tools import (
    OutputPlan,
    build_tool_choice,
    build_tools,
    forces_tool,
    loosen,
    plan_output,
)
from router.providers.chat_body import read_turns
from router.providers.chat_losses import Slots, name_dropped
from router.providers.chat_params import read_number, read_output_format, read_stops, refuse_unsupported
from router.providers.json_values import as_object, as_objects, as_text

if TYPE_CHECKING:
    from config.types import Json
    from router.providers.anthropic_models import ClaudeTraits
    from router.providers.base import ChatRequest, Target
    from router.reasoning_store import ReasoningStore

_NAME: Final = "Anthropic"
_PASSED: Final = ("mcp_servers", "container", "context_management", "inference_geo", "speed")
"""Fields of Anthropic's own that a client may put into an OpenAI body; they go on as they are."""
_READ: Final = frozenset(
    {
        "model", "messages", "stream", "stream_options", "max_tokens", "max_completion_tokens", "temperature", "top_p",
        "top_k", "stop", "tools", "tool_choice", "functions", "function_call", "parallel_tool_calls",
        "response_format", "reasoning_effort", "reasoning", "thinking", "output_config", "user", "safety_identifier",
        "service_tier",
        *_PASSED,
    }
)  # fmt: skip
_DEEPER: Final = frozenset(
    {
        "messages[].cache_control", "messages[].is_error", "messages[].content[].cache_control",
        "messages[].content[].is_error", "messages[].content[].redacted_thinking", "messages[].content[].file.filename",
        "messages[].content[].filename", "tools[].cache_control", "tools[].function.cache_control",
        "response_format.json_schema.description",
    }
)  # fmt: skip
_NATIVE_JSON: Final = (_DEEPER - {"response_format.json_schema.description"}) | {"response_format.json_schema.strict"}
"""Where a schema needs no tool, it is kept strictly and has no description."""
_TIERS: Final = {"auto": "auto", "default": "standard_only", "standard_only": "standard_only"}


def plan_answer(request: ChatRequest, target: Target) -> OutputPlan:
    """Return how the answer to this request is to be read; an Anthropic client's own is not reshaped."""
    if request.dialect == "anthropic" and request.original is not None:
        return OutputPlan()
    return plan_output(request.body, native_json=traits_of(target).always_thinks)


def translate(request: ChatRequest, target: Target, store: ReasoningStore) -> tuple[Json, tuple[str, ...]]:
    """Return the Messages body and a warning for everything that was left out or changed.

    Raises `InvalidRequestError` for what Anthropic has no way to say.
    """
    body, traits = request.body, traits_of(target)
    refuse_unsupported(body, _NAME)
    turns, plan = read_turns(body), plan_answer(request, target)
    tools = build_tools(body, turns, plan)
    choice, weakened = _choice(body, plan, traits, has_tools=bool(tools))
    messages = build_messages(turns, store, model=target.upstream_model)
    thinking = plan_thinking(body, target, traits, obstacle=_obstacle(messages, choice))
    if not traits.continues_assistant:
        messages = end_with_user(messages)
    result: Json = {
        "model": target.upstream_model,
        "max_tokens": thinking.max_tokens,
        "system": build_system(turns),
        "messages": tidy_last(messages, thinking=thinking.on),
        "tools": tools,
        "tool_choice": choice,
        **thinking.fields,
    }
    if plan.json_tool is None and traits.always_thinks:
        _ask_for_json(body, result)
    samplers, lost = _samplers(body, traits, thinking=thinking.on)
    rest, more = _rest(body)
    result.update({**samplers, **rest, "stream": True if request.stream else None})
    present = {key: value for key, value in result.items() if value not in (None, [])}
    said = _warn(body, plan, result, has_padding=has_padding(messages))
    if loses_end(messages):
        said.append(f"messages[].content cut: {_NAME} takes no whitespace at the end of an assistant's last turn")
    unsigned = name_lost_thinking(turns, store, model=target.upstream_model)
    return present, (*said, *unsigned, *weakened, *thinking.warnings, *lost, *more)


def _warn(body: Json, plan: OutputPlan, result: Json, *, has_padding: bool) -> list[str]:
    wanted = read_output_format(body)
    native = "format" in (as_object(result.get("output_config")) or {})
    warnings = name_dropped(body, Slots(_NAME, _READ, _NATIVE_JSON if native else _DEEPER))
    if wanted is not None and plan.json_tool is None and not native:
        warnings.append("response_format dropped: a forced call of a tool leaves no room for it")
    parts = (part for message in as_objects(body.get("messages")) for part in as_objects(message.get("content")))
    if any(map(loses_filename, parts)):
        warnings.append(f"messages[].content[].file.filename dropped: pictures have none for {_NAME}")
    if has_padding:
        warnings.append(f"messages padded with a user's '.': {_NAME} wants a user's turn there")
    return warnings


def _choice(body: Json, plan: OutputPlan, traits: ClaudeTraits, *, has_tools: bool) -> tuple[Json | None, list[str]]:
    choice = build_tool_choice(body, plan, has_tools=has_tools)
    if choice is None or not forces_tool(choice) or not traits.always_thinks:
        return choice, []
    return loosen(choice), ["tool_choice weakened to auto: the model always thinks and takes no forced call"]


def _obstacle(messages: list[Json], choice: Json | None) -> str | None:
    if forces_tool(choice):
        return "a forced tool call or JSON answer excludes it"
    if not opens_with_thinking(messages):
        return "the pending tool calls were made without it"
    return None


def _ask_for_json(body: Json, result: Json) -> None:
    """Models that take no forced call have a native JSON answer instead, for schemas."""
    wanted = read_output_format(body)
    if wanted is None or wanted.schema is None:
        return
    config = as_object(result.get("output_config")) or {}
    result["output_config"] = {**config, "format": {"type": "json_schema", "schema": close_schema(wanted.schema)}}


def _samplers(body: Json, traits: ClaudeTraits, *, thinking: bool) -> tuple[Json, list[str]]:
    given = {
        name: number for name in ("temperature", "top_p", "top_k") if (number := read_number(body, name)) is not None
    }
    warnings: list[str] = []
    temperature = given.get("temperature")
    if temperature is not None and not 0 <= temperature <= 1:
        given["temperature"] = min(1, max(0, temperature))
        warnings.append(f"temperature clamped to {given['temperature']}: {_NAME} takes 0 to 1")
    reason = "the model takes none" if not traits.has_samplers else "thinking takes none" if thinking else ""
    if reason:
        neutral = {"temperature": 1, "top_p": 1}
        lost = [f"{name} dropped: {reason}" for name, value in given.items() if value != neutral.get(name)]
        return {}, [*warnings, *lost]
    if traits.one_sampler and {"temperature", "top_p"} <= given.keys() and given.pop("top_p") != 1:
        warnings.append("top_p dropped: the model takes it or temperature, not both")
    return dict(given), warnings


def _rest(body: Json) -> tuple[Json, list[str]]:
    result: Json = {name: body[name] for name in _PASSED if body.get(name) is not None}
    warnings: list[str] = []
    stops = [stop for stop in read_stops(body) if stop.strip()]
    if stops:
        result["stop_sequences"] = stops
    if len(stops) < len(read_stops(body)):
        warnings.append(f"stop: whitespace-only sequences dropped: {_NAME} refuses them")
    named = [name for name in ("safety_identifier", "user") if as_text(body.get(name))]
    if named:
        result["metadata"] = {"user_id": body[named[0]]}
    if len({body[name] for name in named}) > 1:
        warnings.append(f"user dropped: {_NAME} takes one identifier, and safety_identifier stands beside it")
    tier = body.get("service_tier")
    if isinstance(tier, str) and tier in _TIERS:
        result["service_tier"] = _TIERS[tier]
    elif tier is not None:
        warnings.append(f"service_tier dropped: {_NAME} has no such tier")
    if not isinstance(body.get("stop"), str | list | None):
        raise InvalidRequestError("`stop` must be a string or a list of strings.", param="stop")
    return result, warnings
