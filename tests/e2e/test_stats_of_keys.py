"""`GET /api/routing/stats` as keys see it: their own words, and of others nothing that one of them said or spent."""

from pathlib import Path
from typing import Any

import pytest

from tests.e2e.gateway import Gateway, model, running_gateway, user
from tests.upstreams import replying, scripted_upstream

OTHERS = ("one", "two", "three")


async def stats(gateway: Gateway, key: str) -> dict[str, Any]:
    found = await gateway.http.get("/api/routing/stats", headers=bearer(key))
    assert 200 == found.status_code, found.text
    return found.json()


def bearer(key: str) -> dict[str, str]:
    return {"authorization": f"Bearer {key}"}


async def rate(gateway: Gateway, key: str, rating: int, name: str = "open") -> None:
    chat = {"model": name, "messages": user("hello there")}
    answer = await gateway.http.post("/v1/chat/completions", json=chat, headers=bearer(key))
    assert 200 == answer.status_code, answer.text
    told = {"decision_id": answer.headers["x-thalamus-decision-id"], "rating": rating}
    assert 200 == (await gateway.http.post("/v1/feedback", json=told, headers=bearer(key))).status_code
    await gateway.house.writer.flush(5)


async def test_a_key_learns_nothing_of_a_single_other_one(tmp_path: Path) -> None:
    """Neither its ratings, spending and number of requests, nor models that it may not use; an admin sees all."""
    async with scripted_upstream(replying({"template": "hi"})) as upstream:
        names = ("open", "secret")
        models = [model(name, f"{upstream.url}/v1", upstream_model=name) for name in names]
        async with running_gateway(tmp_path, *models) as gateway:
            keys = gateway.house.keys
            victim, _ = await keys.create("victim", scopes=("chat",))
            spy, _ = await keys.create("spy", scopes=("chat",), models=("open",))
            admin, _ = await keys.create("admin", scopes=("chat", "admin"))
            before = await stats(gateway, spy)
            await rate(gateway, victim, 2)
            await rate(gateway, victim, 5, "secret")
            after = await stats(gateway, spy)
            await rate(gateway, spy, 4)
            own = await stats(gateway, spy)
            for each in OTHERS:
                key, _ = await keys.create(each, scopes=("chat",))
                await rate(gateway, key, 5)
                await rate(gateway, key, 5, "secret")
            heard = await stats(gateway, spy)
            every = await stats(gateway, admin)

    assert [] == before["performance"] == after["performance"]
    assert before["learning"].keys() == every["learning"].keys()
    assert (0, 1) == (after["learning"]["n_lessons"], own["learning"]["n_lessons"])
    (row,) = own["performance"]
    assert ("open", 1, 0.75, None) == (row["model"], row["n"], row["mean_reward"], row.get("others"))
    (row,) = heard["performance"]
    assert (1, 0.75, {"n": 3, "mean_reward": 0.8}) == (row["n"], row["mean_reward"], row["others"])
    assert not {"n_attempts", "cost_usd", "answered"} & row.keys()
    assert [1] == [day["n"] for day in heard["curve"]]
    assert set(names) == {row["model"] for row in every["performance"]}
    assert [5, 4] == [row["n_attempts"] for row in every["performance"]]


@pytest.mark.parametrize("requests", [1])
async def test_asking_counts_among_the_requests_of_a_key(tmp_path: Path, requests: int) -> None:
    """Each time the books are read for it."""
    async with scripted_upstream(replying({"template": "hi"})) as upstream:
        one = model("open", f"{upstream.url}/v1", upstream_model="open")
        async with running_gateway(tmp_path, one) as gateway:
            key, _ = await gateway.house.keys.create("busy", scopes=("chat",), requests_per_minute=requests)
            await stats(gateway, key)
            refused = await gateway.http.get("/api/routing/stats", headers=bearer(key))

    assert 429 == refused.status_code
