"""Nothing that a client says is lost in silence: for each dialect it arrives, is named in a warning, or is a 400."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from config.errors import InvalidRequestError
from router.providers.anthropic import AnthropicProvider
from router.providers.base import ChatRequest, Target
from router.providers.chat_losses import Slots, name_dropped
from router.providers.ollama import OllamaProvider
from router.providers.openai_compatible import OpenAICompatibleProvider
from router.reasoning_store import ReasoningStore
from tests.bodies import Path, is_named, paths, without

PNG = "data:image/png;base64,iVBO"
TEXT_FILE = "data:text/plain;base64,aGk="
SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}}
FUNCTION = {"name": "f", "description": "finds", "parameters": SCHEMA}
CALL = {"id": "call_1", "type": "function", "function": {"name": "f", "arguments": '{"city":"北京"}'}}

PROVIDERS = {
    "openai": (OpenAICompatibleProvider(ReasoningStore()), "gpt-5"),
    "openai and all quirks": (OpenAICompatibleProvider(ReasoningStore()), "gpt-5"),
    "anthropic": (AnthropicProvider(ReasoningStore(), clock=lambda: 0.0), "claude-sonnet-4-5"),
    "anthropic always thinking": (AnthropicProvider(ReasoningStore(), clock=lambda: 0.0), "claude-fable-5"),
    "ollama": (OllamaProvider(ReasoningStore(), clock=lambda: 0.0), "llama3.2"),
}
QUIRKS = {
    "openai and all quirks": frozenset(
        {
            "max_completion_tokens", "no_reasoning_with_tools", "no_stream_options", "no_custom_tools",
            "no_developer_role", "no_parallel_tool_calls", "no_top_k",
        }
    )
}  # fmt: skip


def prepared(dialect: str, body: dict[str, Any]) -> Any:
    provider, model = PROVIDERS[dialect]
    # A deployment that tells its own limit, as the shipped ones do: one that was filled in is named.
    limit = 64_000 if dialect.startswith("anthropic") else None
    quirks = QUIRKS.get(dialect, frozenset())
    target = Target("d", dialect, "https://up.test/v1", model, quirks=quirks, max_output_tokens=limit)
    return provider.prepare(ChatRequest(body, stream=body.get("stream") is True, id="x"), target)


def turn(**fields: Any) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": "hi", **fields}]}


def part(**fields: Any) -> dict[str, Any]:
    return turn(content=[{"type": "text", "text": "hi"}, fields])


def replied(**fields: Any) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": "hi"}, {"role": "assistant", **fields}, {"role": "user", "content": "on"}]}  # fmt: skip


def answered(**fields: Any) -> dict[str, Any]:
    turns = [{"role": "user", "content": "hi"}, {"role": "assistant", "content": None, "tool_calls": [CALL]}]
    return {"messages": [*turns, {"role": "tool", "tool_call_id": "call_1", "content": "sun", **fields}]}


def tool(**fields: Any) -> dict[str, Any]:
    return {"tools": [{"type": "function", "function": {**FUNCTION, **fields}}]}


def chooses(choice: object, **more: Any) -> dict[str, Any]:
    return {**tool(), "tool_choice": choice, **more}


def schema(**fields: Any) -> dict[str, Any]:
    return {"response_format": {"type": "json_schema", "json_schema": {"name": "a", "schema": SCHEMA, **fields}}}


WISHES: dict[str, dict[str, Any]] = {
    "audio": {"audio": {"voice": "ash", "format": "mp3"}},
    "frequency_penalty": {"frequency_penalty": 0.5},
    "function_call": {"functions": [FUNCTION], "function_call": {"name": "f"}},
    "functions": {"functions": [FUNCTION]},
    "functions beside tools": {**tool(), "functions": [{"name": "g"}]},
    "logit_bias": {"logit_bias": {"50256": -100}},
    "logprobs": {"logprobs": True},
    "max_completion_tokens": {"max_completion_tokens": 77},
    "max_tokens": {"max_tokens": 77},
    "max_tokens beside max_completion_tokens": {"max_tokens": 78, "max_completion_tokens": 77},
    "metadata": {"metadata": {"team": "a"}},
    "modalities": {"modalities": ["text", "audio"]},
    "n": {"n": 2},
    "parallel_tool_calls": {**tool(), "parallel_tool_calls": False},
    "prediction": {"prediction": {"type": "content", "content": "draft"}},
    "presence_penalty": {"presence_penalty": 0.5},
    "prompt_cache_key": {"prompt_cache_key": "k"},
    "prompt_cache_retention": {"prompt_cache_retention": "24h"},
    "reasoning_effort": {"reasoning_effort": "high"},
    "reasoning.effort": {"reasoning": {"effort": "high"}},
    "reasoning.effort beside reasoning_effort": {"reasoning": {"effort": "low"}, "reasoning_effort": "high"},
    "reasoning.exclude": {"reasoning": {"exclude": True}},
    "response_format json_object": {"response_format": {"type": "json_object"}},
    "response_format json_schema": schema(),
    "response_format strict": schema(strict=True),
    "response_format description": schema(description="a place"),
    "response_format without schema": {"response_format": {"type": "json_schema", "json_schema": {"name": "a"}}},
    "response_format of another type": {"response_format": {"type": "grammar"}},
    "response_format beside a forced call": chooses("required", response_format={"type": "json_object"}),
    "safety_identifier": {"safety_identifier": "u1"},
    "safety_identifier beside user": {"safety_identifier": "u1", "user": "u2"},
    "seed": {"seed": 7},
    "service_tier": {"service_tier": "priority"},
    "stop": {"stop": ["END"]},
    "stop of whitespace": {"stop": ["END", "\n"]},
    "store": {"store": True},
    "stream": {"stream": True},
    "stream_options.include_obfuscation": {"stream": True, "stream_options": {"include_obfuscation": True}},
    "temperature": {"temperature": 0.3},
    "temperature too high": {"temperature": 1.7},
    "thinking": {"thinking": {"type": "enabled", "budget_tokens": 2048}},
    "thinking beside reasoning_effort": {"thinking": {"type": "disabled"}, "reasoning_effort": "high"},
    "tool_choice": chooses("required"),
    "tool_choice named": chooses({"type": "function", "function": {"name": "f"}}),
    "tool_choice none": chooses("none"),
    "tool_choice allowed": chooses({"type": "allowed_tools", "allowed_tools": {"mode": "auto", "tools": []}}),
    "tool_choice without tools": {"tool_choice": "required"},
    "tool": tool(),
    "tool strict": tool(strict=True),
    "tool custom": {"tools": [{"type": "custom", "custom": {"name": "p", "description": "patches"}}]},
    "tool of another type": {"tools": [{"type": "web_search"}]},
    "top_k": {"top_k": 9},
    "top_logprobs": {"logprobs": True, "top_logprobs": 3},
    "top_p": {"top_p": 0.4},
    "user": {"user": "u1"},
    "verbosity": {"verbosity": "low"},
    "web_search_options": {"web_search_options": {"search_context_size": "low"}},
    "an unknown field": {"future": {"a": 1}},
    "message.name": turn(name="Ann"),
    "message.unknown": turn(future=1),
    "message.cache_control": turn(cache_control={"type": "ephemeral"}),
    "system.name": {"messages": [{"role": "system", "content": "be", "name": "Ann"}, *turn()["messages"]]},
    "developer": {"messages": [{"role": "developer", "content": "be brief"}, *turn()["messages"]]},
    "assistant.audio": replied(content="x", audio={"id": "audio_1"}),
    "assistant.name": replied(content="x", name="Ann"),
    "assistant.refusal": replied(content=None, refusal="never"),
    "assistant.refusal beside an empty text": replied(content="", refusal="never"),
    "assistant.refusal beside content": replied(content="x", refusal="never"),
    "assistant.annotations": replied(content="x", annotations=[{"type": "url_citation"}]),
    "assistant.reasoning_content": replied(content="x", reasoning_content="thought so"),
    "assistant.thinking_blocks": replied(content="x", thinking_blocks=[{"type": "thinking", "thinking": "mused"}]),
    "assistant.redacted": replied(content="x", thinking_blocks=[{"type": "redacted_thinking", "data": "ENC"}]),
    "assistant.function_call": replied(content=None, function_call={"name": "f", "arguments": '{"city":"x"}'}),
    "assistant.tool_calls": answered(),
    "assistant.tool_calls without a name": replied(content=None, tool_calls=[{}]),
    "tool.is_error": answered(is_error=True),
    "tool.unknown": answered(future=1),
    "part image": part(type="image_url", image_url={"url": PNG}),
    "part image.detail": part(type="image_url", image_url={"url": PNG, "detail": "high"}),
    "part image of an address": part(type="image_url", image_url={"url": "https://x.test/a.png"}),
    "part input_audio": part(type="input_audio", input_audio={"data": "AA", "format": "wav"}),
    "part file": part(type="file", file={"file_data": TEXT_FILE}),
    "part file.filename": part(type="file", file={"file_data": TEXT_FILE, "filename": "a.txt"}),
    "part file of a picture": part(type="file", file={"file_data": PNG, "filename": "a.png"}),
    "part file.file_id": part(type="file", file={"file_id": "file-1"}),
    "part cache_control": turn(content=[{"type": "text", "text": "hi", "cache_control": {"type": "ephemeral"}}]),
    "part citations": turn(content=[{"type": "text", "text": "hi", "citations": [{"type": "char_location"}]}]),
    "part of another type": part(type="video_url", video_url={"url": "u"}),
}
"""One wish each: every documented field of Chat Completions and of its messages and parts, and what clients add."""

EVERYDAY = {"model": "auto", "messages": [{"role": "system", "content": "be"}, {"role": "user", "content": "hi"}]}


def told(dialect: str, body: dict[str, Any]) -> tuple[Any, tuple[str, ...]] | None:
    """What goes upstream and what is named as lost; `None` for a 400, which must name its field."""
    try:
        sent = prepared(dialect, body)
    except InvalidRequestError as error:
        if not error.param:
            raise
        return None
    return json.loads(sent.body), sent.warnings


LOST_WITHOUT_LOSS = (
    # Kinds of tools and calls have a default, and kinds of parts are told by what stands in them.
    ("*", "*", "type"),
    # The one call before it is the one that is answered.
    ("*", "*", "tool_call_id"),
    # A label that changes nothing.
    ("*", "response_format", "name"),
    # Ollama's grammar and Claude's native answers are always strict.
    ("ollama", "response_format", "strict"),
    ("anthropic always thinking", "response_format", "strict"),
    # No call is wanted, and Ollama can say that only by hiding the tools.
    ("ollama none", "tools", "*"),
    # Reasoning of another's: opaque, and named as a block.
    ("*", "messages", "data"),
)


def is_excused(dialect: str, wish: dict[str, Any], path: Path) -> bool:
    told_as = f"{dialect} none" if wish.get("tool_choice") == "none" else dialect
    return any(
        who in ("*", dialect, told_as) and first in ("*", path[0]) and last in ("*", path[-1])
        for who, first, last in LOST_WITHOUT_LOSS
    )


@pytest.mark.parametrize("dialect", PROVIDERS)
@pytest.mark.parametrize("name", WISHES)
def test_nothing_in_a_chat_body_is_lost_in_silence(dialect: str, name: str) -> None:
    """Take any field away: what goes upstream changes, or a warning named the field, or the body was a 400."""
    body = {**EVERYDAY, **WISHES[name]}
    full = told(dialect, body)
    silent = [
        path
        for path in paths(body)
        if full is not None
        and path[-1] not in ("model", "role", "content")
        and not is_excused(dialect, body, path)
        and told(dialect, without(body, path)) == full
        and not is_named(path, full[1])
    ]

    assert [] == silent


@pytest.mark.parametrize("dialect", PROVIDERS)
@pytest.mark.parametrize("name", WISHES)
def test_no_field_is_named_that_arrives(dialect: str, name: str) -> None:
    """What a warning calls dropped makes no difference to what goes upstream."""
    body = {**EVERYDAY, **WISHES[name]}
    full = told(dialect, body)
    wrong: list[Path] = []
    for path in paths(body) if full is not None else ():
        less = told(dialect, without(body, path))
        if full is not None and less is not None and full[0] != less[0]:
            new = (warning.partition(" dropped")[0] for warning in full[1] if warning not in less[1])
            wrong += [path for dropped in new if re.split(r"[^a-z_]+", dropped)[-1] == path[-1]]

    assert [] == wrong


@pytest.mark.parametrize("dialect", PROVIDERS)
@pytest.mark.parametrize(
    "more",
    [
        {},
        {"stream": True, "stream_options": {"include_usage": True}},
        {"temperature": 1, "top_p": 1, "max_tokens": 100, "stop": None},
        {"n": 1, "presence_penalty": 0, "frequency_penalty": 0, "logit_bias": {}, "logprobs": False, "store": False},
        {"tools": [{"type": "function", "function": FUNCTION}], "tool_choice": "auto", "parallel_tool_calls": True},
        {"tools": [], "tool_choice": "auto", "response_format": {"type": "text"}, "metadata": {}, "verbosity": "medium"},
        answered(name="f"),
        replied(content="x", refusal=None, audio=None, annotations=[], tool_calls=None, function_call=None),
        part(type="image_url", image_url={"url": PNG, "detail": "auto"}),
    ],
)  # fmt: skip
def test_an_everyday_request_has_no_warning(dialect: str, more: dict[str, Any]) -> None:
    """What every client sends, and what asks for what happens anyway."""
    found = told(dialect, {**EVERYDAY, **more})

    assert found is not None
    assert () == found[1]


def test_a_clients_word_can_stand_in_a_header() -> None:
    """What a field is called is the client's to say: no line break and nothing of another script gets through."""
    found = told("ollama", {**EVERYDAY, "支付\r\nset-cookie": 1, "x" * 99: 1})

    assert found is not None
    assert ["????set-cookie dropped: Ollama has no such parameter", f"{'x' * 64} dropped: Ollama has no such parameter"] == list(found[1])  # fmt: skip


@pytest.mark.parametrize("kind", [None, 3, [], {"a": 1}])
def test_parts_of_no_type_are_no_fault_of_the_naming(kind: object) -> None:
    """A result's parts are looked at before anyone has checked them."""
    result = {"type": "tool_result", "tool_use_id": "call_1", "content": [{"type": kind}]}

    assert [] == name_dropped(turn(content=[result]), Slots("Ollama", frozenset({"messages"})))
