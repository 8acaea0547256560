"""Nothing of a Messages body is lost in silence: it arrives upstream, is named in a warning, or is a 400."""

from __future__ import annotations

import json
from typing import Any

import pytest

from config.errors import InvalidRequestError
from config.types import ExtractedAnswer
from proxy.requests.parse import parse_anthropic, parse_chat
from router.providers.anthropic import AnthropicProvider
from router.providers.base import Target
from router.providers.extractive import ExtractiveProvider
from router.providers.ollama import OllamaProvider
from router.providers.openai_compatible import OpenAICompatibleProvider
from router.reasoning_store import ReasoningStore
from tests.bodies import is_named, paths, without

MARK = {"type": "ephemeral"}
PNG = {"type": "base64", "media_type": "image/png", "data": "iVBO"}
TEXT = {"type": "text", "media_type": "text/plain", "data": "body"}
TOOL = {
    "name": "f",
    "description": "finds",
    "input_schema": {"type": "object", "properties": {"a": {"type": "string"}}},
}
SCHEMA = {"type": "object", "properties": {"a": {"type": "string"}}}
GOOD: dict[str, Any] = {"model": "auto", "max_tokens": 100, "messages": [{"role": "user", "content": "hi"}]}

PROVIDERS = {
    "openai": (OpenAICompatibleProvider(ReasoningStore()), frozenset({"no_top_k"})),
    "anthropic": (AnthropicProvider(ReasoningStore(), clock=lambda: 0.0), frozenset[str]()),
    "ollama": (OllamaProvider(ReasoningStore(), clock=lambda: 0.0), frozenset[str]()),
}


class Silent:
    """Finds nothing in any document."""

    def answer(self, question: str, *, max_tokens: int) -> ExtractedAnswer:
        del question, max_tokens
        return ExtractedAnswer("", ())


def part(**fields: Any) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": [{"type": "text", "text": "hi"}, fields]}]}


def loop(result: dict[str, Any], call: dict[str, Any]) -> dict[str, Any]:
    use = {"type": "tool_use", "id": "toolu_1", "name": "f", "input": {"a": "北京"}, **call}
    answer = {"type": "tool_result", "tool_use_id": "toolu_1", "content": "sun", **result}
    turns = [("user", "hi"), ("assistant", [use]), ("user", [answer])]
    return {"messages": [{"role": role, "content": content} for role, content in turns], "tools": [TOOL]}


def said(*blocks: dict[str, Any]) -> dict[str, Any]:
    turns = [("user", "hi"), ("assistant", [*blocks, {"type": "text", "text": "x"}]), ("user", "on")]
    return {"messages": [{"role": role, "content": content} for role, content in turns]}


