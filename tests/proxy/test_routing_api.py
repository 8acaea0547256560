"""Which model a request would get, asked over HTTP: the answer's shape, its sources, and what is refused."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from pathlib import Path

import pytest

from router.providers.scripted import Reply, Script, ScriptedUpstream, scripted_upstream
from tests.e2e.gateway import Gateway, asked, model, running_gateway, user

SCRIPT = Script((Reply(text="hello"),))
PRICES = """    [model.deployment.price]
    input_usd_per_mtok = {input}
    output_usd_per_mtok = {output}
    source_date = 2026-11-21
"""
ROUTING = "[routing]\nshipped_models = false\n"


@pytest.fixture
async def upstream() -> AsyncGenerator[ScriptedUpstream, None]:
    """One sound upstream."""
    async with scripted_upstream(SCRIPT) as running:
        yield running


@pytest.fixture
async def gateway(tmp_path: Path, upstream: ScriptedUpstream) -> AsyncGenerator[Gateway, None]:
    """A gateway with a cheap model, a dear one of the same weight, and one that only embeds."""
    async with running_gateway(
        tmp_path,
        model("cheap", upstream.url + "/v1") + PRICES.format(input=0.1, output=0.4),
        model("dear", upstream.url + "/v1", extra='capabilities = ["chat", "tools"]\ndomains = ["math"]')
        + PRICES.format(input=5.0, output=25.0),
        model("vectors", upstream.url + "/v1", extra='capabilities = ["embeddings"]'),
    ) as running:
        yield running


async def analyzed(gateway: Gateway, **fields: object) -> dict[str, object]:
    """Return the answer to a good question."""
    found = await gateway.http.post("/api/routing/analyze", json={"query": "Why is the sky blue?", **fields})
    assert 200 == found.status_code, found.text
    return found.json()


async def test_an_analysis_tells_who_and_why_and_asks_nobody(gateway: Gateway, upstream: ScriptedUpstream) -> None:
    """Candidates carry probability, expectations and reasons; the books hold it under its id."""
    found = await analyzed(gateway)
    booked = (await gateway.http.get(f"/v1/decisions/{found['decision_id']}")).json()

    assert found["selectedModel"] in {"cheap", "dear"}
    assert 0 <= found["confidence"] <= 100
    assert "policy" == found["source"]
    assert "learned-1-" in found["policy_version"]
    assert "en" == found["features"]["language"]
    assert 1.0 == pytest.approx(sum(each["probability"] for each in found["candidates"]), abs=1e-5)
    for each in found["candidates"]:
        assert each["expected_cost_usd"] > 0
        assert 0 < each["predicted_quality"] < 1
        assert each["reasons"]
    assert ("analyzed", "analyze", None) == (booked["status"], booked["endpoint"], booked["served_model"])
    assert found["selectedModel"] == booked["chosen"]
    assert 1.0 == max(booked["probabilities"])
    assert [] == asked(upstream)


async def test_the_dial_decides_between_cheap_and_dear(gateway: Gateway) -> None:
    """By the field, by the model's name, and by the header, which comes first."""
    chosen = [
        (await analyzed(gateway, **fields))["selectedModel"]
        for fields in ({"routing_dial": 0.0}, {"routing_dial": "best"}, {"model": "auto:cheap"}, {"model": "auto:best"})
    ]
    by_header = await gateway.http.post(
        "/api/routing/analyze",
        json={"query": "Why?", "model": "auto:best", "routing_dial": 0.9},
        headers={"x-thalamus-dial": "cheap"},
    )

    assert ["cheap", "dear", "cheap", "dear"] == chosen
    assert ("cheap", 0.1) == (by_header.json()["selectedModel"], by_header.json()["dial"])


async def test_only_the_named_models_are_considered(gateway: Gateway) -> None:
    """Whoever else would score higher."""
    found = await analyzed(gateway, models=["dear"], routing_dial=0)

    assert "dear" == found["selectedModel"]
    assert ["dear"] == [each["model"] for each in found["candidates"]]
    assert 100 == found["confidence"]
    assert found["runner_up"] is None


