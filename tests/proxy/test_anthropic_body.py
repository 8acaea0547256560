"""Messages bodies: checked by field, kept whole, and translated for upstreams of other dialects."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.errors import InvalidRequestError
from proxy.requests.parse import Parsed, parse_anthropic
from proxy.requests.validate import check_chat

GOOD: dict[str, Any] = {"model": "auto", "max_tokens": 100, "messages": [{"role": "user", "content": "hi"}]}
PNG = {"type": "base64", "media_type": "image/png", "data": "iVBO"}


def parse(body: dict[str, Any], **headers: str) -> Parsed:
    return parse_anthropic(json.dumps(body).encode(), headers=headers, max_depth=64)


def chat_of(**fields: object) -> dict[str, Any]:
    return parse(GOOD | fields).request.body


def messages_of(*messages: dict[str, Any]) -> list[dict[str, Any]]:
    return chat_of(messages=list(messages))["messages"]


def test_the_original_is_kept_beside_the_translation() -> None:
    """An Anthropic upstream gets what came, rules of ours left out."""
    rules = [{"pattern": "x", "model": "m"}]
    parsed = parse(GOOD | {"future": {"a": 1}, "routing_rules": rules, "stream": True}, **{"anthropic-beta": "b"})
    request = parsed.request

    assert ("anthropic", True) == (request.dialect, request.stream)
    assert GOOD | {"future": {"a": 1}, "stream": True} == request.original
    assert {"anthropic-beta": "b"} == dict(request.headers)
    assert ("m", "auto", "hi") == (parsed.routing_rules[0].model, parsed.model, parsed.last_user_text)
    assert "future" not in request.body


def test_a_whole_tool_loop_is_translated() -> None:
    """System first, thinking and calls on the assistant's turn, results before the text, arguments as text."""
    body = chat_of(
        system=[{"type": "text", "text": "be", "cache_control": {"type": "ephemeral"}}, {"type": "text", "text": "brief"}],
        messages=[
            {"role": "user", "content": [{"type": "text", "text": "天气?", "cache_control": {"type": "ephemeral"}}]},
            {
                "role": "assistant",
                "content": [
                    {"type": "thinking", "thinking": "hm", "signature": "s"},
                    {"type": "redacted_thinking", "data": "d"},
                    {"type": "text", "text": "I "},
                    {"type": "text", "text": "look."},
                    {"type": "tool_use", "id": "toolu_1", "name": "weather", "input": {"city": "北京"}},
                    {"type": "tool_use", "id": "toolu_2", "name": "now", "input": {}},
                ],
            },
            {
                "role": "user",
                "content": [
                    {"type": "tool_result", "tool_use_id": "toolu_1", "content": [{"type": "text", "text": "sun"}, {"type": "image", "source": PNG}]},
                    {"type": "tool_result", "tool_use_id": "toolu_2", "is_error": True},
                    {"type": "text", "text": "and?"},
                ],
            },
        ],
    )  # fmt: skip

    system, first, assistant, *results, last = body["messages"]
    assert {"role": "system", "content": "be\nbrief"} == system
    assert {"role": "user", "content": "天气?"} == first
    assert "I look." == assistant["content"]
    assert ['{"city":"北京"}', "{}"] == [call["function"]["arguments"] for call in assistant["tool_calls"]]
    assert ("hm", ["thinking", "redacted_thinking"]) == (
        assistant["reasoning_content"],
        [block["type"] for block in assistant["thinking_blocks"]],
    )
    assert [("toolu_1", "sun"), ("toolu_2", "")] == [(each["tool_call_id"], each["content"]) for each in results]
    assert "data:image/png;base64,iVBO" == last["content"][0]["image_url"]["url"]
    assert {"type": "text", "text": "and?"} == last["content"][1]
    assert "cache_control" not in json.dumps(body)


def test_the_simple_fields_are_renamed() -> None:
    """Stops, user, tools, choice; whitespace-only stops are refused by others and dropped."""
    body = chat_of(
        system="be brief",
        stop_sequences=["END", " "],
        metadata={"user_id": "u"},
        tools=[{"name": "f", "description": "d", "input_schema": {"type": "object"}, "cache_control": {"type": "x"}}],
        tool_choice={"type": "tool", "name": "f", "disable_parallel_tool_use": True},
        top_k=5,
    )

    assert {"role": "system", "content": "be brief"} == body["messages"][0]
    assert (["END"], "u", 5, 100) == (body["stop"], body["user"], body["top_k"], body["max_tokens"])
    function = {"name": "f", "description": "d", "parameters": {"type": "object"}}
    assert [{"type": "function", "function": function}] == body["tools"]
    assert {"type": "function", "function": {"name": "f"}} == body["tool_choice"]
    assert body["parallel_tool_calls"] is False
    check_chat(body)


@pytest.mark.parametrize(
    ("kind", "expected"), [("auto", "auto"), ("any", "required"), ("none", "none"), ("new", {"type": "new"})]
)
def test_tool_choices_have_their_words(kind: str, expected: object) -> None:
    """What is unknown goes on for the provider to judge."""
    body = chat_of(tools=[{"name": "f", "input_schema": {}}], tool_choice={"type": kind})

    assert expected == body["tool_choice"]
    assert "parallel_tool_calls" not in body


def test_a_tool_that_only_anthropic_runs_stays_itself() -> None:
    """Another dialect then refuses it, instead of answering without it."""
    server_tool = {"type": "web_search_20250305", "name": "web_search", "max_uses": 2}

    assert [server_tool] == chat_of(tools=[server_tool])["tools"]
    assert "tool_choice" not in chat_of(tool_choice={"type": "auto"})


