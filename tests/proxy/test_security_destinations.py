"""Where a request goes, and with which key, is said by the settings alone (CVE-2024-6587, CVE-2025-66405)."""

from __future__ import annotations

import msgspec
import pytest

from proxy.requests.extract import NEVER_SENT, OURS
from proxy.requests.parse import parse_anthropic, parse_chat, parse_embeddings, parse_unified
from router.providers.anthropic import AnthropicProvider
from router.providers.base import Target
from router.providers.embeddings import EmbeddingsProvider
from router.providers.ollama import OllamaProvider
from router.providers.openai_compatible import OpenAICompatibleProvider
from router.reasoning_store import ReasoningStore

EVIL = "http://evil.example/steal"
STORE = ReasoningStore()
MESSAGES = {"model": "m", "messages": [{"role": "user", "content": "hi"}], "max_tokens": 9}
DOORS = {
    "chat": (parse_chat, MESSAGES),
    "unified": (parse_unified, MESSAGES),
    "claude": (parse_anthropic, MESSAGES),
    "embeddings": (parse_embeddings, {"model": "m", "input": "hi"}),
}
SPELLINGS = ["apiBase", "API_BASE", "api-base", "baseURL", "resourceName", "extraHeaders", "azureEndpoint"]
TARGET = Target("d", "vllm", "http://configured.example/v1", "up", api_key="configured")


def providers(door):
    openai = OpenAICompatibleProvider(STORE)
    if door == "embeddings":
        return [EmbeddingsProvider(openai)]
    return [openai, AnthropicProvider(STORE), OllamaProvider(STORE)]


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("name", [*sorted(NEVER_SENT), *SPELLINGS])
def test_a_field_that_would_steer_a_request_is_dropped_with_a_warning(door, name):
    """No door passes it on, whatever its spelling, and the client is told."""
    parse, body = DOORS[door]
    parsed = parse(msgspec.json.encode({**body, name: EVIL}), headers={}, max_depth=64)

    assert (name,) == tuple(text.partition(" ")[0] for text in parsed.warnings)
    assert EVIL not in repr((parsed.request.body, parsed.request.original))


@pytest.mark.parametrize("door", DOORS)
def test_what_a_provider_sends_goes_where_the_settings_say(door):
    """With every such field in the body, the address and the key are the deployment's own."""
    parse, body = DOORS[door]
    steering = dict.fromkeys([*NEVER_SENT, *SPELLINGS], EVIL)
    request = parse(msgspec.json.encode({**body, **steering}), headers={}, max_depth=64).request
    for provider in providers(door):
        prepared = provider.prepare(request, TARGET)

        assert prepared.url.startswith("http://configured.example/")
        assert b"evil" not in prepared.body
        assert "evil" not in repr(prepared.headers)


def test_a_field_of_openai_s_own_is_not_taken_for_one_of_them():
    """What only looks alike goes through."""
    fields = {"user": "u", "metadata": {"project": "p"}, "prompt_cache_key": "k", "service_tier": "auto"}
    parsed = parse_chat(msgspec.json.encode({**MESSAGES, **fields}), headers={}, max_depth=64)

    assert () == parsed.warnings
    assert fields == {name: parsed.request.body[name] for name in fields}
    assert frozenset() == OURS & NEVER_SENT
