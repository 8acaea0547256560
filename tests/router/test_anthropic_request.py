"""OpenAI bodies as Anthropic's: what is sent, what is refused, what is named as dropped."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from config.errors import InvalidRequestError
from router.providers.anthropic import AnthropicProvider
from router.providers.base import ChatRequest, Target
from router.providers.chat_body import read_tool_choice
from router.reasoning_store import ReasoningStore

GOLDEN = sorted((Path(__file__).parent / "golden" / "anthropic").glob("*.json"))
NOW = 1_700_000_000.0
WEATHER = {"type": "function", "function": {"name": "get_weather", "parameters": {"type": "object", "properties": {}}}}
JSON_SCHEMA = {"type": "json_schema", "json_schema": {"name": "x", "schema": {"type": "object", "properties": {}}}}


def target(**fields):
    given = {"upstream_model": "claude-sonnet-4-5", "base_url": "https://upstream.test", "api_key": "k", **fields}
    return Target("main", "anthropic", given.pop("base_url"), given.pop("upstream_model"), **given)


def chat(**fields):
    body = {"model": "auto", "messages": [{"role": "user", "content": "hi"}], **fields}
    return ChatRequest(body, stream=bool(body.get("stream")), id="d1")


def provider(store=None):
    return AnthropicProvider(store or ReasoningStore(), clock=lambda: NOW)


@pytest.mark.parametrize("path", GOLDEN, ids=lambda path: path.stem)
def test_request_translation_matches_its_golden_file(path):
    """A chat body becomes exactly the recorded Messages body, and the client's stays as it was."""
    case = json.loads(path.read_text())
    request = ChatRequest(case["request"], stream=bool(case["request"].get("stream")))
    before = json.dumps(case["request"])

    prepared = provider().prepare(request, target(**case["target"]))

    assert case["expected"] == json.loads(prepared.body)
    assert tuple(case["warnings"]) == prepared.warnings
    assert before == json.dumps(case["request"])


def test_there_are_golden_files():
    """An empty folder would let every translation pass."""
    assert len(GOLDEN) >= 20


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"n": 2}, "n"),
        ({"logprobs": True}, "logprobs"),
        ({"audio": {"voice": "x"}}, "audio"),
        ({"modalities": ["text", "audio"]}, "modalities"),
        ({"messages": []}, "messages"),
        ({"messages": "hi"}, "messages"),
        ({"messages": ["hi"]}, "messages[0]"),
        ({"messages": [{"role": "critic", "content": "hi"}]}, "messages[0]"),
        ({"messages": [{"role": "user", "content": 7}]}, "messages[0].content"),
        ({"messages": [{"role": "tool", "content": "x"}]}, "messages[0].tool_call_id"),
        ({"messages": [{"role": "user", "content": [7]}]}, "messages[0].content[0]"),
        ({"messages": [{"role": "user", "content": [{"type": "text"}]}]}, "messages[0].content[0].text"),
        ({"messages": [{"role": "user", "content": [{"type": "input_audio"}]}]}, "messages[0].content[0].type"),
        (
            {"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "ftp://x"}}]}]},
            "messages[0].content[0].image_url",
        ),
        (
            {
                "messages": [
                    {"role": "user", "content": [{"type": "image_url", "image_url": "data:image/tiff;base64,AA"}]}
                ]
            },
            "messages[0].content[0].image_url",
        ),
        (
            {"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": "data:image/png,AA"}]}]},
            "messages[0].content[0].image_url",
        ),
        (
            {"messages": [{"role": "user", "content": [{"type": "file", "file": {"file_id": "file-1"}}]}]},
            "messages[0].content[0].file",
        ),
        (
            {
                "messages": [
                    {"role": "user", "content": [{"type": "file", "file": {"file_data": "data:a/b;base64,AA"}}]}
                ]
            },
            "messages[0].content[0].file",
        ),
        (
            {
                "messages": [
                    {"role": "user", "content": [{"type": "file", "file": {"file_data": "data:text/x;base64,!"}}]}
                ]
            },
            "messages[0].content[0].file",
        ),
        (
            {"messages": [{"role": "system", "content": [{"type": "image_url", "image_url": "https://x.test"}]}]},
            "messages",
        ),
        ({"max_tokens": 0}, "max_tokens"),
        ({"max_completion_tokens": "many"}, "max_completion_tokens"),
        ({"temperature": "hot"}, "temperature"),
        ({"stop": 5}, "stop"),
        ({"tools": [{"type": "web_search"}]}, "tools[0].type"),
        ({"tools": [{"type": "function", "function": {}}]}, "tools[0]"),
        ({"response_format": {"type": "yaml"}}, "response_format"),
        ({"response_format": {"type": "json_schema"}}, "response_format.json_schema"),
        ({"response_format": {"type": "json_schema", "json_schema": {"name": "x"}}}, "response_format.json_schema"),
        (
            {"messages": [{"role": "user", "content": "x"}, {"role": "assistant", "tool_calls": [{}]}]},
            "messages[1].tool_calls[0].function.name",
        ),
    ],
)
def test_what_anthropic_cannot_do_is_refused_by_name(fields, param):
    """A wish whose loss would falsify the answer is a 400 that names its field."""
    with pytest.raises(InvalidRequestError) as caught:
        provider().prepare(chat(**fields), target())

    assert (400, param) == (caught.value.status, caught.value.param)


