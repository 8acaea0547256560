"""The doors beside OpenAI's: unified chat, Anthropic's shape, explain and off, health, metrics, reload."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator
from pathlib import Path

import pytest

from router.providers.scripted import Reply, Script, ScriptedUpstream, UsageSpec, scripted_upstream
from tests.e2e.gateway import HEAD, Gateway, asked, model, running_gateway, user

SCRIPT = Script((Reply(text="hello there", usage=UsageSpec(input=5, output=2)),))


@pytest.fixture
async def upstream() -> AsyncGenerator[ScriptedUpstream, None]:
    """One sound upstream."""
    async with scripted_upstream(SCRIPT) as running:
        yield running


@pytest.fixture
async def gateway(tmp_path: Path, upstream: ScriptedUpstream) -> AsyncGenerator[Gateway, None]:
    """A gateway with two models on it."""
    async with running_gateway(
        tmp_path, model("a", upstream.url + "/v1"), model("b", upstream.url, provider="anthropic")
    ) as running:
        yield running


async def test_unified_chat_tells_who_answered(gateway: Gateway) -> None:
    """`/api/chat` is ours: a message in, content and `_actual_model_used` out."""
    rules = [{"pattern": "code|代码", "model": "b"}]
    ruled = (await gateway.http.post("/api/chat", json={"message": "看看这段代码", "routing_rules": rules})).json()
    named = (await gateway.http.post("/api/chat", json={"messages": user("hi"), "model": "a"})).json()

    assert ("b", "hello there") == (ruled["_actual_model_used"], ruled["content"])
    assert ("a", 7) == (named["_actual_model_used"], named["usage"]["total_tokens"])
    assert ruled["id"]


async def test_unified_chat_streams(gateway: Gateway) -> None:
    """Pieces first, the whole footer last."""
    response = await gateway.http.post("/api/chat", json={"message": "hi", "model": "a", "stream": True})
    events = [line for line in response.text.splitlines() if line.startswith("data: ")]

    assert "data: [DONE]" == events[-1]
    assert '"_actual_model_used":"a"' in events[-2].replace(" ", "")


@pytest.mark.parametrize("served_by", ["a", "b"])
async def test_anthropic_shape_whoever_answers(gateway: Gateway, served_by: str) -> None:
    """A Messages body in, a message out, from an OpenAI upstream and from Anthropic's own."""
    body = {"model": served_by, "max_tokens": 50, "messages": user("hi")}
    plain = (await gateway.http.post("/api/claude", json=body)).json()
    streamed = (await gateway.http.post("/api/claude", json=body | {"stream": True})).text

    assert ("message", "assistant", "end_turn") == (plain["type"], plain["role"], plain["stop_reason"])
    assert "hello there" == "".join(block["text"] for block in plain["content"])
    assert 2 == plain["usage"]["output_tokens"]
    kinds = [line.removeprefix("event: ") for line in streamed.splitlines() if line.startswith("event: ")]
    assert ("message_start", "message_stop") == (kinds[0], kinds[-1])
    assert kinds.count("content_block_start") == kinds.count("content_block_stop") == 1


async def test_an_anthropic_body_reaches_anthropic_untouched(gateway: Gateway, upstream: ScriptedUpstream) -> None:
    """The same dialect on both sides: only the model's name changes, and beta headers go along."""
    body = {"model": "b", "max_tokens": 50, "messages": user("hi"), "future_field": {"x": [1]}}
    await gateway.http.post("/api/claude", json=body, headers={"anthropic-beta": "context-management-2025-06-27"})

    sent = asked(upstream)[-1]
    assert body | {"model": "scripted"} == {name: value for name, value in sent.json.items() if name != "stream"}
    assert "context-management-2025-06-27" == sent.headers["anthropic-beta"]


async def test_unknown_fields_survive_and_ours_stay_here(gateway: Gateway, upstream: ScriptedUpstream) -> None:
    """What we do not know is the provider's; where to send it is never the client's to say."""
    await gateway.chat(
        model="a",
        future_field={"x": [1, 2.5, None]},
        api_base="http://evil.invalid",
        base_url="http://evil.invalid",
        api_key="sk-stolen",
        extra_headers={"x": "y"},
        routing_rules=[{"pattern": "zzz", "model": "b"}],
    )

    sent = asked(upstream)[-1].json
    assert {"x": [1, 2.5, None]} == sent["future_field"]
    assert not {"api_base", "base_url", "api_key", "extra_headers", "routing_rules"} & set(sent)


