"""Reasoning effort in the forms that Claude's generations take."""

from __future__ import annotations

import json

import pytest

from config.loader import shipped_models
from router.providers.anthropic import AnthropicProvider
from router.providers.base import ChatRequest, Target
from router.reasoning_store import ReasoningStore

NOW = 1_700_000_000.0


def target(**fields):
    given = {"upstream_model": "claude-sonnet-4-5", "base_url": "https://upstream.test", "api_key": "k", **fields}
    return Target("main", "anthropic", given.pop("base_url"), given.pop("upstream_model"), **given)


def chat(**fields):
    body = {"model": "auto", "messages": [{"role": "user", "content": "hi"}], **fields}
    return ChatRequest(body, stream=bool(body.get("stream")), id="d1")


def provider(store=None):
    return AnthropicProvider(store or ReasoningStore(), clock=lambda: NOW)


@pytest.mark.parametrize(
    ("model", "quirks", "expected"),
    [
        ("claude-3-5-haiku-20241022", (), {"thinking": {"type": "enabled", "budget_tokens": 8192}}),
        ("claude-sonnet-4-20250514", (), {"thinking": {"type": "enabled", "budget_tokens": 8192}}),
        ("my-alias", (), {"thinking": {"type": "enabled", "budget_tokens": 8192}}),
        ("my-alias", ("adaptive_thinking",), {"thinking": {"type": "adaptive"}, "output_config": {"effort": "medium"}}),
        ("claude-opus-4-6", (), {"thinking": {"type": "adaptive"}, "output_config": {"effort": "medium"}}),
        ("claude-opus-4-6", ("budget_thinking",), {"thinking": {"type": "enabled", "budget_tokens": 8192}}),
        ("anthropic/claude-sonnet-5", (), {"thinking": {"type": "adaptive"}, "output_config": {"effort": "medium"}}),
        ("claude-mythos-preview", (), {"thinking": {"type": "adaptive"}, "output_config": {"effort": "medium"}}),
    ],
)
def test_thinking_takes_the_form_of_the_models_generation(model, quirks, expected):
    """Budgets before 4.6, efforts from then on; an unknown name counts as early, a quirk overrules."""
    its = target(upstream_model=model, quirks=frozenset(quirks))

    body = json.loads(provider().prepare(chat(reasoning_effort="medium"), its).body)

    assert expected == {key: body[key] for key in ("thinking", "output_config") if key in body}
    assert body["max_tokens"] == 8192 + 4096


@pytest.mark.parametrize(
    ("model", "effort", "level"),
    [
        ("claude-opus-4-6", "minimal", "low"),
        ("claude-opus-4-6", "xhigh", "high"),
        ("claude-opus-4-6", "max", "max"),
        ("claude-sonnet-4-6", "max", "high"),
        ("claude-opus-5", "xhigh", "xhigh"),
    ],
)
def test_efforts_become_the_nearest_the_model_knows(model, effort, level):
    """An effort the model would refuse becomes its neighbour."""
    body = json.loads(provider().prepare(chat(reasoning_effort=effort), target(upstream_model=model)).body)

    assert {"effort": level} == body["output_config"]


@pytest.mark.parametrize(
    ("model", "expected"),
    [("claude-sonnet-4-5", None), ("claude-opus-4-7", None), ("claude-opus-5", {"type": "disabled"})],
)
def test_effort_none_switches_thinking_off_where_it_is_on_by_itself(model, expected):
    """Models that think unasked are told not to; the others need no word."""
    body = json.loads(provider().prepare(chat(reasoning_effort="none"), target(upstream_model=model)).body)

    assert expected == body.get("thinking")


def test_thinking_of_the_clients_own_words_passes():
    """`thinking` and `output_config` in an OpenAI body are Anthropic's and go on."""
    request = chat(
        thinking={"type": "enabled", "budget_tokens": 2000}, output_config={"effort": "low"}, max_tokens=5000
    )

    body = json.loads(provider().prepare(request, target()).body)

    assert {"type": "enabled", "budget_tokens": 2000} == body["thinking"]
    assert {"effort": "low"} == body["output_config"]


def test_thinking_is_left_out_where_max_tokens_leaves_no_room():
    """A budget is at least 1024 and below `max_tokens`; the limit is the client's, so thinking yields, audibly."""
    prepared = provider().prepare(chat(reasoning_effort="high", max_tokens=1000), target())

    assert "thinking" not in json.loads(prepared.body)
    assert ("reasoning_effort dropped: thinking needs more than 1024 max_tokens",) == prepared.warnings


@pytest.mark.parametrize(
    ("fields", "limits", "expected"),
    [
        ({}, {}, ["max_tokens filled in with 4096: the deployment tells no max_output_tokens"]),
        (
            {"reasoning_effort": "medium"},
            {},
            ["max_tokens filled in with 12288: the deployment tells no max_output_tokens"],
        ),
        ({}, {"max_output_tokens": 64_000}, []),
        ({"max_tokens": 50}, {}, []),
    ],
)
def test_a_limit_that_nobody_gave_is_named(fields, limits, expected):
    """Anthropic wants a limit; one of ours may cut the answer, so it is told with its number."""
    prepared = provider().prepare(chat(**fields), target(**limits))

    assert expected == [each for each in prepared.warnings if "filled in" in each]


def test_the_shipped_claude_has_its_published_limit_and_is_never_capped_silently():
    """Without `max_tokens` the whole of what the model may write is asked for."""
    shipped = shipped_models()
    anthropics = [each for entry in shipped for each in entry.deployments if each.provider == "anthropic"]

    assert anthropics
    for deployment in anthropics:
        its = target(upstream_model=deployment.upstream_model, max_output_tokens=deployment.max_output_tokens)
        prepared = provider().prepare(chat(), its)
        assert (deployment.max_output_tokens, ()) == (json.loads(prepared.body)["max_tokens"], prepared.warnings)
        assert (deployment.max_output_tokens or 0) >= 64_000