async def test_a_rule_settles_it(gateway: Gateway) -> None:
    """The request's own rule comes first; expectations are told all the same, and no rule leaves the named models."""
    rules = [{"pattern": "sky", "model": "dear"}]

    found = await analyzed(gateway, routing_rules=rules, routing_dial=0)
    outside = await analyzed(gateway, routing_rules=rules, models=["cheap"])

    assert ("dear", "rule", 100) == (found["selectedModel"], found["source"], found["confidence"])
    assert {"dear": 1.0, "cheap": 0.0} == {each["model"]: each["probability"] for each in found["candidates"]}
    assert "cheap" == outside["selectedModel"]


async def test_tools_exclude_who_has_none(gateway: Gateway) -> None:
    """The exclusion is told with its reason."""
    tool = {"type": "function", "function": {"name": "look", "parameters": {"type": "object", "properties": {}}}}

    found = await analyzed(gateway, tools=[tool], routing_dial=0)

    assert "dear" == found["selectedModel"]
    assert {"cheap": ["it has no tools"]} == found["excluded"]


async def test_messages_stand_in_for_a_query(gateway: Gateway) -> None:
    """A conversation is analyzed as it would be answered."""
    found = await gateway.http.post("/api/routing/analyze", json={"messages": user("你好，今天天气怎么样？")})

    assert 200 == found.status_code, found.text
    assert "zh" == found.json()["features"]["language"]


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({}, "query"),
        ({"query": "a", "messages": user("b")}, "query"),
        ({"query": ""}, "query"),
        ({"query": "  \n"}, "query"),
        ({"query": 7}, "query"),
        ({"messages": []}, "messages"),
        ({"messages": "hi"}, "messages"),
        ({"query": "a", "models": "cheap"}, "models"),
        ({"query": "a", "models": []}, "models"),
        ({"query": "a", "models": ["cheap"] * 300}, "models"),
        ({"query": "a", "models": [3]}, "models[0]"),
        ({"query": "a", "models": ["vectors"]}, "models[0]"),
        ({"query": "a", "model": "cheap"}, "model"),
        ({"query": "a", "routing_dial": 1.5}, "routing_dial"),
        ({"query": "a", "routing_dial": True}, "routing_dial"),
        ({"query": "a", "routing_dial": "dear"}, "routing_dial"),
        ({"query": "a", "routing_rules": [{"pattern": "(", "kind": "regex", "model": "cheap"}]}, None),
    ],
)
async def test_what_is_wrong_is_named(gateway: Gateway, fields: dict[str, object], param: str | None) -> None:
    """Each bad field is a 400 that says which."""
    found = await gateway.http.post("/api/routing/analyze", json=fields)

    assert 400 == found.status_code, found.text
    assert found.json()["error"]["param"] == (param or "routing_rules[0].pattern")


async def test_an_unknown_model_is_not_found(gateway: Gateway) -> None:
    """The list of models names only what exists."""
    found = await gateway.http.post("/api/routing/analyze", json={"query": "a", "models": ["cheap", "nobody"]})

    assert (404, "models[1]") == (found.status_code, found.json()["error"]["param"])


@pytest.mark.parametrize("body", [b"", b"[]", b"no json", b'{"query": NaN}'])
async def test_what_is_no_object_is_refused(gateway: Gateway, body: bytes) -> None:
    """A clear 400, whatever comes."""
    found = await gateway.http.post("/api/routing/analyze", content=body, headers={"content-type": "application/json"})

    assert 400 == found.status_code, found.text


async def test_a_page_of_another_origin_cannot_ask(gateway: Gateway) -> None:
    """A form's content type is refused."""
    found = await gateway.http.post("/api/routing/analyze", content=b"{}", headers={"content-type": "text/plain"})

    assert 415 == found.status_code