def test_unsupported_wishes_carry_their_code():
    """SDKs tell an unsupported parameter by its code."""
    with pytest.raises(InvalidRequestError) as caught:
        provider().prepare(chat(n=3), target())

    assert "unsupported_parameter" == caught.value.code


@pytest.mark.parametrize(
    ("base_url", "url"),
    [
        ("https://upstream.test", "https://upstream.test/v1/messages?beta=true"),
        ("https://upstream.test/v1/", "https://upstream.test/v1/messages?beta=true"),
        ("https://upstream.test/anthropic", "https://upstream.test/anthropic/v1/messages?beta=true"),
    ],
)
def test_url_takes_a_base_with_or_without_version(base_url, url):
    """A base that already ends in /v1 does not get a second one."""
    prepared = provider().prepare(chat(), target(base_url=base_url, query={"beta": "true"}))

    assert url == prepared.url


def test_headers_hold_the_key_and_the_clients_version_and_betas():
    """Auth is `x-api-key`; version and betas of the client win over our default, the deployment's over both."""
    request = ChatRequest(
        chat().body, headers={"anthropic-beta": "a,b", "anthropic-version": "2024-01-01", "cookie": "x"}
    )

    prepared = provider().prepare(request, target(headers={"X-Extra": "1"}))

    expected = {
        "content-type": "application/json",
        "anthropic-version": "2024-01-01",
        "x-api-key": "k",
        "anthropic-beta": "a,b",
        "x-extra": "1",
    }
    assert expected == prepared.headers


def test_headers_without_key_or_client_have_the_default_version():
    """A local look-alike needs no key."""
    prepared = provider().prepare(chat(), target(api_key=None))

    assert {"content-type": "application/json", "anthropic-version": "2023-06-01"} == prepared.headers


@pytest.mark.parametrize(("stream", "sent"), [(True, {"stream": True}), (False, {})])
def test_anthropic_clients_body_passes_untouched_but_for_model_and_stream(stream, sent):
    """Unknown fields of an Anthropic client survive, and nothing is added."""
    original = {
        "model": "auto",
        "max_tokens": 5,
        "messages": [{"role": "user", "content": "hi"}],
        "unknown": {"a": [1]},
    }
    request = ChatRequest({"broken": True}, dialect="anthropic", original=original, stream=stream)

    prepared = provider().prepare(request, target())

    assert {**original, "model": "claude-sonnet-4-5", **sent} == json.loads(prepared.body)
    assert () == prepared.warnings
    assert "auto" == original["model"]


def test_anthropic_clients_explicit_stream_follows_ours():
    """A plain attempt of a streamed request says so."""
    request = ChatRequest({}, dialect="anthropic", original={"stream": True, "messages": []}, stream=False)

    assert json.loads(provider().prepare(request, target()).body)["stream"] is False


