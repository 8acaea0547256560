"""Every answer, told by every source, heard through every door, streamed and plain, over real sockets: one meaning."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from router.providers.scripted import Match, Reply, Script, ScriptedUpstream, ToolCall, UsageSpec, scripted_upstream
from tests.e2e.gateway import HEAD, Gateway, model, running_gateway, user

Call = tuple[str, dict[str, Any]]


@dataclass(frozen=True)
class Heard:
    """What a client has in the end, whichever dialect it speaks. `finish` is OpenAI's word."""

    text: str = ""
    reasoning: str = ""
    calls: tuple[Call, ...] = ()
    finish: str = "stop"
    input_tokens: int = 11
    output_tokens: int = 7


SPENT = UsageSpec(input=11, output=7)
TOOL = ToolCall("get_weather", {"city": "北京", "days": [1, 2]}, id="call_a")
OTHER_TOOL = ToolCall("get_weather", {"city": "Köln"}, id="call_b")
CALLS: tuple[Call, ...] = (("get_weather", {"city": "北京", "days": [1, 2]}), ("get_weather", {"city": "Köln"}))
PLAYS: dict[str, tuple[Reply, Heard]] = {
    "english": (Reply(text="Hello, wide world.", usage=SPENT), Heard("Hello, wide world.")),
    "chinese": (Reply(text='丘脑转发🧠,"一字\n不改"。', usage=SPENT), Heard('丘脑转发🧠,"一字\n不改"。')),
    "reasoning": (
        Reply(text="42", reasoning="let me think 想一想", usage=SPENT),
        Heard("42", reasoning="let me think 想一想"),
    ),
    "tool": (Reply(tool_calls=(TOOL,), usage=SPENT), Heard(calls=CALLS[:1], finish="tool_calls")),
    "parallel_tools": (Reply(tool_calls=(TOOL, OTHER_TOOL), usage=SPENT), Heard(calls=CALLS, finish="tool_calls")),
    "text_and_tool": (
        Reply(text="I will look.", tool_calls=(TOOL,), usage=SPENT),
        Heard("I will look.", calls=CALLS[:1], finish="tool_calls"),
    ),
    "length": (Reply(text="cut o", finish="length", usage=SPENT), Heard("cut o", finish="length")),
    "filtered": (
        Reply(text="I", finish="content_filter", usage=SPENT),
        Heard("I", finish="content_filter"),
    ),
    "refusal": (
        Reply(refusal="I cannot do that.", usage=SPENT),
        Heard("I cannot do that.", finish="stop"),
    ),
    "cached": (
        Reply(text="hi", usage=replace(SPENT, cached=4)),
        Heard("hi"),
    ),
}
SOURCES = ("openai", "anthropic", "ollama", "extractive")
DOORS = ("chat", "claude", "unified")
NOT_APPLICABLE = {
    ("ollama", "filtered"): "Ollama has no such reason to end",
    ("ollama", "refusal"): "Ollama has no refusals apart from text",
    ("anthropic", "refusal"): "a refusal of Anthropic's is a stop reason: see `filtered`",
    ("ollama", "cached"): "Ollama does not tell cached tokens apart",
    **{("extractive", name): "the extractive model quotes documents; it follows no script" for name in PLAYS},
}
"""(source, play) that cannot be told, and why. What the extractive model says has a test of its own below."""
FINISH_OF_STOP_REASON = {
    "end_turn": "stop",
    "max_tokens": "length",
    "tool_use": "tool_calls",
    "refusal": "content_filter",
}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def upstream() -> AsyncGenerator[ScriptedUpstream]:
    """One double that speaks all three dialects and plays what the question names."""
    replies = [replace(reply, match=Match(contains=f"play:{name};")) for name, (reply, _) in PLAYS.items()]
    async with scripted_upstream(Script(tuple(replies), models=("scripted",))) as running:
        yield running


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def gateway(tmp_path_factory: pytest.TempPathFactory, upstream: ScriptedUpstream) -> AsyncGenerator[Gateway]:
    """One gateway with a model of each dialect."""
    folder: Path = tmp_path_factory.mktemp("gateway")
    async with running_gateway(
        folder,
        model("openai", f"{upstream.url}/v1"),
        model("anthropic", upstream.url, provider="anthropic"),
        model("ollama", upstream.url, provider="ollama"),
        head=HEAD.replace("shipped_models = false", ""),
    ) as running:
        yield running


