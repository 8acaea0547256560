"""Every internal script through every sink, streamed and plain: valid for the client's own models, and both the same."""

from __future__ import annotations

import json
from typing import Any

import pytest
from openai.types.chat import ChatCompletion, ChatCompletionChunk

from proxy.sinks.anthropic import AnthropicSink
from proxy.sinks.openai_chat import OpenAIChatSink
from proxy.sinks.unified import UnifiedSink
from router.providers.base import ChatRequest
from tests.proxy.scripts import SCRIPTS, EventScript, sse_objects

BODY = {"model": "auto", "messages": [{"role": "user", "content": "hi"}]}
REQUEST = ChatRequest(BODY, stream=True, include_usage=True, id="1")
SOURCES = ("anthropic", "ollama", "extractive")
"""Dialects whose answers must be rendered for OpenAI clients; the events are the same."""
STOP_REASONS = {"stop": "end_turn", "length": "max_tokens", "tool_calls": "tool_use", "content_filter": "refusal"}


def openai_sink() -> OpenAIChatSink:
    return OpenAIChatSink(REQUEST, reasoning="reasoning_content", created=1)


def stream_openai(script: EventScript, source: str) -> list[dict[str, Any]]:
    sink = openai_sink()
    data = b"".join(sink.stream_frame(frame, source=source) for frame in script.frames()) + sink.end()
    assert data.endswith(b"data: [DONE]\n\n")
    chunks = sse_objects(data)
    for chunk in chunks:
        ChatCompletionChunk.model_validate(chunk, strict=True)
    return chunks


def joined(chunks: list[dict[str, Any]], choice: int, field: str) -> str:
    return "".join(
        each["delta"].get(field) or "" for chunk in chunks for each in chunk["choices"] if each["index"] == choice
    )


def calls_of_chunks(chunks: list[dict[str, Any]]) -> list[tuple[str, str, str]]:
    calls: dict[int, list[str]] = {}
    for chunk in chunks:
        for choice in chunk["choices"]:
            for part in choice["delta"].get("tool_calls", ()):
                if "id" in part:
                    assert part["index"] not in calls
                    assert "function" == part["type"]
                    calls[part["index"]] = [part["id"], part["function"]["name"], ""]
                else:
                    assert {"index", "function"} == set(part)
                calls[part["index"]][2] += part["function"]["arguments"]
    assert list(range(len(calls))) == sorted(calls)
    return [(call[0], call[1], call[2]) for _, call in sorted(calls.items())]


@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.parametrize("script", SCRIPTS, ids=str)
def test_openai_stream(script: EventScript, source: str) -> None:
    """Chunks tell the whole answer: one id, one role, one finish per choice, one usage chunk."""
    chunks = stream_openai(script, source)

    assert {"chatcmpl-1"} == {chunk["id"] for chunk in chunks}
    assert script.text == joined(chunks, 0, "content")
    assert script.reasoning == joined(chunks, 0, "reasoning_content")
    assert script.refusal == joined(chunks, 0, "refusal")
    assert [(call.id, call.name, call.arguments) for call in script.calls] == calls_of_chunks(chunks)
    assert script.other_choices == {index: joined(chunks, index, "content") for index in script.other_choices}
    for index in (0, *script.other_choices):
        mine = [each for chunk in chunks for each in chunk["choices"] if each["index"] == index]
        assert [True] == [each["delta"]["role"] == "assistant" for each in mine if "role" in each["delta"]]
        assert "" == mine[0]["delta"]["content"]
        assert [None] * (len(mine) - 1) == [each["finish_reason"] for each in mine[:-1]]
    finishes = {each["index"]: each["finish_reason"] for chunk in chunks for each in chunk["choices"]}
    assert script.finish == finishes[0]
    blocks = [
        block for chunk in chunks for each in chunk["choices"] for block in each["delta"].get("thinking_blocks", ())
    ]
    assert list(script.thinking_blocks) == blocks


@pytest.mark.parametrize("script", SCRIPTS, ids=str)
def test_openai_plain_equals_the_stream(script: EventScript) -> None:
    """A plain answer is the stream joined."""
    body = json.loads(openai_sink().plain(script.completion(), source="anthropic"))
    ChatCompletion.model_validate(body, strict=True)
    chunks = stream_openai(script, "anthropic")
    message = body["choices"][0]["message"]

    assert {"id", "object", "created", "model", "choices"} <= set(body)
    assert {"role", "content", "refusal"} <= set(message)
    assert joined(chunks, 0, "content") == (message["content"] or "")
    assert joined(chunks, 0, "reasoning_content") == message.get("reasoning_content", "")
    assert joined(chunks, 0, "refusal") == (message["refusal"] or "")
    assert calls_of_chunks(chunks) == [call_of(each) for each in message.get("tool_calls", ())]
    assert script.finish == body["choices"][0]["finish_reason"]
    assert list(script.thinking_blocks) == message.get("thinking_blocks", [])
    if script.usage is not None:
        assert chunks[-1]["usage"] == body["usage"]
        assert [] == chunks[-1]["choices"]