WISHES: dict[str, dict[str, Any]] = {
    "cache_control": {"cache_control": MARK},
    "container": {"container": "c1"},
    "context_management": {"context_management": {"edits": [{"type": "clear_tool_uses_20250919"}]}},
    "inference_geo": {"inference_geo": "us"},
    "mcp_servers": {"mcp_servers": [{"type": "url", "url": "https://m.test", "name": "m"}]},
    "metadata": {"metadata": {"user_id": "u"}},
    "metadata of another key": {"metadata": {"user_id": "u", "team": "a"}},
    "output_config": {"output_config": {"effort": "high"}},
    "output_config.format": {"output_config": {"format": {"type": "json_schema", "schema": SCHEMA}}},
    "output_config.format without schema": {"output_config": {"format": {"type": "json_schema"}}},
    "output_config.format of another type": {"output_config": {"format": {"type": "grammar"}}},
    "output_config.task_budget": {"output_config": {"task_budget": {"total": 9}}},
    "output_format": {"output_format": {"type": "json_schema", "schema": SCHEMA}},
    "service_tier": {"service_tier": "standard_only"},
    "speed": {"speed": "fast"},
    "stop_sequences": {"stop_sequences": ["END"]},
    "stop_sequences of whitespace": {"stop_sequences": ["END", " "]},
    "stream": {"stream": True},
    "system": {"system": "be brief"},
    "system blocks": {"system": [{"type": "text", "text": "be", "cache_control": MARK}, {"type": "text", "text": "brief"}]},
    "temperature": {"temperature": 0.3},
    "thinking": {"thinking": {"type": "enabled", "budget_tokens": 2048}},
    "thinking.display": {"thinking": {"type": "adaptive", "display": "omitted"}},
    "thinking disabled": {"thinking": {"type": "disabled"}},
    "tool_choice": {"tools": [TOOL], "tool_choice": {"type": "any", "disable_parallel_tool_use": True}},
    "tool_choice without tools": {"tool_choice": {"type": "any"}},
    "tools": {"tools": [TOOL]},
    "tools.cache_control": {"tools": [{**TOOL, "cache_control": MARK}]},
    "tools.strict": {"tools": [{**TOOL, "strict": True}]},
    "tools.defer_loading": {"tools": [{**TOOL, "defer_loading": True}]},
    "tools.input_examples": {"tools": [{**TOOL, "input_examples": [{"a": "x"}]}]},
    "tools of Anthropic's own": {"tools": [{"type": "web_search_20250305", "name": "web_search"}]},
    "top_k": {"top_k": 9},
    "top_p": {"top_p": 0.4},
    "an unknown field": {"future": {"a": 1}},
    "text.cache_control": part(type="text", text="on", cache_control=MARK),
    "text.citations": said({"type": "text", "text": "y", "citations": [{"type": "char_location"}]}),
    "image": part(type="image", source=PNG),
    "image.cache_control": part(type="image", source=PNG, cache_control=MARK),
    "image of an address": part(type="image", source={"type": "url", "url": "https://x.test/a.png"}),
    "image of a file": part(type="image", source={"type": "file", "file_id": "f1"}),
    "document": part(type="document", source=TEXT, title="T"),
    "document.context": part(type="document", source=TEXT, context="found in a drawer"),
    "document.citations": part(type="document", source=TEXT, citations={"enabled": True}),
    "document of an address": part(type="document", source={"type": "url", "url": "https://x.test/a.pdf"}),
    "search_result": part(type="search_result", source="s", title="t", content=[{"type": "text", "text": "x"}]),
    "thinking block": said({"type": "thinking", "thinking": "hm", "signature": "s"}),
    "redacted_thinking block": said({"type": "redacted_thinking", "data": "ENC"}),
    "tool_use.caller": loop({}, {"caller": {"type": "code_execution"}}),
    "tool_use.cache_control": loop({}, {"cache_control": MARK}),
    "tool_use without a name": loop({}, {"name": None}),
    "tool_result.is_error": loop({"is_error": True}, {}),
    "tool_result.cache_control": loop({"cache_control": MARK}, {}),
    "tool_result of blocks": loop({"content": [{"type": "text", "text": "x", "cache_control": MARK}, {"type": "image", "source": PNG}]}, {}),
}  # fmt: skip
"""One wish each: every documented field of Messages, and of its blocks and tools."""

LEFT_UNNAMED = {
    "type": "kinds have a default, or are told by what stands beside them",
    "signature": "proves the thinking to Anthropic and means nothing to anyone else",
    "media_type": "a text is a text",
    "tool_use_id": "the one call before it is the one that is answered",
}


def told(dialect: str, body: dict[str, Any], parse: Any = parse_anthropic) -> tuple[Any, tuple[str, ...]] | None:
    """What goes upstream and what is named as lost; `None` for a 400, which must name its field."""
    provider, quirks = PROVIDERS[dialect]
    target = Target("d", dialect, "https://up.test/v1", "claude-sonnet-4-5", quirks=quirks)
    try:
        parsed = parse(json.dumps(body).encode(), headers={}, max_depth=64)
        sent = provider.prepare(parsed.request, target)
    except InvalidRequestError as error:
        if not error.param:
            raise
        return None
    return json.loads(sent.body), (*parsed.warnings, *sent.warnings)


@pytest.mark.parametrize("parse", [parse_anthropic, parse_chat], ids=["messages", "chat"])
@pytest.mark.parametrize("dialect", PROVIDERS)
@pytest.mark.parametrize("name", WISHES)
def test_nothing_in_a_messages_body_is_lost_in_silence(dialect: str, name: str, parse: Any) -> None:
    """Take any field away: what goes upstream changes, or a warning named the field, or the body was a 400."""
    body = {**GOOD, **WISHES[name]}
    full = told(dialect, body, parse)
    silent = [
        path
        for path in paths(body)
        if full is not None
        and path[-1] not in ("model", "role", "content", *LEFT_UNNAMED)
        and told(dialect, without(body, path), parse) == full
        and not is_named(path, full[1])
    ]

    assert [] == silent


