"""Cursor's bodies on the chat path: 15 shapes, each understood as one valid Chat Completions body."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.errors import InvalidRequestError
from proxy.requests.cursor import normalise
from proxy.requests.parse import parse_chat
from proxy.requests.validate import check_chat

GOLDEN = Path(__file__).parent / "golden" / "cursor"
FILES = sorted(GOLDEN.glob("*.json"))
HEADERS = {"content-type": "application/json"}


def load(name: str) -> dict[str, Any]:
    return json.loads(next(GOLDEN.glob(f"{name}_*.json")).read_text(encoding="utf-8"))


def chat_of(body: dict[str, Any]) -> dict[str, Any]:
    return parse_chat(json.dumps(body).encode(), headers=HEADERS, max_depth=64).request.body


def tool_names(body: dict[str, Any]) -> list[str]:
    return [(tool.get("function") or tool.get("custom") or tool)["name"] for tool in body.get("tools") or ()]


def test_there_are_fifteen_shapes() -> None:
    """Twelve bodies of messages, and three documented shapes."""
    assert 15 == len(FILES)


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_every_shape_is_a_chat_body_in_the_end(file: Path) -> None:
    """Messages with known roles, nested tools by their names, streamed with usage; nothing of the other shapes."""
    given_body = json.loads(file.read_text(encoding="utf-8"))
    parsed = parse_chat(file.read_bytes(), headers=HEADERS, max_depth=64)
    body = parsed.request.body

    check_chat(body)
    assert (True, True) == (parsed.request.stream, parsed.request.include_usage)
    assert not {"input", "reasoning", "text", "include", "truncation", "instructions", "system"} & body.keys()
    assert tool_names(given_body) == tool_names(body)
    assert {"function", "custom"} >= {tool["type"] for tool in body.get("tools", ())}
    assert ("tools" in body) or not {"tool_choice", "parallel_tool_calls"} & body.keys()
    calls = [call for message in body["messages"] for call in message.get("tool_calls", ())]
    assert not [call for call in calls if "index" in call]
    answered = [message["tool_call_id"] for message in body["messages"] if message["role"] == "tool"]
    assert [call["id"] for call in calls] == answered


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_normalising_twice_changes_nothing(file: Path) -> None:
    """What was understood once is plain, and comes back as the same object."""
    once = normalise(json.loads(file.read_text(encoding="utf-8"))).body

    assert normalise(once).body is once


def test_calls_made_together_become_one_assistant_message() -> None:
    """Text, call and call of a Responses body are one turn, answered by two tool messages."""
    roles = [message["role"] for message in chat_of(load("13"))["messages"]]
    turn = chat_of(load("13"))["messages"][3]

    assert ["system", "system", "user", "assistant", "tool", "tool", "user"] == roles
    assert "Reading both." == turn["content"]
    assert [("call_a", "read_file"), ("call_b", "read_file")] == [
        (call["id"], call["function"]["name"]) for call in turn["tool_calls"]
    ]


def test_the_fields_of_a_responses_body_find_their_places() -> None:
    """Effort, verbosity and limit are renamed; metadata, store and stream options stay; the rest is named as lost."""
    parsed = parse_chat(json.dumps(load("13")).encode(), headers=HEADERS, max_depth=64)
    body = parsed.request.body

    assert ("high", "low", 4096) == (body["reasoning_effort"], body["verbosity"], body["max_completion_tokens"])
    assert {"store", "metadata", "stream_options", "prompt_cache_retention", "user"} <= body.keys()
    assert "c0ffee00-1111-4222-8333-444455556666" == parsed.conversation_id
    assert "看看这张图" == parsed.last_user_text
    assert (
        "include dropped: chat completions have no such parameter",
        "reasoning.summary dropped: chat completions have no such parameter",
        "input items of type reasoning dropped",
    ) == parsed.warnings


def test_a_custom_tool_keeps_its_grammar() -> None:
    """The flat tool becomes a nested one; its raw call in the history stays raw."""
    body = chat_of(load("14"))

    custom = body["tools"][1]["custom"]
    assert "lark" == custom["format"]["grammar"]["syntax"]
    assert custom["format"]["grammar"]["definition"].startswith("start:")
    assert {"type": "function", "function": {"name": "read_file"}} == body["tool_choice"]
    call = body["messages"][1]["tool_calls"][0]
    assert ("custom", "ApplyPatch") == (call["type"], call["custom"]["name"])
    assert "你好" in call["custom"]["input"]


def test_anthropic_blocks_become_messages() -> None:
    """Results stand before the text that came with them, the cache mark stays with its block, arguments are text."""
    body = chat_of(load("15"))
    system, _, assistant, *results, last = body["messages"]

    assert {"type": "ephemeral"} == system["content"][0]["cache_control"]
    assert ["toolu_a", "toolu_b"] == [result["tool_call_id"] for result in results]
    assert '{"target_file":"a.py"}' == assistant["tool_calls"][0]["function"]["arguments"]
    assert last["content"][1]["image_url"]["url"].startswith("data:image/png;base64,iVBOR")
    assert "auto" == body["tool_choice"]


def test_invalid_arguments_in_the_history_are_left_to_the_provider() -> None:
    """A history is the client's; only what is no text at all is made one."""
    body = load("07")
    body["messages"][2]["tool_calls"].append(
        {"id": "call_o", "type": "function", "function": {"name": "f", "arguments": {"a": 1}}}
    )
    calls = chat_of(body)["messages"][2]["tool_calls"]

    assert '{"command":"ls", "is_background":' == calls[0]["function"]["arguments"]
    assert '{"a":1}' == calls[1]["function"]["arguments"]


