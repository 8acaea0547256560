"""Cursor's bodies on the plain chat path: recognised by shape, relayed with their tools, answered as chat chunks."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from openai.types.chat import ChatCompletionChunk

from router.providers.scripted import Reply, Script, ToolCall, scripted_upstream
from tests.e2e.gateway import asked, model, running_gateway

BODIES = sorted((Path(__file__).parents[1] / "proxy" / "golden" / "cursor").glob("*.json"))


@pytest.mark.parametrize(("provider", "path"), [("openai_compatible", "/v1"), ("anthropic", ""), ("ollama", "")])
async def test_every_shape_is_answered_as_chat_chunks(tmp_path: Path, provider: str, path: str) -> None:
    """All recorded and rebuilt shapes stream valid chunks, from every dialect."""
    async with (
        scripted_upstream(Script((Reply(text="done"),))) as upstream,
        running_gateway(tmp_path, model("m", upstream.url + path, provider=provider)) as gateway,
    ):
        for file in BODIES:
            body = json.loads(file.read_text(encoding="utf-8")) | {"model": "m", "stream": True}
            response = await gateway.http.post("/chat/completions", json=body)
            assert 200 == response.status_code, f"{file.name}: {response.text}"
            events = [line[6:] for line in response.text.splitlines() if line.startswith("data: ")]
            assert "[DONE]" == events[-1], file.name
            chunks = [ChatCompletionChunk.model_validate_json(event) for event in events[:-1]]
            said = "".join(choice.delta.content or "" for chunk in chunks for choice in chunk.choices)
            assert "done" == said, file.name
            sent = asked(upstream)[-1].json
            assert bool(body.get("tools")) == bool(sent.get("tools")), file.name

    assert len(BODIES) >= 15


@pytest.mark.parametrize(("provider", "path"), [("openai_compatible", "/v1"), ("anthropic", ""), ("ollama", "")])
async def test_a_custom_tools_call_comes_back_as_a_function(tmp_path: Path, provider: str, path: str) -> None:
    """Cursor crashes on `custom`: the raw text stands in `arguments`."""
    patch = "*** Begin Patch\n*** Update File: a.py\n+print('你好')\n*** End Patch"
    body = {
        "model": "m",
        "stream": True,
        "input": [{"role": "user", "content": [{"type": "input_text", "text": "patch it"}]}],
        "tools": [{"type": "custom", "name": "ApplyPatch", "description": "edit", "format": {"type": "text"}}],
    }
    script = Script((Reply(tool_calls=(ToolCall("ApplyPatch", {"input": patch}),)),))
    async with (
        scripted_upstream(script) as upstream,
        running_gateway(
            tmp_path,
            model("m", upstream.url + path, provider=provider).replace("weight = 1", 'quirks = ["no_custom_tools"]'),
        ) as gateway,
    ):
        response = await gateway.http.post("/v1/chat/completions", json=body)

    events = [json.loads(line[6:]) for line in response.text.splitlines() if line.startswith("data: {")]
    calls = [
        call for event in events for choice in event["choices"] for call in choice["delta"].get("tool_calls") or []
    ]
    assert "function" == calls[0]["type"]
    assert "ApplyPatch" == calls[0]["function"]["name"]
    assert patch == "".join(call["function"].get("arguments") or "" for call in calls)