@pytest.mark.parametrize("name", WISHES)
def test_anthropics_own_upstream_loses_nothing(name: str) -> None:
    """The body goes on as it came, so nothing is named."""
    body = {**GOOD, **WISHES[name]}
    found = told("anthropic", body)

    assert found in (None, ({**body, "model": "claude-sonnet-4-5"}, ()))


@pytest.mark.parametrize("dialect", ["openai", "ollama"])
@pytest.mark.parametrize(
    "more",
    [
        {},
        {"system": "be", "stream": True, "temperature": 0.5, "top_p": 0.9},
        {"tools": [TOOL], "tool_choice": {"type": "auto"}, "service_tier": "auto", "stop_sequences": ["END"]},
        loop({"is_error": False}, {}),
        part(type="image", source=PNG),
    ],
)
def test_an_everyday_request_has_no_warning(dialect: str, more: dict[str, Any]) -> None:
    """What is translated whole, and what asks for what happens anyway."""
    found = told(dialect, {**GOOD, **more})

    assert found is not None
    assert () == found[1]


def test_an_error_of_a_tool_reaches_anthropic_from_the_chat_path_too() -> None:
    """Cursor sends Anthropic's blocks there."""
    found = told("anthropic", {**GOOD, **loop({"is_error": True}, {})}, parse_chat)

    assert found is not None
    assert found[0]["messages"][2]["content"][0]["is_error"] is True
    assert () == found[1]


@pytest.mark.parametrize(
    ("dialect", "name"), [("openai", "messages[].is_error"), ("ollama", "messages[].is_error"), ("openai", "top_k")]
)
def test_the_name_is_told(dialect: str, name: str) -> None:
    """Where it stood, or what it is called."""
    found = told(dialect, {**GOOD, **loop({"is_error": True}, {}), "top_k": 9})

    assert found is not None
    assert [name] == [warning.partition(" ")[0] for warning in found[1] if warning.startswith(f"{name} ")]


@pytest.mark.parametrize("dialect", ["openai", "ollama"])
def test_a_thinking_budget_that_becomes_an_effort_is_named(dialect: str) -> None:
    """The number of tokens is lost; a budget of the same effort would be sent the same."""
    thinking = {"thinking": {"type": "enabled", "budget_tokens": 2049}}
    weakened = told(dialect, {**GOOD, **thinking})
    beside = told(dialect, {**GOOD, **thinking, "output_config": {"effort": "medium"}})

    assert weakened is not None
    assert beside is not None
    assert [each.partition(":")[0] for each in weakened[1] if "budget" in each] == [
        "thinking.budget_tokens weakened to reasoning_effort"
    ]
    assert [each for each in beside[1] if "budget" in each] == [
        "thinking.budget_tokens dropped: output_config.effort stands beside it"
    ]


@pytest.mark.parametrize("dialect", ["openai", "ollama", "extractive"])
@pytest.mark.parametrize("kind", ["web_search_20250305", "code_execution_20250825", "mcp_toolset"])
def test_a_tool_that_only_anthropic_runs_is_refused_by_all_others_alike(dialect: str, kind: str) -> None:
    """Nobody else can run it, and an answer without it would be another answer."""
    body = {**GOOD, "tools": [TOOL, {"type": kind, "name": "search"}]}
    provider = ExtractiveProvider(Silent()) if dialect == "extractive" else PROVIDERS[dialect][0]
    parsed = parse_anthropic(json.dumps(body).encode(), headers={}, max_depth=64)

    with pytest.raises(InvalidRequestError) as caught:
        provider.prepare(parsed.request, Target("d", dialect, "https://up.test/v1", "m"))

    assert (400, "tools[1].type", "unsupported_parameter") == (
        caught.value.status,
        caught.value.param,
        caught.value.code,
    )
    assert kind in caught.value.message


def test_a_claude_client_hears_what_the_documents_cannot_honour() -> None:
    """The last resort takes any body, and names what it does not read."""
    body = {**GOOD, "temperature": 0.2, "thinking": {"type": "enabled", "budget_tokens": 2048}, "future": 1}
    parsed = parse_anthropic(json.dumps(body).encode(), headers={}, max_depth=64)
    prepared = ExtractiveProvider(Silent()).prepare(parsed.request, Target("d", "extractive", "", "extractive"))

    named = {each.split()[0] for each in prepared.warnings}

    assert {"temperature", "thinking.budget_tokens", "future"} <= named