def test_reasoning_of_openrouter_is_left_alone() -> None:
    """Its object says more than an effort."""
    body = {"model": "m", "messages": [{"role": "user", "content": "x"}], "reasoning": {"max_tokens": 100}}

    assert body == chat_of(body)


def test_tools_that_only_responses_run_are_named_as_lost() -> None:
    """Without them nothing is left to choose from."""
    body = {"model": "m", "input": "hi", "tools": [{"type": "web_search"}], "tool_choice": "auto"}
    parsed = parse_chat(json.dumps(body).encode(), headers=HEADERS, max_depth=64)

    assert {"model": "m", "messages": [{"role": "user", "content": "hi"}]} == parsed.request.body
    assert ("tools of type web_search dropped",) == parsed.warnings


def test_rare_parts_of_a_responses_body() -> None:
    """Files, refusals, pictures from tools, formats, allowed tools and log probabilities."""
    schema = {"type": "object", "properties": {}}
    body = chat_of(
        {
            "model": "m",
            "input": [
                {"role": "user", "content": [{"type": "input_file", "filename": "a.pdf", "file_data": "data:x"}]},
                {"role": "assistant", "content": [{"type": "refusal", "refusal": "no"}]},
                {"type": "function_call", "call_id": "c", "name": "f"},
                {"role": "assistant", "content": "more"},
                {"type": "function_call_output", "call_id": "c", "output": [{"type": "input_image", "image_url": "u"}]},
                {"type": "function_call_output", "id": "d", "output": {"a": 1}},
                {"role": "user", "content": [{"type": "input_audio", "input_audio": {}}]},
            ],
            "top_logprobs": 2,
            "text": {"format": {"type": "json_schema", "name": "n", "schema": schema, "strict": True}},
            "tools": [{"type": "function", "name": "f", "parameters": schema}, {"type": "custom", "name": "g"}],
            "tool_choice": {"type": "allowed_tools", "mode": "auto", "tools": [{"type": "function", "name": "f"}]},
        }
    )

    assert {"filename": "a.pdf", "file_data": "data:x"} == body["messages"][0]["content"][0]["file"]
    assert ("no\nmore", "{}") == (
        body["messages"][1]["content"],
        body["messages"][1]["tool_calls"][0]["function"]["arguments"],
    )
    assert ("", "u") == (body["messages"][2]["content"], body["messages"][3]["content"][0]["image_url"]["url"])
    assert '{"a":1}' == body["messages"][4]["content"]
    assert body["logprobs"] is True
    assert {"name": "n", "schema": schema, "strict": True} == body["response_format"]["json_schema"]
    assert [{"type": "function", "function": {"name": "f"}}] == body["tool_choice"]["allowed_tools"]["tools"]


def test_a_json_object_format_of_a_responses_body() -> None:
    """The simple one."""
    body = {"model": "m", "input": "x", "text": {"format": {"type": "json_object"}}, "previous_response_id": "resp_1"}
    parsed = parse_chat(json.dumps(body).encode(), headers=HEADERS, max_depth=64)

    assert {"type": "json_object"} == parsed.request.body["response_format"]
    assert ("previous_response_id dropped: chat completions have no such parameter",) == parsed.warnings