TOLD = [(source, name) for source in SOURCES for name in PLAYS if (source, name) not in NOT_APPLICABLE]


def test_every_cell_is_told_or_explained() -> None:
    """No pair is left out without a reason, and no reason is kept for a pair that does not exist."""
    everything = {(source, name) for source in SOURCES for name in PLAYS}

    assert everything == {*TOLD, *NOT_APPLICABLE}
    assert 26 == len(TOLD)


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("stream", [True, False], ids=["streamed", "plain"])
@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize(("source", "name"), TOLD)
async def test_the_same_meaning_whoever_tells_it(
    gateway: Gateway, source: str, name: str, door: str, stream: bool
) -> None:
    """Text, reasoning, calls, finish and tokens arrive, and the books hold the same tokens."""
    expected = PLAYS[name][1]

    heard, decision_id = await ask(gateway, door, source, f"play:{name}; please", stream=stream)
    booked = (await gateway.http.get(f"/v1/decisions/{decision_id}")).json()

    assert expected == heard if door != "claude" else in_anthropic(expected, name) == heard
    assert ("completed", source) == (booked["status"], booked["served_model"])
    tokens = [(each["input_tokens"], each["output_tokens"], each["usage_source"]) for each in booked["attempts"]]
    assert [(11, 7, "upstream")] == tokens
    assert (4 if name == "cached" else 0) == booked["attempts"][0]["cached_tokens"]


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("stream", [True, False], ids=["streamed", "plain"])
@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize(
    ("question", "holds", "doc"),
    [
        ("Which header switches the router off?", "x-thalamus-router", "en/"),
        ("怎么备份数据库？", "thalamus db backup", "zh/"),
    ],
    ids=["en", "zh"],
)
async def test_the_extractive_model_through_every_door(
    gateway: Gateway, question: str, holds: str, doc: str, door: str, stream: bool
) -> None:
    """It quotes the shipped guide in the question's language, and its tokens are counted and marked."""
    heard, decision_id = await ask(gateway, door, "extractive", question, stream=stream)
    booked = (await gateway.http.get(f"/v1/decisions/{decision_id}")).json()

    assert holds in heard.text
    assert f"[{doc}" in heard.text
    assert "stop" == heard.finish
    assert heard.output_tokens > 5
    assert heard.output_tokens == booked["attempts"][0]["output_tokens"]


def in_anthropic(expected: Heard, name: str) -> Heard:
    """Return what a Messages client can be told: a refusal is one of its stop reasons."""
    return replace(expected, finish="content_filter") if name == "refusal" else expected


async def ask(gateway: Gateway, door: str, source: str, text: str, *, stream: bool) -> tuple[Heard, str]:
    """Ask through a door and return what was heard, and the decision's id."""
    common: dict[str, object] = {"model": source, "stream": stream}
    if door == "chat":
        body = common | {"messages": user(text)} | ({"stream_options": {"include_usage": True}} if stream else {})
        response = await gateway.http.post("/v1/chat/completions", json=body)
        heard = of_chunks(objects(response.text)) if stream else of_completion(response.json())
    elif door == "claude":
        response = await gateway.http.post("/api/claude", json=common | {"max_tokens": 500, "messages": user(text)})
        heard = of_message(joined(objects(response.text)) if stream else response.json())
    else:
        response = await gateway.http.post("/api/chat", json=common | {"message": text})
        heard = of_unified(objects(response.text)) if stream else of_answer(response.json(), source)
    assert 200 == response.status_code, response.text
    return heard, response.headers["x-thalamus-decision-id"]


def objects(stream: str) -> list[dict[str, Any]]:
    """Return the JSON objects of an event stream."""
    data = [line.removeprefix("data: ") for line in stream.split("\n") if line.startswith("data: ")]
    return [json.loads(line) for line in data if line != "[DONE]"]


