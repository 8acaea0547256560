"""What people think of answers changes who answers, in a running gateway; and it can be taken back."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any, cast

from proxy.cli import main
from router.providers.scripted import Reply, Script, scripted_upstream
from tests.e2e.gateway import Gateway, model, running_gateway, user

SCRIPT = Script((Reply(text="an answer"),))
QUESTION = "Write a function that adds two numbers."
AT_ONCE = 8


async def ask(gateway: Gateway, n: int) -> list[tuple[str, str]]:
    """Ask `auto` so often and return (decision, model) of each."""
    few = asyncio.Semaphore(AT_ONCE)

    async def one() -> tuple[str, str]:
        async with few:
            answer = await gateway.chat(model="auto", messages=user(QUESTION))
        assert 200 == answer.status_code, answer.text
        return answer.headers["x-thalamus-decision-id"], answer.headers["x-thalamus-model"]

    return list(await asyncio.gather(*(one() for _ in range(n))))


async def rate(gateway: Gateway, answers: list[tuple[str, str]]) -> None:
    """Give the good model five stars and the bad one a single one."""
    few = asyncio.Semaphore(AT_ONCE)

    async def one(decision: str, name: str) -> None:
        async with few:
            body = {"queryId": decision, "rating": 5 if name == "good" else 1}
            taken = await gateway.http.post("/api/routing/feedback", json=body)
        assert 200 == taken.status_code, taken.text

    await asyncio.gather(*(one(*each) for each in answers))


def share_of_bad(answers: list[tuple[str, str]]) -> float:
    """Return which part the bad model answered."""
    return sum(name == "bad" for _, name in answers) / len(answers)


async def until(gateway: Gateway, **wanted: object) -> dict[str, Any]:
    """Wait until the gateway says so of its learning; a command and the background work need a second or two."""
    async with asyncio.timeout(30):
        while True:
            found = (await gateway.http.get("/health")).json()["components"]["learning"]
            if all(found[name] == value for name, value in wanted.items()):
                return cast("dict[str, Any]", found)
            await asyncio.sleep(0.1)


async def run(capsys: Any, *words: str) -> list[dict[str, Any]]:
    """Run a command beside the gateway, as an operator would, and return its JSON lines."""
    assert 0 == await asyncio.to_thread(main, list(words))
    return [json.loads(line) for line in capsys.readouterr().out.splitlines() if line.startswith("{")]


async def test_ratings_move_traffic_and_a_rollback_moves_it_back(tmp_path: Path, capsys: Any) -> None:
    """Two hundred ratings take a bad model out of play, a rollback brings it back, a promotion takes it out again."""
    config = str(tmp_path / "thalamus.toml")
    async with (
        scripted_upstream(SCRIPT) as good,
        scripted_upstream(SCRIPT) as bad,
        running_gateway(
            tmp_path, model("good", good.url + "/v1"), model("bad", bad.url + "/v1"), "[classifier]\nenabled = false\n"
        ) as gateway,
    ):
        await until(gateway, status="ok")
        before = await ask(gateway, 200)
        await rate(gateway, before)
        taught = await until(gateway, n_lessons=200)
        after = await ask(gateway, 60)
        stats = (await gateway.http.get("/api/routing/stats")).json()
        versions = await run(capsys, "policy", "list", "--config", config, "--json")
        start = versions[-1]["id"]
        (back,) = await run(capsys, "policy", "rollback", start, "--config", config, "--json")
        await until(gateway, version=back["active"], n_lessons=0)
        again = await ask(gateway, 60)
        (parked,) = (
            each
            for each in await run(capsys, "policy", "list", "--config", config, "--json")
            if each["recipe"]["why"] == "before a rollback"
        )
        (forth,) = await run(capsys, "policy", "promote", parked["id"], "--config", config, "--json")
        await until(gateway, version=forth["active"], n_lessons=200)
        finally_ = await ask(gateway, 60)
        booked = (await gateway.http.get(f"/v1/decisions/{before[0][0]}")).json()

    assert 0.3 < share_of_bad(before) < 0.7
    assert share_of_bad(after) < 0.2
    assert share_of_bad(again) > 0.25
    assert share_of_bad(finally_) < 0.2
    assert taught["version"] != back["active"]
    rows = {row["model"]: row for row in stats["performance"]}
    assert (0.0, 1.0) == (rows["bad"]["success_rate"], rows["good"]["success_rate"])
    assert 200 == rows["bad"]["n"] + rows["good"]["n"] == sum(day["n"] for day in stats["curve"])
    assert ["rating"] == [each["kind"] for each in booked["outcomes"]]


async def test_signs_are_seen_and_a_wrong_model_is_refused(tmp_path: Path) -> None:
    """The same question asked again is written down; a model that nobody knows cannot have been the right one."""
    async with (
        scripted_upstream(SCRIPT) as upstream,
        running_gateway(tmp_path, model("m", upstream.url + "/v1"), "[classifier]\nenabled = false\n") as gateway,
    ):
        talk = {"messages": user(QUESTION), "metadata": {"conversation_id": "talk"}}
        first = await gateway.chat(**talk)
        await gateway.chat(**talk)
        await gateway.house.writer.flush(5)
        booked = cast("Any", await gateway.decision(first))
        wrong = await gateway.http.post("/api/feedback", json={"decision_id": "last", "corrected_model": "nobody"})
        right = await gateway.http.post("/api/feedback", json={"decision_id": "last", "corrected_model": "m"})

    assert [("asked_again", "implicit", 0.1)] == [
        (each["source"], each["kind"], each["score"]) for each in booked["outcomes"]
    ]
    assert (400, "corrected_model") == (wrong.status_code, wrong.json()["error"]["param"])
    assert 200 == right.status_code


CODE = ("Write a Python function that sorts a list", "Fix this bug in my Java code", "Write a SQL query for customers")
POEM = "Write a poem about the moon"
SLOW = "[classifier]\nfeatures_wait_ms = 2000\n"


async def test_what_is_learned_of_code_says_nothing_of_poems(tmp_path: Path) -> None:
    """With the shipped micro-models, which find that both ask for `none` of the shipped intents."""
    async with (
        scripted_upstream(SCRIPT) as good,
        scripted_upstream(SCRIPT) as bad,
        running_gateway(tmp_path, model("good", good.url + "/v1"), model("bad", bad.url + "/v1"), SLOW) as gateway,
    ):
        await until(gateway, status="ok")
        await understood(gateway)
        before = await expected(gateway, POEM)
        answers = [
            (each.headers["x-thalamus-decision-id"], each.headers["x-thalamus-model"])
            for number in range(30)
            for each in [await gateway.chat(model="auto", messages=user(f"{CODE[number % 3]}, number {number}"))]
        ]
        await rate(gateway, answers)
        await until(gateway, n_lessons=30)
        code, poem = await expected(gateway, CODE[0]), await expected(gateway, POEM)

    assert code["good"] > 0.1 + code["bad"]
    assert before == poem


async def understood(gateway: Gateway) -> None:
    """Wait until the micro-models are there, and find out what a poem is."""
    async with asyncio.timeout(30):
        while True:
            found = await gateway.http.post("/api/routing/analyze", json={"query": POEM})
            if "writing" == found.json()["features"]["domain"]:
                return
            await asyncio.sleep(0.1)


async def expected(gateway: Gateway, question: str) -> dict[str, float]:
    """Return the quality that is expected of each model."""
    found = (await gateway.http.post("/api/routing/analyze", json={"query": question})).json()
    return {each["model"]: each["predicted_quality"] for each in found["candidates"]}
