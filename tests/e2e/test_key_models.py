"""Keys that may use some models only: `auto`, names, failover, lists and analyses stay among those."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from pathlib import Path

import pytest

from config.types import Json
from router.providers.scripted import Reply, Script, ScriptedUpstream, scripted_upstream
from tests.e2e.gateway import Gateway, asked, model, running_gateway, user

EXTRA = 'fallbacks = ["outside", "spare"]'


@pytest.fixture
async def upstreams() -> AsyncGenerator[dict[str, ScriptedUpstream], None]:
    """One that answers for those inside, one for those outside, and one that is broken."""
    async with (
        scripted_upstream(Script((Reply(text="inside"),))) as inside,
        scripted_upstream(Script((Reply(text="outside"),))) as outside,
        scripted_upstream(Script((Reply(status=500),))) as broken,
    ):
        yield {"inside": inside, "outside": outside, "broken": broken}


@pytest.fixture
async def gateway(tmp_path: Path, upstreams: dict[str, ScriptedUpstream]) -> AsyncGenerator[Gateway, None]:
    """Models inside and outside the key's list; `broken` is inside and falls back on both kinds."""
    inside, outside, broken = (f"{upstreams[each].url}/v1" for each in ("inside", "outside", "broken"))
    async with running_gateway(
        tmp_path,
        model("outside", outside, weight=50),
        model("other", outside, weight=50),
        model("inside", inside),
        model("spare", inside, extra="auto = false"),
        model("broken", broken, extra=f"auto = false\n{EXTRA}"),
        model("embeds", outside, extra='capabilities = ["embeddings"]'),
        '[aliases]\nmine = "inside"\ntheirs = "outside"\nany = "auto:cheap"\n',
    ) as running:
        yield running


async def key_for(gateway: Gateway, *models: str, scopes: tuple[str, ...] = ("chat",)) -> dict[str, str]:
    """Return the headers of a new key that may use these models."""
    key, _ = await gateway.house.keys.create("app", models=models, scopes=scopes)
    return {"authorization": f"Bearer {key}"}


async def chat(gateway: Gateway, headers: dict[str, str], **body: object) -> Json:
    """Ask, and return the status with who answered, or the error."""
    answer = await gateway.http.post(
        "/v1/chat/completions", json={"model": "auto", "messages": user("hi"), **body}, headers=headers
    )
    told = answer.json()
    return {"status": answer.status_code, **told.get("error", {}), "model": answer.headers.get("x-thalamus-model")}


async def test_auto_chooses_among_the_models_of_the_key_alone(
    gateway: Gateway, upstreams: dict[str, ScriptedUpstream]
) -> None:
    """However heavy the others weigh; the books say that it was for the key."""
    headers = await key_for(gateway, "mine", "broken")
    answer = await gateway.http.post(
        "/v1/chat/completions",
        json={"model": "auto", "messages": user("hi")},
        headers=headers | {"x-thalamus-router": "explain"},
    )
    told = answer.json()["thalamus"]

    assert ("inside", ["inside"], [1.0]) == (told["served_model"], told["eligible"], told["probabilities"])
    assert {name: ["key: it may not use this model"] for name in ("outside", "other")} == told["excluded"]
    assert not asked(upstreams["outside"])


async def test_by_weight_and_with_the_router_off_it_stays_there_too(tmp_path: Path, upstreams) -> None:
    """No way of choosing leaves the list."""
    inside, outside = (f"{upstreams[each].url}/v1" for each in ("inside", "outside"))
    async with running_gateway(
        tmp_path,
        '[routing]\npolicy = "weights"\nshipped_models = false\ndefault_model = "outside"\n',
        model("outside", outside, weight=99),
        model("inside", inside),
        head="[server]\nport = 0\n[health]\nfind_ollama = false\n",
    ) as gateway:
        headers = await key_for(gateway, "inside")
        found = [
            (await chat(gateway, headers | {"x-thalamus-router": wish}))["model"] for wish in ("explain", "off") * 3
        ]
        free, _ = await gateway.house.keys.create("free")
        default = (await chat(gateway, {"authorization": f"Bearer {free}"}))["model"]

    assert {"inside"} == set(found)
    assert "outside" == default


async def test_another_model_is_refused_with_the_names_that_are_allowed(gateway: Gateway) -> None:
    """403 in OpenAI's shape, also for what does not exist: which of both it is is not told."""
    headers = await key_for(gateway, "mine", "broken")
    names = ["outside", "theirs", "vllm/outside", "embeds", "nobody-has-it", "collab"]
    found = [await chat(gateway, headers, model=name) for name in names]

    assert {(403, "invalid_request_error", "model_not_allowed", "model")} == {
        (each["status"], each["type"], each["code"], each["param"]) for each in found
    }
    assert [
        f"This key may not use the model '{name}'; it may use mine, broken, and 'auto' among them." for name in names
    ] == [each["message"] for each in found]