def of_completion(body: dict[str, Any]) -> Heard:
    """Read a whole Chat Completions answer."""
    [choice] = body["choices"]
    message = choice["message"]
    return Heard(
        text=(message["content"] or "") + (message["refusal"] or ""),
        reasoning=message.get("reasoning_content", ""),
        calls=tuple(_call(each["function"]) for each in message.get("tool_calls", ())),
        finish=choice["finish_reason"],
        input_tokens=body["usage"]["prompt_tokens"],
        output_tokens=body["usage"]["completion_tokens"],
    )


def of_chunks(chunks: list[dict[str, Any]]) -> Heard:
    """Join Chat Completions chunks as a client does."""
    deltas = [choice["delta"] for chunk in chunks for choice in chunk["choices"]]
    finishes = [choice["finish_reason"] for chunk in chunks for choice in chunk["choices"] if choice["finish_reason"]]
    calls: dict[int, dict[str, str]] = {}
    for part in (part for delta in deltas for part in delta.get("tool_calls", ())):
        call = calls.setdefault(part["index"], {"name": "", "arguments": ""})
        call["name"] += part["function"].get("name") or ""
        call["arguments"] += part["function"].get("arguments") or ""
    [finish] = finishes
    usage = chunks[-1]["usage"]
    return Heard(
        text="".join((delta.get("content") or "") + (delta.get("refusal") or "") for delta in deltas),
        reasoning="".join(delta.get("reasoning_content") or "" for delta in deltas),
        calls=tuple(_call(call) for _, call in sorted(calls.items())),
        finish=finish,
        input_tokens=usage["prompt_tokens"],
        output_tokens=usage["completion_tokens"],
    )


def joined(events: list[dict[str, Any]]) -> dict[str, Any]:
    """Join Anthropic's events into the message that they tell."""
    message: dict[str, Any] = {}
    for event in events:
        match event["type"]:
            case "message_start":
                message = event["message"]
            case "content_block_start":
                message["content"].append(event["content_block"] | {"partial": ""})
            case "content_block_delta":
                _extend(message["content"][event["index"]], event["delta"])
            case "message_delta":
                message["stop_reason"] = event["delta"]["stop_reason"]
                message["usage"] |= event["usage"]
            case _:
                pass
    for block in message["content"]:
        if block["type"] == "tool_use":
            block["input"] = json.loads(block["partial"])
    return message


def of_message(message: dict[str, Any]) -> Heard:
    """Read a whole Anthropic message."""
    blocks, usage = message["content"], message["usage"]
    cached = usage.get("cache_read_input_tokens") or 0
    return Heard(
        text="".join(block["text"] for block in blocks if block["type"] == "text"),
        reasoning="".join(block["thinking"] for block in blocks if block["type"] == "thinking"),
        calls=tuple((block["name"], block["input"]) for block in blocks if block["type"] == "tool_use"),
        finish=FINISH_OF_STOP_REASON[message["stop_reason"]],
        input_tokens=usage["input_tokens"] + cached,
        output_tokens=usage["output_tokens"],
    )


def of_unified(events: list[dict[str, Any]]) -> Heard:
    """Join the pieces of `/api/chat`; they must be what the footer says."""
    *pieces, footer = events
    heard = of_answer(footer, footer["_actual_model_used"])
    assert heard.text == "".join(piece.get("delta", "") for piece in pieces)
    return replace(heard, reasoning="".join(piece.get("reasoning_delta", "") for piece in pieces))


def of_answer(answer: dict[str, Any], source: str) -> Heard:
    """Read a whole answer of `/api/chat`."""
    assert source == answer["_actual_model_used"]
    return Heard(
        text=answer["content"],
        reasoning=answer.get("reasoning", ""),
        calls=tuple(_call(each["function"]) for each in answer.get("tool_calls", ())),
        finish=answer["finish_reason"],
        input_tokens=answer["usage"]["prompt_tokens"],
        output_tokens=answer["usage"]["completion_tokens"],
    )


def _call(function: dict[str, str]) -> Call:
    return function["name"], json.loads(function["arguments"])


def _extend(block: dict[str, Any], delta: dict[str, str]) -> None:
    match delta["type"]:
        case "text_delta":
            block["text"] += delta["text"]
        case "thinking_delta":
            block["thinking"] += delta["thinking"]
        case "input_json_delta":
            block["partial"] += delta["partial_json"]
        case _:
            pass