async def test_a_dead_model_cannot_be_named(tmp_path: Path, upstream: ScriptedUpstream) -> None:
    """The error says which of them is why not live; the weights policy is analyzed as well."""
    away = model("away", "https://away.example/v1", provider="openai")
    drained = model("drained", upstream.url + "/v1", weight=0)
    head = "[server]\nport = 0\n[health]\nfind_ollama = false\n"
    async with running_gateway(
        tmp_path,
        ROUTING + 'policy = "weights"\n',
        away,
        drained,
        model("small", upstream.url + "/v1", weight=1),
        model("large", upstream.url + "/v1", weight=3),
        env={},
        head=head,
    ) as gateway:
        found = await gateway.http.post("/api/routing/analyze", json={"query": "a", "models": ["away", "drained"]})
        weighted = await analyzed(gateway)

    assert 503 == found.status_code
    assert "away: no_key; drained: drained" in found.json()["error"]["message"]
    assert ("large", "weights", 75) == (weighted["selectedModel"], weighted["source"], weighted["confidence"])


async def test_without_any_model_it_says_so(tmp_path: Path) -> None:
    """The same error as a request would get."""
    async with running_gateway(
        tmp_path, model("away", "https://away.example/v1", provider="openai"), env={}
    ) as gateway:
        found = await gateway.http.post("/api/routing/analyze", json={"query": "a"})

    assert (503, "no_live_model") == (found.status_code, found.json()["error"]["code"])


async def test_a_key_is_counted_and_has_its_dial(gateway: Gateway) -> None:
    """An analysis is a request of its key: it needs the scope, and counts against the limit."""
    keys = gateway.house.keys
    secrets = [
        (await keys.create("one", requests_per_minute=1))[0],
        (await keys.create("other", scopes=("admin",)))[0],
    ]

    async def ask(secret: str) -> int:
        headers = {"authorization": f"Bearer {secret}"}
        return (await gateway.http.post("/api/routing/analyze", json={"query": "a"}, headers=headers)).status_code

    assert [200, 429, 403] == [await ask(secrets[0]), await ask(secrets[0]), await ask(secrets[1])]


async def test_a_new_model_is_told_by_its_description_and_held_to_its_share(
    tmp_path: Path, upstream: ScriptedUpstream
) -> None:
    """It came after a first start: the analysis names its ceiling, the catalogue's text, and does not select it."""
    known = [
        model(name, upstream.url + "/v1") + PRICES.format(input=price, output=price)
        for name, price in (("one", 4.0), ("two", 5.0))
    ]
    new = model("fresh", upstream.url + "/v1", extra='description = "writes poems"') + PRICES.format(
        input=0.1, output=0
    )
    async with running_gateway(tmp_path, *known) as first:
        await first.house.learning.look(first.house)
        before = await analyzed(first, routing_dial=0.2)
    async with running_gateway(tmp_path, *known, new) as second:
        await second.house.learning.look(second.house)
        found = await analyzed(second, routing_dial=0.2)
        with_explain = await second.http.post(
            "/v1/chat/completions",
            json={"model": "auto", "routing_dial": 0.2, "messages": user("hi")},
            headers={"x-thalamus-router": "explain"},
        )
    (fresh,) = (each for each in found["candidates"] if each["model"] == "fresh")
    told = with_explain.json()["thalamus"]

    assert not any("newcomer" in each for each in before["candidates"])
    assert [
        "new: at most 20 % now, no ceiling from 100 outcomes on, 0 so far",
        "its description: writes poems",
    ] == fresh["reasons"][:2]
    assert (0.2, 0.2, 0.0) == (fresh["probability"], fresh["ceiling"], fresh["newcomer"])
    assert fresh["score"] == max(each["score"] for each in found["candidates"])
    assert "fresh" != found["selectedModel"]
    assert 0.2 == pytest.approx(dict(zip(told["eligible"], told["probabilities"], strict=True))["fresh"])
