"""`GET /api/routing/stats` as keys see it: their own words, and nothing of what others said or spent."""

import time
from pathlib import Path
from typing import Any

import pytest

from proxy.routing_stats import KEEP_S
from tests.e2e.gateway import Gateway, model, running_gateway, user
from tests.upstreams import replying, scripted_upstream

OTHERS = ((), ("x",), ("y", "z"))


async def stats(gateway: Gateway, key: str) -> dict[str, Any]:
    found = await gateway.http.get("/api/routing/stats", headers=bearer(key))
    assert 200 == found.status_code, found.text
    return found.json()


def bearer(key: str) -> dict[str, str]:
    return {"authorization": f"Bearer {key}"}


def timeless(answer: dict[str, Any]) -> dict[str, Any]:
    """Return an answer without the time until which the books were read, which goes on whoever speaks."""
    return {**answer, "learning": {**answer["learning"], "learned_until": None}}


async def rate(gateway: Gateway, key: str, rating: int, name: str = "open") -> str:
    chat = {"model": name, "messages": user("hello there")}
    answer = await gateway.http.post("/v1/chat/completions", json=chat, headers=bearer(key))
    assert 200 == answer.status_code, answer.text
    decision = answer.headers["x-thalamus-decision-id"]
    await say(gateway, key, decision, rating)
    return decision


async def say(gateway: Gateway, key: str, decision: str, rating: int) -> None:
    told = {"decision_id": decision, "rating": rating}
    assert 200 == (await gateway.http.post("/v1/feedback", json=told, headers=bearer(key))).status_code
    await gateway.house.writer.flush(5)
    await gateway.house.learning.look(gateway.house)  # it is learned before anybody asks again


class Clock:
    """Runs on as ever, and ahead where a test wants it."""

    ahead_s = 0.0

    def __call__(self) -> float:
        return time.monotonic() + self.ahead_s


async def test_a_keys_answer_is_the_same_whatever_others_say(tmp_path: Path) -> None:
    """However many they are, and however often one rates anew; an admin sees all."""
    async with scripted_upstream(replying({"template": "hi"})) as upstream:
        names = ("open", "secret")
        models = [model(name, f"{upstream.url}/v1", upstream_model=name) for name in names]
        async with running_gateway(tmp_path, *models) as gateway:
            clock = gateway.house.learning.monotonic = Clock()
            keys = gateway.house.keys
            victim, _ = await keys.create("victim", scopes=("chat",))
            spy, _ = await keys.create("spy", scopes=("chat",), models=("open",))
            admin, _ = await keys.create("admin", scopes=("chat", "admin"))
            silent = await stats(gateway, spy)
            await rate(gateway, spy, 4)
            found: list[dict[str, Any]] = []
            for others in OTHERS:
                for each in others:
                    key, _ = await keys.create(each, scopes=("chat",))
                    await rate(gateway, key, 5)
                    await rate(gateway, key, 5, "secret")
                clock.ahead_s += KEEP_S
                found.append(await stats(gateway, spy))
            decision = await rate(gateway, victim, 1)
            for rating in (1, 2, 3, 4, 5):
                await say(gateway, victim, decision, rating)
                clock.ahead_s += KEEP_S
                found.append(await stats(gateway, spy))
            every = await stats(gateway, admin)

    (row,) = found[0]["performance"]
    assert [] == silent["performance"] == silent["curve"]
    assert (0, 1) == (silent["learning"]["n_lessons"], found[0]["learning"]["n_lessons"])
    assert ("open", 1, 0.75) == (row["model"], row["n"], row["mean_reward"])
    assert not {"others", "n_attempts", "cost_usd", "answered"} & row.keys()
    assert silent["learning"].keys() == every["learning"].keys()
    assert [timeless(found[0])] * len(found) == [timeless(each) for each in found]
    assert {"open": 5, "secret": 3} == {row["model"]: row["n_attempts"] for row in every["performance"]}


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
