"""OpenAI bodies as Ollama's native ones: what is sent, what is refused, what is named as dropped."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from config.errors import InvalidRequestError
from router.providers.base import ChatRequest, Target
from router.providers.chat_losses import Slots, name_dropped
from router.providers.ollama import OllamaProvider

GOLDEN = sorted((Path(__file__).parent / "golden" / "ollama").glob("*.json"))
NOW = 1_700_000_000.0


def target(**fields):
    given = {"upstream_model": "llama3.2", "base_url": "http://local.test:11434", **fields}
    return Target("main", "ollama", given.pop("base_url"), given.pop("upstream_model"), **given)


def chat(**fields):
    body = {"model": "auto", "messages": [{"role": "user", "content": "hi"}], **fields}
    return ChatRequest(body, stream=bool(body.get("stream")), id="d1")


def provider():
    return OllamaProvider(clock=lambda: NOW)


@pytest.mark.parametrize("path", GOLDEN, ids=lambda path: path.stem)
def test_request_translation_matches_its_golden_file(path):
    """A chat body becomes exactly the recorded native body, and the client's stays as it was."""
    case = json.loads(path.read_text())
    given = {**case["target"], "quirks": frozenset(case["target"].get("quirks", []))}
    request = ChatRequest(case["request"], stream=bool(case["request"].get("stream")))
    before = json.dumps(case["request"])

    prepared = provider().prepare(request, target(**given))

    assert case["expected"] == json.loads(prepared.body)
    assert tuple(case["warnings"]) == prepared.warnings
    assert before == json.dumps(case["request"])


def test_there_are_golden_files():
    """An empty folder would let every translation pass."""
    assert len(GOLDEN) >= 8


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"n": 2}, "n"),
        ({"logprobs": True}, "logprobs"),
        ({"audio": {}}, "audio"),
        (
            {
                "messages": [
                    {"role": "user", "content": [{"type": "image_url", "image_url": {"url": "https://x.test/a"}}]}
                ]
            },
            "messages[0].content[0].image_url",
        ),
        (
            {
                "messages": [
                    {"role": "user", "content": [{"type": "image", "source": {"type": "url", "url": "https://x"}}]}
                ]
            },
            "messages[0].content[0].source",
        ),
        ({"messages": [{"role": "user", "content": [{"type": "input_audio"}]}]}, "messages[0].content[0].type"),
        (
            {
                "messages": [
                    {
                        "role": "user",
                        "content": [{"type": "file", "file": {"file_data": "data:application/pdf;base64,AA"}}],
                    }
                ]
            },
            "messages[0].content[0].file",
        ),
        (
            {
                "messages": [
                    {"role": "user", "content": [{"type": "file", "file": {"file_data": "data:text/plain;base64,!"}}]}
                ]
            },
            "messages[0].content[0].file",
        ),
        ({"stop": {"a": 1}}, "stop"),
        ({"top_p": "x"}, "top_p"),
    ],
)
def test_what_ollama_cannot_do_is_refused_by_name(fields, param):
    """A wish whose loss would falsify the answer is a 400 that names its field."""
    with pytest.raises(InvalidRequestError) as caught:
        provider().prepare(chat(**fields), target())

    assert (400, param) == (caught.value.status, caught.value.param)


def test_client_image_urls_are_refused_with_the_reason():
    """We never fetch URLs for clients, and say so."""
    parts = [{"type": "image_url", "image_url": {"url": "http://169.254.169.254/"}}]

    with pytest.raises(InvalidRequestError, match="fetches no client URLs"):
        provider().prepare(chat(messages=[{"role": "user", "content": parts}]), target())


@pytest.mark.parametrize(
    ("base_url", "url"),
    [
        ("http://local.test:11434/", "http://local.test:11434/api/chat"),
        ("https://cloud.test/api", "https://cloud.test/api/chat"),
    ],
)
def test_url_and_key(base_url, url):
    """The native endpoint, with a bearer key where there is one."""
    prepared = provider().prepare(chat(), target(base_url=base_url, api_key="k", headers={"X-A": "1"}))

    assert url == prepared.url
    assert {"content-type": "application/json", "authorization": "Bearer k", "x-a": "1"} == prepared.headers
    assert "authorization" not in provider().prepare(chat(), target()).headers


@pytest.mark.parametrize(
    ("fields", "prompt", "num_ctx"),
    [
        ({"options": {"num_ctx": 2048}, "context_window": 9999}, "hi", 2048),
        ({"context_window": 16000}, "hi", 16000),
        ({}, "hi", 8192),
        ({}, "x" * 30_000, 16384),
        ({}, "字" * 12_000, 16384),
        ({"max_output_tokens": 20_000}, "hi", 32768),
        ({}, "x" * 110_000, 32768),
    ],
)
def test_window_is_always_said_and_large_enough(fields, prompt, num_ctx):
    """As configured, else a power of two that holds prompt and answer, up to a bound."""
    prepared = provider().prepare(chat(messages=[{"role": "user", "content": prompt}]), target(**fields))

    assert num_ctx == json.loads(prepared.body)["options"]["num_ctx"]


def test_what_stands_deeper_and_has_no_slot_is_named() -> None:
    """A name of a speaker, a picture's detail and a strict schema are wishes too."""
    body = {
        "messages": [
            {
                "role": "user",
                "name": "ann",
                "content": [{"type": "image_url", "image_url": {"url": "data:,", "detail": "high"}}],
            }
        ],
        "tools": [{"type": "function", "function": {"name": "f", "strict": True}}],
        "tool_choice": {"type": "allowed_tools"},
    }

    named = [warning.split(" ")[0] for warning in name_dropped(body, Slots("Ollama", frozenset(body)))]

    assert [
        "messages[].name",
        "messages[].content[].image_url.detail",
        "tools[].function.strict",
        "tool_choice.allowed_tools",
    ] == named