def call_of(call: dict[str, Any]) -> tuple[str, str, str]:
    """Return a call of a whole answer; a free-form one has a shape of its own there, as chunks have none for it."""
    if call["type"] == "custom":
        return call["id"], call["custom"]["name"], call["custom"]["input"]
    return call["id"], call["function"]["name"], call["function"]["arguments"]


class Message:
    """Joins an Anthropic stream as its SDK does, and fails where the protocol is broken."""

    def __init__(self, stream: bytes) -> None:
        self.content: list[dict[str, Any]] = []
        self.stop_reason: str | None = None
        self.usage: dict[str, Any] = {}
        self._partial = ""
        open_index: int | None = None
        kinds: list[str] = []
        for event in stream.decode().strip().split("\n\n"):
            name, data = event.split("\n")
            fields = json.loads(data.removeprefix("data: "))
            assert name == f"event: {fields['type']}"
            kinds.append(fields["type"])
            match fields["type"]:
                case "message_start":
                    self.start = fields["message"]
                    assert ([], None) == (self.start["content"], self.start["stop_reason"])
                case "content_block_start":
                    assert (None, len(self.content)) == (open_index, fields["index"])
                    open_index, self._partial = fields["index"], ""
                    self.content.append(dict(fields["content_block"]))
                case "content_block_delta":
                    assert open_index == fields["index"]
                    self._add(self.content[-1], fields["delta"])
                case "content_block_stop":
                    assert open_index == fields["index"]
                    open_index = None
                    if self.content[-1]["type"] == "tool_use":
                        self.content[-1]["input"] = json.loads(self._partial or "{}")
                case "message_delta":
                    self.stop_reason, self.usage = fields["delta"]["stop_reason"], fields["usage"]
        assert ("message_start", ["message_delta", "message_stop"]) == (kinds[0], kinds[-2:])
        assert 1 == kinds.count("message_start") == kinds.count("message_delta") == kinds.count("message_stop")
        assert open_index is None

    def _add(self, block: dict[str, Any], delta: dict[str, Any]) -> None:
        match delta["type"]:
            case "text_delta":
                block["text"] += delta["text"]
            case "thinking_delta":
                block["thinking"] += delta["thinking"]
            case "signature_delta":
                block["signature"] += delta["signature"]
            case "input_json_delta":
                self._partial += delta["partial_json"]


@pytest.mark.parametrize("script", SCRIPTS, ids=str)
def test_anthropic_stream_and_plain(script: EventScript) -> None:
    """Blocks are contiguous, none is empty, calls keep their inputs, and the plain message is the stream joined."""
    sink = AnthropicSink(REQUEST)
    data = b"".join(sink.stream_frame(frame, source="openai") for frame in script.frames()) + sink.end()
    streamed = Message(data)
    plain = json.loads(AnthropicSink(REQUEST).plain(script.completion(), source="openai"))

    assert plain["content"] == streamed.content
    assert plain["stop_reason"] == streamed.stop_reason
    assert plain["usage"] == streamed.usage
    assert ("msg_1", "message", "assistant") == (plain["id"], plain["type"], plain["role"])
    texts = [block["text"] for block in plain["content"] if block["type"] == "text"]
    assert script.text + script.refusal == "".join(texts)
    assert all(texts)
    assert script.reasoning == "".join(block["thinking"] for block in plain["content"] if block["type"] == "thinking")
    expected_calls = [
        (call.id, call.name, {"input": call.arguments} if call.kind == "custom" else json.loads(call.arguments or "{}"))
        for call in script.calls
    ]
    calls = [block for block in plain["content"] if block["type"] == "tool_use"]
    assert expected_calls == [(block["id"], block["name"], block["input"]) for block in calls]
    assert ("refusal" if script.refusal else STOP_REASONS[script.finish]) == plain["stop_reason"]


@pytest.mark.parametrize("script", SCRIPTS, ids=str)
def test_unified_stream_and_plain(script: EventScript) -> None:
    """Pieces join to the footer's content, and the footer is the plain answer."""
    sink = UnifiedSink(REQUEST, reasoning="reasoning_content")
    sink.served("claude")
    data = b"".join(sink.stream_frame(frame, source="openai") for frame in script.frames()) + sink.end()
    *pieces, footer = sse_objects(data)
    plain_sink = UnifiedSink(REQUEST, reasoning="reasoning_content")
    plain_sink.served("claude")
    plain = json.loads(plain_sink.plain(script.completion(), source="openai"))

    assert data.endswith(b"data: [DONE]\n\n")
    assert plain == footer
    assert script.text + script.refusal == "".join(piece.get("delta", "") for piece in pieces) == footer["content"]
    assert script.reasoning == "".join(piece.get("reasoning_delta", "") for piece in pieces)
    assert ("claude", script.finish) == (footer["_actual_model_used"], footer["finish_reason"])
    assert [call.id for call in script.calls] == [call["id"] for call in footer.get("tool_calls", ())]
