"""An OpenAI Chat Completions body as a body of Ollama's native `/api/chat`; pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from config.errors import InvalidRequestError
from router.providers.anthropic_losses import name_lost
from router.providers.chat_body import ToolChoice, read_tool_choice, read_tools, read_turns
from router.providers.chat_losses import Slots, name_dropped
from router.providers.chat_params import (
    read_effort,
    read_max_tokens,
    read_number,
    read_output_format,
    read_stops,
    refuse_unsupported,
)
from router.providers.ollama_messages import build_messages, build_tool
from router.providers.ollama_window import Window, choose_window

if TYPE_CHECKING:
    from config.types import Json
    from router.providers.base import ChatRequest, Target
    from router.reasoning_store import ReasoningStore

_NAME: Final = "Ollama"
_NUMBERS: Final = (
    "temperature", "top_p", "top_k", "min_p", "seed", "frequency_penalty", "presence_penalty", "repeat_penalty"
)  # fmt: skip
_READ: Final = frozenset(
    {
        "model", "messages", "stream", "stream_options", "max_tokens", "max_completion_tokens", "stop", "tools",
        "tool_choice", "functions", "function_call", "response_format", "reasoning_effort", "reasoning", *_NUMBERS,
    }
)  # fmt: skip
_SLOTS: Final = Slots(
    _NAME,
    _READ,
    # A format is kept by a grammar: what asks for strictness gets it.
    frozenset({"response_format.json_schema.strict"}),
)
_TOP_LEVEL: Final = ("keep_alive", "think")
"""Deployment options that stand beside `options`, not in it."""
_LEVELS: Final = {"minimal": "low", "low": "low", "medium": "medium", "high": "high", "xhigh": "high", "max": "high"}


@dataclass(frozen=True, slots=True)
class OllamaBody:
    """What is sent, the window it was sized for, and what was left out."""

    body: Json
    window: Window
    warnings: tuple[str, ...]


def translate(request: ChatRequest, target: Target, store: ReasoningStore) -> OllamaBody:
    """Return the native body. Raises `InvalidRequestError` for what Ollama has no way to say."""
    body = request.body
    refuse_unsupported(body, _NAME)
    messages = build_messages(read_turns(body), store)
    tools, warnings = _tools(body)
    max_tokens, lowered = _max_tokens(body, target)
    window = choose_window(messages, tools, target, max_tokens=max_tokens)
    think, thoughts = _think(body, target)
    result: Json = {
        "model": target.upstream_model,
        "messages": messages,
        "stream": request.stream,
        # Without these a prompt or an answer beyond the window would lose its oldest part in silence.
        "truncate": False,
        "shift": False,
        "options": {**_options(body, target, max_tokens), "num_ctx": window.num_ctx},
        "tools": tools or None,
        "format": _format(body),
        "keep_alive": target.options.get("keep_alive"),
        "think": target.options.get("think") if think is None else think,
    }
    dropped = name_dropped(body, _SLOTS)
    if request.dialect == "anthropic" and request.original is not None:
        dropped = [*dict.fromkeys((*name_lost(request.original, _NAME), *dropped))]
    present = {key: value for key, value in result.items() if value is not None}
    return OllamaBody(present, window, (*dropped, *warnings, *lowered, *thoughts))


def _tools(body: Json) -> tuple[list[Json], list[str]]:
    """Ollama knows no tool choice: `none` hides the tools, a named one hides the others."""
    tools, choice = read_tools(body), read_tool_choice(body)
    if not tools:
        return [], []
    if choice.mode == "named":
        tools = tuple(tool for tool in tools if tool.name == choice.name) or tools
    return ([] if choice == ToolChoice("none") else [build_tool(tool) for tool in tools]), (
        [f"tool_choice weakened to auto: {_NAME} cannot force a call"] if choice.forced else []
    )


def _max_tokens(body: Json, target: Target) -> tuple[int | None, list[str]]:
    limit, most = read_max_tokens(body), target.max_output_tokens
    if limit is None or most is None or limit <= most:
        return limit, []
    return most, [f"max_tokens lowered to {most}: the model gives no more"]


def _options(body: Json, target: Target, max_tokens: int | None) -> Json:
    options: Json = {key: value for key, value in target.options.items() if key not in _TOP_LEVEL}
    options.update({name: value for name in _NUMBERS if (value := read_number(body, name)) is not None})
    if max_tokens is not None:
        options["num_predict"] = max_tokens
    if not isinstance(body.get("stop"), str | list | None):
        raise InvalidRequestError("`stop` must be a string or a list of strings.", param="stop")
    stops = read_stops(body)
    if stops:
        options["stop"] = stops
    return options


def _format(body: Json) -> object:
    wanted = read_output_format(body)
    if wanted is None:
        return None
    return wanted.schema or "json"


def _think(body: Json, target: Target) -> tuple[bool | str | None, list[str]]:
    """Only gpt-oss takes levels; other models take on or off, and some none at all."""
    effort = read_effort(body)
    if effort is None:
        return None, []
    if "no_thinking" in target.quirks:
        return None, [] if effort == "none" else ["reasoning_effort dropped: the model does not think"]
    if effort == "none":
        return False, []
    if "gpt-oss" in target.upstream_model.lower():
        return _LEVELS.get(effort, "medium"), []
    if effort == "medium":
        return True, []
    return True, [f"reasoning_effort weakened to on: {_NAME} has no levels for this model"]