async def test_explain_adds_the_decision(gateway: Gateway) -> None:
    """Plain answers carry it as a field, streams as a last chunk without choices."""
    ask = {"model": "auto", "messages": user("hi")}
    explain = {"x-thalamus-router": "explain"}
    plain = (await gateway.http.post("/v1/chat/completions", json=ask, headers=explain)).json()
    streamed = await gateway.http.post("/v1/chat/completions", json=ask | {"stream": True}, headers=explain)

    assert {"a", "b"} == set(plain["thalamus"]["eligible"])
    assert 1.0 == pytest.approx(sum(plain["thalamus"]["probabilities"]))
    assert {"admit", "parse", "reflex", "classify", "retrieve", "decide"} <= {
        stage["name"] for stage in plain["thalamus"]["stages"]
    }
    assert '"thalamus":' in streamed.text


async def test_off_uses_the_default_model_without_rules(tmp_path: Path, upstream: ScriptedUpstream) -> None:
    """The kill switch goes past rules, documents and draws."""
    head = HEAD.replace(
        "shipped_models = false",
        'shipped_models = false\ndefault_model = "a"\n[[routing.rules]]\npattern = "hi"\nmodel = "b"\n',
    )
    url = upstream.url
    async with running_gateway(
        tmp_path, model("a", url + "/v1"), model("b", url, provider="anthropic"), head=head
    ) as gateway:
        ruled = await gateway.chat(model="auto")
        off = await gateway.http.post(
            "/v1/chat/completions",
            json={"model": "auto", "messages": user("hi")},
            headers={"x-thalamus-router": "off"},
        )

    assert ("b", "a") == (ruled.headers["x-thalamus-model"], off.headers["x-thalamus-model"])


async def test_health_ready_and_metrics(gateway: Gateway) -> None:
    """Components have a state; the counters move."""
    await gateway.chat(model="a")
    health = (await gateway.http.get("/health")).json()
    ready = await gateway.http.get("/health/ready")
    scraped = await gateway.http.get("/metrics")
    metrics = scraped.text

    assert "ok" == health["status"]
    assert {"database", "documents", "models"} <= set(health["components"])
    assert (200, "ready") == (ready.status_code, ready.json()["status"])
    assert "text/plain; version=0.0.4; charset=utf-8" == scraped.headers["content-type"]
    assert 'thalamus_requests_total{endpoint="chat",status="completed"} 1.0' in metrics


async def test_a_reload_tells_what_needs_a_restart(
    tmp_path: Path, upstream: ScriptedUpstream, gateway: Gateway
) -> None:
    """A changed port stays as it was, and the answer says so; what did change is in force."""
    (tmp_path / "thalamus.toml").write_text(
        HEAD.replace("port = 0", "port = 0\ndrain_s = 7") + model("c", upstream.url + "/v1")
    )
    changed = (await gateway.http.post("/api/config/reload", json={})).json()
    (tmp_path / "thalamus.toml").write_text(HEAD + model("c", upstream.url + "/v1"))
    same = (await gateway.http.post("/api/config/reload", json={})).json()

    assert (True, ["server.drain_s"]) == (changed["reloaded"], changed["needs_restart"])
    assert [] == same["needs_restart"]


async def test_reload_swaps_good_settings_and_refuses_bad_ones(
    tmp_path: Path, upstream: ScriptedUpstream, gateway: Gateway
) -> None:
    """A bad file leaves the old configuration running and says why."""
    config = tmp_path / "thalamus.toml"
    good = HEAD + model("c", upstream.url + "/v1")
    config.write_text(good)
    swapped = await gateway.http.post("/api/config/reload", json={})
    now = [each["id"] for each in (await gateway.http.get("/v1/models")).json()["data"]]
    config.write_text(good.replace("upstream_model", "upsteam_model"))
    refused = await gateway.http.post("/api/config/reload", json={})
    health = (await gateway.http.get("/health")).json()

    assert (200, True, False) == (swapped.status_code, "c" in now, "a" in now)
    assert 400 == refused.status_code
    assert "upstream_model" in refused.json()["error"]["message"]
    assert "upstream_model" in health["reload_error"]
    assert 200 == (await gateway.chat(model="c")).status_code


