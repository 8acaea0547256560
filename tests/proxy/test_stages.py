"""What each stage decides, seen from outside: passages, stickiness, embeddings, explain in every door."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from router.providers.scripted import Match, Reply, Script, ScriptedUpstream, scripted_upstream
from tests.e2e.gateway import model, running_gateway, user

SCRIPT = Script((Reply(text="hello"),))
LIBRARY_TEXT = "# The lamp\n\nThe colour of the gateway's lamp is green.\n"
QUESTION = "What is the colour of the gateway's lamp?"
TOOL = {"type": "function", "function": {"name": "look", "parameters": {"type": "object", "properties": {}}}}
EMBEDS = 'capabilities = ["embeddings"]'


def library(folder: Path, **settings: object) -> str:
    """Write a small library, and return the settings that read it."""
    home = folder / "library"
    home.mkdir()
    (home / "lamp.md").write_text(LIBRARY_TEXT)
    lines = [f"{name} = {json.dumps(value)}" for name, value in settings.items()]
    return "\n".join(["[retrieval]", f'library = "{home}"', *lines, ""])


def sent_text(upstream: ScriptedUpstream) -> str:
    """Return what the upstream was last asked."""
    return json.dumps(upstream.requests[-1].json["messages"])


@pytest.mark.parametrize("path", ["/v1/chat/completions", "/api/claude", "/api/chat"])
@pytest.mark.parametrize("provider", ["vllm", "anthropic"])
async def test_auto_gets_the_passages_that_answer(tmp_path: Path, path: str, provider: str) -> None:
    """In every door and to every dialect; the books cite them."""
    async with (
        scripted_upstream(SCRIPT) as upstream,
        running_gateway(
            tmp_path,
            library(tmp_path),
            model("m", upstream.url + ("/v1" if provider == "vllm" else ""), provider=provider),
        ) as gateway,
    ):
        ask = {"model": "auto", "max_tokens": 50, "messages": user(QUESTION)}
        response = await gateway.http.post(path, json=ask)
        decision = await gateway.decision(response)

    assert 200 == response.status_code, response.text
    assert "lamp is green" in sent_text(upstream)
    assert QUESTION in sent_text(upstream)
    assert ["lamp.md"] == [each["doc"] for each in decision["passages"]]  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("settings", "ask", "headers"),
    [
        ({}, {"model": "m"}, {}),
        ({}, {"tools": [TOOL]}, {}),
        ({}, {"messages": user("What is the boiling point of tungsten?")}, {}),
        ({}, {}, {"x-thalamus-router": "off"}),
        ({"inject": "never"}, {}, {}),
        ({"enabled": False}, {}, {}),
        ({"token_budget": 0}, {}, {}),
    ],
    ids=["named", "tools", "unanswered", "off", "never", "disabled", "no-budget"],
)
async def test_other_requests_go_as_they_came(
    tmp_path: Path, settings: dict[str, object], ask: dict[str, object], headers: dict[str, str]
) -> None:
    """A named model, a tool loop, the kill switch, and questions that the documents do not answer stay untouched."""
    body = {"model": "auto", "messages": user(QUESTION)} | ask
    async with (
        scripted_upstream(SCRIPT) as upstream,
        running_gateway(tmp_path, library(tmp_path, **settings), model("m", upstream.url + "/v1")) as gateway,
    ):
        response = await gateway.http.post("/v1/chat/completions", json=body, headers=headers)
        health = (await gateway.http.get("/health")).json()

    assert 200 == response.status_code, response.text
    assert body["messages"] == upstream.requests[-1].json["messages"]
    assert ("off" if settings.get("enabled") is False else "ok") == health["components"]["documents"]["status"]


async def test_a_conversation_stays_with_its_model(tmp_path: Path) -> None:
    """Turns with one id draw alike; other conversations draw on their own."""
    async with (
        scripted_upstream(SCRIPT) as upstream,
        running_gateway(tmp_path, *(model(name, upstream.url + "/v1") for name in "abcd")) as gateway,
    ):
        ask = {"model": "auto", "messages": user("hi")}
        turns = [
            await gateway.http.post(
                "/v1/chat/completions", json=ask, headers={"x-thalamus-conversation-id": f"conversation {n}"}
            )
            for n in range(6)
            for _ in range(3)
        ]

    served = [turn.headers["x-thalamus-model"] for turn in turns]
    per_conversation = [set(served[at : at + 3]) for at in range(0, len(served), 3)]
    assert [1] * 6 == [len(names) for names in per_conversation]
    assert len(set(served)) > 1


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("path", ["/api/claude", "/api/chat"])
async def test_explain_in_the_other_doors(tmp_path: Path, path: str, stream: bool) -> None:
    """A field of the answer, and in streams something that the door's own clients can read past."""
    ask = {"model": "auto", "max_tokens": 50, "messages": user("hi"), "stream": stream}
    async with (
        scripted_upstream(SCRIPT) as upstream,
        running_gateway(tmp_path, model("m", upstream.url + "/v1")) as gateway,
    ):
        response = await gateway.http.post(path, json=ask, headers={"x-thalamus-router": "explain"})

    assert 200 == response.status_code
    assert "probabilities" in response.text
    if not stream:
        assert ["m"] == response.json()["thalamus"]["eligible"]
    elif path == "/api/claude":
        data = [json.loads(line[6:]) for line in response.text.splitlines() if line.startswith("data: ")]
        assert all("type" in each for each in data)
        assert "message_stop" == data[-1]["type"]


