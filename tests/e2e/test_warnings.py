"""What a translation loses, as clients and the books see it."""

from __future__ import annotations

from pathlib import Path

from router.providers.scripted import Reply, Script, scripted_upstream
from tests.e2e.gateway import asked, model, running_gateway, user

LOOP = [
    {"role": "user", "content": "weather?"},
    {"role": "assistant", "content": [{"type": "tool_use", "id": "toolu_1", "name": "f", "input": {}}]},
    {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "toolu_1", "content": "no", "is_error": True}]},
]
TOOL = {"name": "f", "input_schema": {"type": "object", "properties": {}}}


async def test_what_a_claude_client_loses_on_another_dialect_is_in_the_headers_and_the_books(tmp_path: Path) -> None:
    """Each by its name; on Anthropic's own dialect the same body loses nothing."""
    async with scripted_upstream(Script((Reply(text="hello"),))) as upstream:
        models = (
            model("a", upstream.url, provider="anthropic"),
            model("b", f"{upstream.url}/v1", provider="mistral"),
        )
        keys = {"ANTHROPIC_API_KEY": "sk-ant-made-up", "MISTRAL_API_KEY": "made-up"}
        async with running_gateway(tmp_path, *models, env=keys) as gateway:
            body = {"max_tokens": 9, "top_k": 4, "messages": LOOP, "tools": [TOOL]}
            own = await gateway.http.post("/api/claude", json={"model": "a", **body})
            other = await gateway.http.post("/api/claude", json={"model": "b", **body})
            plain = await gateway.chat(model="b", messages=user("hi"))
            booked = await gateway.decision(other)
            sent = asked(upstream)[1].body

    assert [200] * 3 == [each.status_code for each in (own, other, plain)], (own.text, other.text)
    named = [warning.partition(" dropped")[0] for warning in other.headers.get_list("x-thalamus-warning")]
    assert {"messages[].is_error", "top_k"} == set(named)
    assert ([], []) == (own.headers.get_list("x-thalamus-warning"), plain.headers.get_list("x-thalamus-warning"))
    assert len(named) == len(booked["warnings"])
    assert "top_k" not in str(sent)


async def test_thinking_that_a_local_model_refuses_is_in_the_headers(tmp_path: Path) -> None:
    """Streamed and plain: the refusal comes before the first content, so the headers can still tell."""
    refusal = Reply(status=400, body={"error": '"scripted" does not support thinking'}, times=1)
    found: list[list[str]] = []
    for stream in (True, False):
        async with (
            scripted_upstream(Script((refusal, Reply(text="hello")))) as upstream,
            running_gateway(tmp_path, model("o", upstream.url, provider="ollama")) as gateway,
        ):
            answer = await gateway.chat(model="o", reasoning_effort="medium", stream=stream)
            found.append(answer.headers.get_list("x-thalamus-warning"))

    assert [["reasoning_effort dropped: the model does not think"]] * 2 == found