def lost(body: dict[str, Any]) -> list[str]:
    warnings = parse_chat(json.dumps(body).encode(), headers=HEADERS, max_depth=64).warnings
    return [warning.partition(" dropped")[0] for warning in warnings]


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"truncation": "auto"}, ["truncation"]),
        ({"truncation": "disabled", "include": [], "background": False, "text": {"format": {"type": "text"}}}, []),
        ({"reasoning": {"effort": "low", "summary": "auto", "generate_summary": None}}, ["reasoning.summary"]),
        ({"text": {"verbosity": "low", "new": 1}}, ["text.new"]),
        ({"reasoning": {"effort": "low"}, "reasoning_effort": "high"}, ["reasoning.effort"]),
        ({"max_output_tokens": 5, "max_completion_tokens": 6}, ["max_completion_tokens"]),
        ({"max_output_tokens": 5, "instructions": "be brief"}, []),
        ({"context_management": [{"type": "compaction"}], "max_tool_calls": 3}, ["context_management", "max_tool_calls"]),
        (
            {"input": [{"role": "assistant", "content": [{"type": "output_text", "text": "x", "annotations": [{}]}]}]},
            ["input[].content[].annotations"],
        ),
        ({"input": [{"role": "user", "content": [{"type": "input_image", "image_url": "u", "detail": "low"}]}]}, []),
        ({"tools": [{"type": "function", "name": "f", "parameters": {}, "new": 1}]}, []),
    ],
)  # fmt: skip
def test_what_a_responses_body_alone_can_say_is_named(fields: dict[str, Any], expected: list[str]) -> None:
    """Defaults and what has a place in a chat body are not."""
    assert expected == lost({"model": "m", "input": "hi", **fields})


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"reasoning": {"effort": "low", "summary": "auto"}}, ["reasoning.summary"]),
        ({"reasoning": {"effort": "low"}, "reasoning_effort": "high"}, ["reasoning.effort"]),
        ({"system": "be", "stop_sequences": ["A"], "stop": ["B"]}, ["stop_sequences"]),
        ({"tools": [], "tool_choice": "required"}, ["tool_choice"]),
        ({"tools": [], "tool_choice": "auto", "reasoning": {"effort": "low"}}, []),
        ({"messages": [{"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t", "is_error": True}]}]}, []),
        (
            {"messages": [{"role": "assistant", "content": [{"type": "tool_use", "id": "t", "name": "f", "caller": {"a": 1}}]}]},
            ["messages[].content[].caller"],
        ),
        (
            {"tools": [{"name": "f", "input_schema": {}, "defer_loading": True, "cache_control": {"type": "ephemeral"}}]},
            ["tools[].defer_loading"],
        ),
    ],
)  # fmt: skip
def test_what_cursors_other_habits_lose_is_named(fields: dict[str, Any], expected: list[str]) -> None:
    """What the translation keeps for an upstream that has a place for it is not."""
    assert expected == lost({"model": "m", "messages": [{"role": "user", "content": "hi"}], **fields})


def test_instructions_that_are_no_text_are_refused() -> None:
    """They would vanish."""
    with pytest.raises(InvalidRequestError) as caught:
        lost({"model": "m", "input": "hi", "instructions": ["be brief"]})

    assert "instructions" == caught.value.param


def test_a_format_of_another_type_is_left_to_the_provider() -> None:
    """Which refuses it, where an answer of any shape would look like the one that was asked for."""
    body = {"model": "m", "input": "hi", "text": {"format": {"type": "grammar", "definition": "x"}}}

    assert {"type": "grammar", "definition": "x"} == chat_of(body)["response_format"]


def test_errors_of_tools_stay_on_their_message() -> None:
    """For an upstream of Anthropic's dialect; every other one names what it loses."""
    block = {"type": "tool_result", "tool_use_id": "t", "content": "no", "is_error": True}
    body = chat_of({"model": "m", "messages": [{"role": "user", "content": [block]}]})

    assert [{"role": "tool", "tool_call_id": "t", "content": "no", "is_error": True}] == body["messages"]


@pytest.mark.parametrize(
    ("value", "param"),
    [
        ([{"type": "function_call", "call_id": "c"}], "input[0].name"),
        ([{"role": "user", "content": ["x"]}], "input[0].content[0]"),
        ([{"role": "user", "content": [{"type": "input_file", "file_url": "https://x.test"}]}], "input[0].content[0]"),
        (3, "input"),
        ([], "input"),
        ([3], "input[0]"),
        ([{"content": "x"}], "input[0].role"),
        ([{"role": "user", "content": 3}], "input[0].content"),
        ([{"type": "function_call", "name": "f"}], "input[0].call_id"),
    ],
)
def test_a_broken_input_is_named(value: object, param: str) -> None:
    """By the client's own field, not by ours."""
    with pytest.raises(InvalidRequestError) as caught:
        chat_of({"model": "m", "input": value})

    assert param == caught.value.param


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    "type",
                    "role",
                    "content",
                    "input",
                    "tools",
                    "messages",
                    "name",
                    "function",
                    "text",
                    "tool_calls",
                    "system",
                ]
            ),
            inner
            | st.sampled_from(["user", "assistant", "function", "custom", "tool_use", "tool_result", "image", "text"]),
            max_size=4,
        )
    ),
    max_leaves=20,
)


@given(st.dictionaries(st.sampled_from(["input", "messages", "tools", "system", "tool_choice", "reasoning"]), JSON))
def test_no_body_crashes_the_reading(body: dict[str, Any]) -> None:
    """Whatever comes is a request, or an error that names its field."""
    try:
        parsed = parse_chat(json.dumps({"model": "m", **body}).encode(), headers=HEADERS, max_depth=64)
    except InvalidRequestError as error:
        named = error.param
    else:
        check_chat(parsed.request.body)
        named = "none"

    assert named