async def test_embeddings_go_to_the_next_deployment(tmp_path: Path) -> None:
    """`auto` means the model that embeds; its deployments stand in for each other, other models never do."""
    broken = Script((Reply(match=Match(path="/v1/embeddings"), fault="server_error"),))
    sound = Script((Reply(match=Match(path="/v1/embeddings")),))
    async with (
        scripted_upstream(broken) as bad,
        scripted_upstream(sound) as good,
        running_gateway(
            tmp_path,
            model("chat", good.url + "/v1"),
            model("e", bad.url + "/v1", extra=EMBEDS, weight=1000000),
            f'  [[model.deployment]]\n  provider = "vllm"\n  base_url = "{good.url}/v1"\n'
            '  upstream_model = "scripted"\n  weight = 0.000001\n',
        ) as gateway,
    ):
        response = await gateway.http.post("/v1/embeddings", json={"model": "auto", "input": ["支付", "order"]})
        decision = await gateway.decision(response)

    assert 200 == response.status_code, response.text
    assert [0, 1] == [each["index"] for each in response.json()["data"]]
    assert ("e", "2") == (response.headers["x-thalamus-model"], response.headers["x-thalamus-attempts"])
    assert ("embeddings", "e") == (decision["endpoint"], decision["served_model"])
    assert decision["attempts"][1]["input_tokens"] > 0  # type: ignore[index]


@pytest.mark.parametrize(
    ("named", "status", "code"), [("auto", 503, "no_live_model"), ("nobody", 404, "model_not_found")]
)
async def test_embeddings_without_a_model(tmp_path: Path, named: str, status: int, code: str) -> None:
    """A model that only talks is not asked for vectors."""
    async with (
        scripted_upstream(SCRIPT) as upstream,
        running_gateway(tmp_path, model("m", upstream.url + "/v1")) as gateway,
    ):
        response = await gateway.http.post("/v1/embeddings", json={"model": named, "input": "x"})

    assert (status, code) == (response.status_code, response.json()["error"]["code"])
    assert [] == [each for each in upstream.requests if each.method == "POST"]


async def test_embeddings_of_a_dialect_that_has_none(tmp_path: Path) -> None:
    """A model whose provider has no embeddings is an error that says so, not a crash."""
    async with (
        scripted_upstream(SCRIPT) as upstream,
        running_gateway(tmp_path, model("m", upstream.url, provider="anthropic", extra=EMBEDS)) as gateway,
    ):
        response = await gateway.http.post("/v1/embeddings", json={"model": "m", "input": "x"})

    assert (400, "model_cannot_embed") == (response.status_code, response.json()["error"]["code"])


async def test_ollama_embeds_by_its_other_endpoint(tmp_path: Path) -> None:
    """Talk goes to Ollama's native endpoint, vectors to the one that OpenAI's clients use."""
    async with (
        scripted_upstream(Script((Reply(match=Match(path="/v1/embeddings")),))) as upstream,
        running_gateway(tmp_path, model("m", upstream.url + "/", provider="ollama", extra=EMBEDS)) as gateway,
    ):
        response = await gateway.http.post("/v1/embeddings", json={"model": "m", "input": "x"})

    assert 200 == response.status_code, response.text
    assert "/v1/embeddings" == upstream.requests[-1].path