@pytest.mark.parametrize(
    ("fields", "effort"),
    [
        ({}, None),
        ({"thinking": {"type": "disabled"}}, None),
        ({"thinking": {"type": "enabled", "budget_tokens": 1024}}, "low"),
        ({"thinking": {"type": "enabled", "budget_tokens": 8000}}, "medium"),
        ({"thinking": {"type": "enabled", "budget_tokens": 32000}}, "high"),
        ({"thinking": {"type": "adaptive"}}, "medium"),
        ({"thinking": {"type": "adaptive"}, "output_config": {"effort": "max"}}, "max"),
    ],
)
def test_thinking_becomes_an_effort(fields: dict[str, Any], effort: str | None) -> None:
    """A budget is a number of tokens, an effort a word."""
    assert effort == chat_of(**fields).get("reasoning_effort")


def test_a_structured_answer_is_asked_for_in_chats_words() -> None:
    """Its schema goes along."""
    form = {"type": "json_schema", "schema": {"type": "object"}}
    body = chat_of(output_config={"format": form})

    assert {"type": "object"} == body["response_format"]["json_schema"]["schema"]


def test_pictures_and_documents() -> None:
    """By address, as base64, as text; what has no place stays itself."""
    parts = messages_of(
        {
            "role": "user",
            "content": [
                {"type": "image", "source": {"type": "url", "url": "https://x/y.png"}},
                {"type": "image", "source": {"type": "file", "file_id": "f"}},
                {"type": "document", "title": "T", "source": {"type": "text", "data": "body"}},
                {"type": "document", "source": {"type": "text", "data": "bare"}},
                {"type": "document", "source": {"type": "base64", "media_type": "application/pdf", "data": "JV"}},
                {"type": "document", "source": {"type": "file", "file_id": "f"}},
                {"type": "search_result", "source": "s"},
            ],
        }
    )[0]["content"]

    assert {"url": "https://x/y.png"} == parts[0]["image_url"]
    assert "image" == parts[1]["type"]
    assert ["T\nbody", "bare"] == [part["text"] for part in parts[2:4]]
    assert {"filename": "document.pdf", "file_data": "data:application/pdf;base64,JV"} == parts[4]["file"]
    assert ["document", "search_result"] == [part["type"] for part in parts[5:]]


def test_turns_without_words() -> None:
    """A turn of results alone adds no user turn; an assistant's without anything is an empty text."""
    messages = messages_of(
        {"role": "user", "content": "hi"},
        {"role": "assistant", "content": []},
        {"role": "assistant", "content": [{"type": "tool_use", "id": "t", "name": "f", "input": "{}"}]},
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t", "content": "x"}, {"type": "text", "text": ""}]},
    )  # fmt: skip

    assert ["hi", "", None, "x"] == [message["content"] for message in messages]
    assert "tool" == messages[-1]["role"]


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"model": None}, "model"),
        ({"messages": []}, "messages"),
        ({"messages": [{"role": "user", "content": [{"type": "text", "text": ""}]}]}, "messages"),
        ({"messages": [{"role": "user", "content": []}]}, "messages[0].content"),
        (
            {"messages": [{"role": "assistant", "content": [{"type": "text", "text": "x"}, {"type": "tool_use"}]}]},
            "messages[0].content[1].name",
        ),
        ({"max_tokens": None}, "max_tokens"),
        ({"max_tokens": 0}, "max_tokens"),
        ({"max_tokens": "many"}, "max_tokens"),
        ({"stream": "yes"}, "stream"),
        ({"temperature": "hot"}, "temperature"),
        ({"top_k": "x"}, "top_k"),
        ({"tools": {}}, "tools"),
        ({"tool_choice": "auto"}, "tool_choice"),
        ({"thinking": True}, "thinking"),
        ({"stop_sequences": "x"}, "stop_sequences"),
        ({"stop_sequences": [3]}, "stop_sequences"),
        ({"system": 3}, "system"),
        ({"system": ["x"]}, "system[0]"),
        ({"metadata": 3}, "metadata"),
    ],
)
def test_a_wrong_field_is_named(fields: dict[str, Any], param: str) -> None:
    """As at the other doors."""
    with pytest.raises(InvalidRequestError) as caught:
        parse(GOOD | fields)

    assert param == caught.value.param


BLOCK = st.fixed_dictionaries(
    {"type": st.sampled_from(["text", "image", "document", "tool_use", "tool_result", "thinking", "new"])},
    optional={
        "text": st.text(max_size=5),
        "source": st.none() | st.just(PNG) | st.just({"type": "text", "data": 3}),
        "content": st.none() | st.text(max_size=3) | st.just([{"type": "text", "text": "x"}, {"type": "image"}, 3]),
        "input": st.none() | st.just({"a": 1}) | st.text(max_size=3),
        "id": st.none() | st.just("toolu"),
        "name": st.just("f"),
        "is_error": st.booleans(),
        "tool_use_id": st.integers(0, 3),
        "cache_control": st.just({"type": "ephemeral"}),
    },
)
TURN = st.fixed_dictionaries(
    {"role": st.sampled_from(["user", "assistant"]), "content": st.text(max_size=5) | st.lists(BLOCK, max_size=4)}
)


@given(st.lists(TURN, min_size=1, max_size=4))
def test_every_conversation_becomes_a_valid_one(messages: list[dict[str, Any]]) -> None:
    """Whatever blocks come, the translation passes our own check, or the request was named wrong."""
    try:
        body = parse(GOOD | {"messages": messages}).request.body
    except InvalidRequestError as error:
        named = error.param
    else:
        check_chat(body)
        named = "none"

    assert named