@pytest.mark.parametrize(
    ("choice", "extra", "expected"),
    [
        (None, {}, None),
        ("auto", {}, None),
        ("none", {"parallel_tool_calls": False}, {"type": "none"}),
        ("required", {}, {"type": "any"}),
        ("auto", {"parallel_tool_calls": False}, {"type": "auto", "disable_parallel_tool_use": True}),
        ({"type": "function", "function": {"name": "get_weather"}}, {}, {"type": "tool", "name": "get_weather"}),
        ({"type": "function", "name": "get_weather"}, {}, {"type": "tool", "name": "get_weather"}),
        ({"type": "allowed_tools", "allowed_tools": {"mode": "required", "tools": []}}, {}, {"type": "any"}),
        ({"type": "any"}, {}, {"type": "any"}),
        ({"type": "auto"}, {}, None),
    ],
)
def test_tool_choice_is_mapped(choice, extra, expected):
    """Each of OpenAI's choices has its word, and so has forbidding parallel calls."""
    body = json.loads(provider().prepare(chat(tools=[WEATHER], tool_choice=choice, **extra), target()).body)

    assert expected == body.get("tool_choice")


@pytest.mark.parametrize(
    ("choice", "tools", "choice_sent"),
    [
        ("none", ["get_weather", "respond_with_json"], {"type": "tool", "name": "respond_with_json"}),
        ("required", ["get_weather"], {"type": "any"}),
    ],
)
def test_json_answers_and_tool_choice_agree(choice, tools, choice_sent):
    """No tools wanted: only the answer's tool is forced; a tool required: there is no content to shape."""
    request = chat(tools=[WEATHER], tool_choice=choice, response_format=JSON_SCHEMA)

    body = json.loads(provider().prepare(request, target()).body)

    assert tools == [tool["name"] for tool in body["tools"]]
    assert choice_sent == body["tool_choice"]


def test_json_tool_does_not_take_the_name_of_a_real_one():
    """A client may have a tool of the same name."""
    mine = {"type": "function", "function": {"name": "respond_with_json"}}

    body = json.loads(provider().prepare(chat(tools=[mine], response_format=JSON_SCHEMA), target()).body)

    assert ["respond_with_json", "respond_with_json_"] == [tool["name"] for tool in body["tools"]]


def test_native_json_schemas_are_closed_all_the_way_down():
    """Anthropic's structured output wants closed objects and refuses most constraints."""
    schema = {
        "type": "object",
        "properties": {
            "a": {
                "anyOf": [{"type": "object", "properties": {"b": {"type": "string", "maxLength": 3}}}, {"type": "null"}]
            },
            "l": {"type": "array", "maxItems": 2, "description": "Two.", "items": {"$ref": "#/$defs/d"}},
        },
        "$defs": {"d": {"type": "object", "additionalProperties": True}, "any": True},
    }
    wanted = {"type": "json_schema", "json_schema": {"name": "x", "schema": schema}}

    body = json.loads(provider().prepare(chat(response_format=wanted), target(upstream_model="claude-opus-5-5")).body)

    b = {"type": "string", "description": 'Constraints: {"maxLength":3}'}
    inner = {"type": "object", "properties": {"b": b}, "additionalProperties": False}
    expected = {
        "type": "object",
        "properties": {
            "a": {"anyOf": [inner, {"type": "null"}]},
            "l": {"type": "array", "description": 'Two. Constraints: {"maxItems":2}', "items": {"$ref": "#/$defs/d"}},
        },
        "$defs": {"d": {"type": "object", "additionalProperties": False}, "any": True},
        "additionalProperties": False,
    }
    assert expected == body["output_config"]["format"]["schema"]