async def test_a_long_list_is_not_told_whole(gateway: Gateway) -> None:
    """The first names stand in the refusal, the rest are counted."""
    found = await chat(gateway, await key_for(gateway, *(f"m{n}" for n in range(23))), model="outside")

    assert "m19 and 3 more of /v1/models" in found["message"]


async def test_an_allowed_model_can_be_named_by_each_of_its_names(gateway: Gateway) -> None:
    """The list may hold an alias, and the request another one."""
    headers = await key_for(gateway, "mine")

    assert {"inside"} == {
        (await chat(gateway, headers, model=name))["model"] for name in ("inside", "mine", "vllm/inside", "any")
    }


async def test_failover_never_leaves_the_list(gateway: Gateway, upstreams: dict[str, ScriptedUpstream]) -> None:
    """Of the fallbacks those inside are tried, the others are not, even where nothing else is left."""
    with_spare = await chat(gateway, await key_for(gateway, "broken", "spare"), model="broken")
    alone = await chat(gateway, await key_for(gateway, "broken"), model="broken")

    assert (200, "spare") == (with_spare["status"], with_spare["model"])
    assert alone["status"] >= 500
    assert not asked(upstreams["outside"])


async def test_where_none_of_them_is_live_it_says_which(gateway: Gateway) -> None:
    """Neither another live model nor the documents' own answers stand in."""
    headers = await key_for(gateway, "gone", "spare-too")
    found = await chat(gateway, headers)
    embedded = await gateway.http.post("/v1/embeddings", json={"model": "auto", "input": "a"}, headers=headers)

    assert (503, "no_live_model") == (found["status"], found["code"])
    assert "gone, spare-too" in found["message"]
    assert (503, "no_live_model") == (embedded.status_code, embedded.json()["error"]["code"])


async def test_embeddings_are_held_to_the_list(gateway: Gateway) -> None:
    """The same refusal at the door of embeddings."""
    headers = await key_for(gateway, "inside")
    found = await gateway.http.post("/v1/embeddings", json={"model": "embeds", "input": "a"}, headers=headers)

    assert (403, "model_not_allowed") == (found.status_code, found.json()["error"]["code"])


async def test_a_rule_for_a_model_outside_is_not_followed(gateway: Gateway) -> None:
    """It is said why, and the request is answered by a model of the list."""
    headers = await key_for(gateway, "inside")
    answer = await gateway.http.post(
        "/v1/chat/completions",
        json={
            "model": "auto",
            "messages": user("hi"),
            "routing_rules": [{"pattern": "hi", "model": "outside"}],
        },
        headers=headers,
    )

    assert (200, "inside") == (answer.status_code, answer.headers["x-thalamus-model"])
    assert "rule for model 'outside' not followed: the key may not use it" in answer.headers["x-thalamus-warning"]


async def test_the_list_of_models_shows_those_of_the_key(gateway: Gateway) -> None:
    """With `auto` and the aliases that lead to them; another entry is not found."""
    headers = await key_for(gateway, "inside", "spare")
    listed = (await gateway.http.get("/v1/models", headers=headers)).json()["data"]
    one, other = [
        (await gateway.http.get(f"/v1/models/{name}", headers=headers)).status_code for name in ("mine", "outside")
    ]
    free, _ = await gateway.house.keys.create("free")
    whole = (await gateway.http.get("/v1/models", headers={"authorization": f"Bearer {free}"})).json()["data"]

    assert ["auto", "auto:cheap", "auto:best", "inside", "spare", "mine", "any"] == [each["id"] for each in listed]
    assert (200, 404) == (one, other)
    assert {"outside", "theirs"} < {each["id"] for each in whole}


async def test_an_analysis_considers_the_models_of_the_key(gateway: Gateway) -> None:
    """What it would choose from is what a request would get; naming another is refused."""
    headers = await key_for(gateway, "inside", "spare")

    async def analyzed(**fields: object) -> Json:
        found = await gateway.http.post("/api/routing/analyze", json={"query": "hi", **fields}, headers=headers)
        return found.json() | {"status": found.status_code}

    found, named = await analyzed(), await analyzed(models=["inside", "spare"])
    outside = await analyzed(models=["inside", "outside"])

    assert ["inside"] == [each["model"] for each in found["candidates"]]
    assert ["key: it may not use this model"] == found["excluded"]["outside"]
    assert {"inside", "spare"} == {each["model"] for each in named["candidates"]}
    assert (403, "model_not_allowed", "models[1]") == (
        outside["status"],
        outside["error"]["code"],
        outside["error"]["param"],
    )


async def test_every_door_refuses_in_its_own_shape(gateway: Gateway) -> None:
    """Anthropic's and the unified door hold the list too."""
    headers = await key_for(gateway, "inside")
    body = {"model": "outside", "messages": user("hi"), "max_tokens": 5}
    found = [await gateway.http.post(path, json=body, headers=headers) for path in ("/api/claude", "/api/chat")]

    assert [403, 403] == [each.status_code for each in found]
    assert "permission_error" == found[0].json()["error"]["type"]