async def test_keys_are_needed_once_one_exists(gateway: Gateway) -> None:
    """On loopback any key will do, until the operator makes the first."""
    assert 200 == (await gateway.chat(model="a")).status_code
    secret, _ = await gateway.house.keys.create("laptop")

    without = await gateway.chat(model="a")
    wrong = await gateway.http.post(
        "/v1/chat/completions", json={"model": "a", "messages": user("hi")}, headers={"authorization": "Bearer nope"}
    )
    right = await gateway.http.post(
        "/v1/chat/completions",
        json={"model": "a", "messages": user("hi")},
        headers={"authorization": f"Bearer {secret}"},
    )
    assert [401, 401, 200] == [without.status_code, wrong.status_code, right.status_code]
    assert "invalid_api_key" == wrong.json()["error"]["code"]


async def test_row_24_count_tokens_is_served_without_asking_a_model(
    gateway: Gateway, upstream: ScriptedUpstream
) -> None:
    """Anthropic's clients count before they send, and their SDK's body has no max_tokens there; nothing is generated."""
    tool = {"name": "look", "description": "Looks.", "input_schema": {"type": "object", "properties": {}}}
    body = {
        "messages": user("数一数这些词 one two three"),
        "model": "a",
        "system": [{"type": "text", "text": "Be short."}],
    }
    raw = json.dumps(body | {"tools": [tool], "tool_choice": {"type": "auto"}, "thinking": {"type": "disabled"}})
    headers = {"content-type": "application/json", "anthropic-version": "2023-06-01", "x-api-key": "unused"}
    path = "/api/claude/v1/messages/count_tokens"
    bare = await gateway.http.post("/api/claude/count_tokens", json=body)
    full = await gateway.http.post(path, content=raw, headers=headers)
    longer = await gateway.http.post(f"{path}?beta=true", json=body | {"messages": user("word " * 200)})
    limited = await gateway.http.post(path, json=body | {"max_tokens": 50})

    assert [200] * 4 == [each.status_code for each in (bare, full, longer, limited)]
    assert 0 < bare.json()["input_tokens"] < full.json()["input_tokens"] < longer.json()["input_tokens"]
    assert 150 < longer.json()["input_tokens"] < 400
    assert bare.json() == limited.json()
    assert not [each for each in upstream.requests if each.method == "POST"]


@pytest.mark.parametrize("path", ["/api/claude/count_tokens", "/api/claude/v1/messages/count_tokens"])
async def test_count_tokens_tells_errors_as_anthropic_does(gateway: Gateway, path: str) -> None:
    """An SDK that reads Anthropic's outer shape learns which field is wrong, and that a method is."""
    missing = await gateway.http.post(path, json={"model": "a"})
    broken = await gateway.http.post(path, content=b"{", headers={"content-type": "application/json"})
    wrong = await gateway.http.post(path, json={"model": "a", "messages": user("hi"), "max_tokens": 0})
    got = await gateway.http.get(path)

    assert [400, 400, 400, 405] == [each.status_code for each in (missing, broken, wrong, got)]
    assert ["error"] * 4 == [each.json().get("type") for each in (missing, broken, wrong, got)]
    assert ["messages", None, "max_tokens"] == [each.json()["error"]["param"] for each in (missing, broken, wrong)]
    assert "invalid_request_error" == missing.json()["error"]["type"]


async def test_a_wrong_method_is_told_in_the_doors_own_shape(gateway: Gateway) -> None:
    """A GET of a door is refused as that door's clients read errors."""
    claude, chat = await gateway.http.get("/api/claude"), await gateway.http.get("/api/chat")

    assert (405, "error") == (claude.status_code, claude.json().get("type"))
    assert (405, ["error"]) == (chat.status_code, [*chat.json()])


async def test_anthropics_sdk_finds_its_path(gateway: Gateway) -> None:
    """With the base URL /api/claude, the SDK asks /api/claude/v1/messages."""
    body = {"model": "a", "max_tokens": 50, "messages": user("hi")}
    answer = (await gateway.http.post("/api/claude/v1/messages", json=body)).json()

    assert "message" == answer["type"]