def test_cache_marks_survive_on_every_level():
    """`cache_control` on messages, tool results and nested functions keeps its place."""
    mark = {"type": "ephemeral"}
    tool_of_mine = {"type": "function", "function": {"name": "t", "cache_control": mark}}
    messages = [
        {"role": "user", "content": "hi", "cache_control": mark},
        {
            "role": "assistant",
            "tool_calls": [{"id": "c", "type": "function", "function": {"name": "t", "arguments": "{}"}}],
        },
        {"role": "tool", "tool_call_id": "c", "content": "x", "cache_control": mark},
    ]

    body = json.loads(provider().prepare(chat(messages=messages, tools=[tool_of_mine]), target()).body)

    marked = [body["messages"][0]["content"][0], body["messages"][2]["content"][0], body["tools"][0]]
    assert [mark] * 3 == [item["cache_control"] for item in marked]


def test_names_of_speakers_are_left_out_audibly():
    """Anthropic has no `name` on messages."""
    prepared = provider().prepare(
        chat(max_tokens=9, messages=[{"role": "user", "name": "Ann", "content": "hi"}]), target()
    )

    assert ("messages[].name dropped: Anthropic has no such parameter",) == prepared.warnings


def test_wishes_for_what_happens_anyway_raise_no_warning():
    """Clients send neutral values in every request."""
    neutral = {
        "n": 1, "logprobs": False, "top_logprobs": None, "presence_penalty": 0, "frequency_penalty": 0.0, "store": False,
        "parallel_tool_calls": True, "modalities": ["text"], "service_tier": "auto", "logit_bias": {}, "tools": [],
    }  # fmt: skip

    prepared = provider().prepare(chat(max_tokens=9, **neutral), target())

    assert () == prepared.warnings
    assert "tools" not in json.loads(prepared.body)


def test_unknown_service_tier_is_left_out_audibly():
    """OpenAI's flex and priority mean nothing to Anthropic."""
    prepared = provider().prepare(chat(max_tokens=9, service_tier="flex"), target())

    assert ("service_tier dropped: Anthropic has no such tier",) == prepared.warnings


@pytest.mark.parametrize("arguments", ["{oops", "[" * 5000, "nul"])
def test_broken_arguments_in_the_history_are_wrapped(arguments):
    """A history may hold what no JSON parser takes; the model sees it as it was."""
    call = {"id": "c", "type": "function", "function": {"name": "t", "arguments": arguments}}
    messages = [{"role": "user", "content": "hi"}, {"role": "assistant", "tool_calls": [call]}]

    body = json.loads(provider().prepare(chat(messages=messages), target()).body)

    assert {"invalid_json": arguments} == body["messages"][1]["content"][0]["input"]


def test_lone_surrogates_do_not_break_the_request():
    """Clients cut emoji in half; the request is still JSON."""
    body = json.loads(provider().prepare(chat(messages=[{"role": "user", "content": "\ud83d"}]), target()).body)

    assert "\ud83d" == body["messages"][0]["content"][0]["text"]


@pytest.mark.parametrize("choice", [7, "banana", ["auto"]])
def test_a_tool_choice_that_means_nothing_is_refused(choice: object) -> None:
    """Guessing would call tools that nobody asked for, or none."""
    with pytest.raises(InvalidRequestError) as caught:
        read_tool_choice({"tool_choice": choice})

    assert "tool_choice" == caught.value.param


@pytest.mark.parametrize(("text", "told"), [("{ ", True), ("{\n", True), ("{", False)])
def test_a_prefill_that_loses_its_last_space_is_named(text, told):
    """Anthropic refuses whitespace at the end; without it the model may write on differently."""
    messages = [{"role": "user", "content": "hi"}, {"role": "assistant", "content": text}]
    prepared = provider().prepare(chat(max_tokens=9, messages=messages), target())

    assert "{" == json.loads(prepared.body)["messages"][-1]["content"][0]["text"]
    assert told == any(each.startswith("messages[].content cut") for each in prepared.warnings)


def test_a_last_turn_that_stays_whole_needs_no_word():
    """Where a user's turn is put after the assistant's, its last space stays."""
    messages = [{"role": "user", "content": "hi"}, {"role": "assistant", "content": "so "}]
    prepared = provider().prepare(chat(max_tokens=9, messages=messages), target(upstream_model="claude-opus-4-6"))

    assert "so " == json.loads(prepared.body)["messages"][1]["content"][0]["text"]
    assert not any("cut" in each for each in prepared.warnings)
