"""Past questions like the one at hand: what doors tell of them to whom, and that memory follows the books."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast

import pytest
from sqlalchemy import delete

from config.database import open_database
from config.errors import StorageError
from config.ids import new_id
from config.types import Json
from proxy.desk.decisions import HouseDecisions
from proxy.similar import FAR_LOOK_S, Similar
from router.providers.scripted import Reply, Script, ScriptedUpstream, scripted_upstream
from router.similar.memory import Memory
from router.similar.values import Asked, Rated, Record
from router.tables import decision, question_vector
from tests.e2e.gateway import Gateway, asked, model, running_gateway, user
from tests.question_secrets import settled

SCRIPT = Script((Reply(text="hello"),))
QUESTION = "How do I reset my password?"
LIKE = "reset the password please"


@pytest.fixture
async def upstream() -> AsyncGenerator[ScriptedUpstream, None]:
    """One sound upstream."""
    async with scripted_upstream(SCRIPT) as running:
        yield running


@pytest.fixture
async def gateway(tmp_path: Path, upstream: ScriptedUpstream) -> AsyncGenerator[Gateway, None]:
    """A gateway of two models without micro-models."""
    async with served(tmp_path, upstream) as running:
        yield running


def served(folder: Path, upstream: ScriptedUpstream, *toml: str) -> Any:
    """Return the gateway of a folder; the same folder again is a restart."""
    settled(folder / ".thalamus")
    models = (model(name, upstream.url + "/v1") for name in ("cheap", "dear"))
    return running_gateway(folder, *models, "[classifier]\nenabled = false\n", *toml)


async def ask(gateway: Gateway, text: str = QUESTION, *, name: str = "cheap", **headers: str) -> str:
    """Ask a model and return the decision."""
    body = {"model": name, "messages": user(text)}
    answer = await gateway.http.post("/v1/chat/completions", json=body, headers=headers)
    assert 200 == answer.status_code, answer.text
    return answer.headers["x-thalamus-decision-id"]


async def rate(gateway: Gateway, decision_id: str, rating: int, **headers: str) -> None:
    """Give stars."""
    body = {"decision_id": decision_id, "rating": rating}
    taken = await gateway.http.post("/api/routing/feedback", json=body, headers=headers)
    assert 200 == taken.status_code, taken.text


async def analyzed(gateway: Gateway, text: str = LIKE, **headers: str) -> Json:
    """Return what an analysis says once the books are written and read."""
    await gateway.house.writer.flush(5.0)
    await gateway.house.similar.look(gateway.house)
    found = await gateway.http.post("/api/routing/analyze", json={"query": text}, headers=headers)
    assert 200 == found.status_code, found.text
    return cast("Json", found.json())


async def key_for(gateway: Gateway, name: str, *scopes: str) -> dict[str, str]:
    """Return the headers of a new key."""
    key, _ = await gateway.house.keys.create(name, scopes=scopes or ("chat",))
    return {"authorization": f"Bearer {key}"}


async def test_an_answered_question_is_found_by_a_similar_one_with_what_was_thought_of_it(gateway: Gateway) -> None:
    """With and without a rating, the nearest first; nothing is found for another question."""
    rated, unrated = await ask(gateway), await ask(gateway, "please reset the password", name="dear")
    await rate(gateway, rated, 4)
    found = await analyzed(gateway)
    other = await analyzed(gateway, "Bake me a cake of plums")
    first, second = found["similar"]

    assert [unrated, rated] == [first["decision_id"], second["decision_id"]]
    assert ("dear", None, None) == (first["model"], first["reward"], first["source"])
    assert ("cheap", 0.75, "user") == (second["model"], second["reward"], second["source"])
    assert 1.0 >= first["similarity"] > second["similarity"] >= 0.45
    assert datetime.now(UTC) - datetime.fromisoformat(first["at"]) < timedelta(minutes=1)
    assert [{"model": "cheap", "n": 1, "mean_reward": 0.75}] == found["similar_by_model"]
    assert ([], []) == (other["similar"], other["similar_by_model"])


async def test_feedback_that_comes_later_replaces_what_was_thought(gateway: Gateway) -> None:
    """Also once its question is in memory."""
    one = await ask(gateway, "怎么重置密码？")
    before = await analyzed(gateway, "如何重置密码")
    await rate(gateway, one, 1)
    after = await analyzed(gateway, "如何重置密码")

    assert [None] == [each["reward"] for each in before["similar"]]
    assert [0.0] == [each["reward"] for each in after["similar"]]


async def test_a_restart_finds_past_questions_again(tmp_path: Path, upstream: ScriptedUpstream) -> None:
    """By what the books hold; the health page says how many."""
    async with served(tmp_path, upstream) as first:
        one = await ask(first)
        await rate(first, one, 5)
    async with served(tmp_path, upstream) as second:
        found = await analyzed(second)
        health = (await second.http.get("/health")).json()["components"]["similar"]

    assert [(one, 1.0)] == [(each["decision_id"], each["reward"]) for each in found["similar"]]
    assert {"status": "ok", "n": 1} == health


async def test_a_key_sees_its_own_questions_and_of_others_only_a_crowd(gateway: Gateway) -> None:
    """Three other keys that rated make a sum; an admin sees each."""
    keys = [await key_for(gateway, f"app{each}") for each in range(4)]
    admin = await key_for(gateway, "boss", "chat", "admin")
    own = await ask(gateway, **keys[0])
    await rate(gateway, own, 5, **keys[0])
    stranger = await analyzed(gateway, **keys[3])
    for each in keys[1:3]:
        await rate(gateway, await ask(gateway, **each), 1, **each)
    two = await analyzed(gateway, **keys[0])
    await rate(gateway, await ask(gateway, **keys[3]), 1, **keys[3])
    three = await analyzed(gateway, **keys[0])
    whole = await analyzed(gateway, **admin)

    assert (
        [own] == [each["decision_id"] for each in two["similar"]] == [each["decision_id"] for each in three["similar"]]
    )
    assert [{"model": "cheap", "n": 1, "mean_reward": 1.0}] == two["similar_by_model"]
    assert ([], []) == (stranger["similar"], stranger["similar_by_model"])
    assert [{"model": "cheap", "n": 3, "mean_reward": 0.2}] == three["similar_by_model"]  # rounded: 4 and 0.25
    assert 4 == len(whole["similar"])


async def test_no_key_hides_what_was_said_to_others_by_asking_the_same_hundreds_of_times(gateway: Gateway) -> None:
    """Neither to them nor to who may see all; its own rating is found behind its own unrated questions."""
    similar, moment = gateway.house.similar, datetime.now(UTC)
    vector = similar.hashing.vector_of(LIKE) or b""

    def remember(caller: str, reward: float | None, *, n: int = 1) -> None:
        rated = None if reward is None else Rated(reward, "user", moment)
        for _ in range(n):
            similar.memory.add(Asked(new_id(), "cheap", moment, caller, rated), vector)

    remember("busy", None, n=300)
    remember("busy", 0.0, n=300)
    remember("me", None, n=300)
    remember("me", 1.0)
    for other in ("a", "b"):
        remember(other, 1.0)

    assert (Record("cheap", 5, 0.8),) == similar.find(LIKE, caller="me").records  # 8 outcomes, in round numbers
    assert [Record("cheap", 50, 0.75)] == list(similar.find(LIKE, caller=None).records)


async def test_a_model_that_a_key_may_not_use_is_in_no_sum_of_it(gateway: Gateway) -> None:
    """Whoever rated it."""
    for each in range(3):
        headers = await key_for(gateway, f"app{each}")
        await rate(gateway, await ask(gateway, name="dear", **headers), 5, **headers)
    key, _ = await gateway.house.keys.create("narrow", models=["cheap"], scopes=("chat",))
    found = await analyzed(gateway, authorization=f"Bearer {key}")

    assert [] == found["similar_by_model"]


async def test_who_switches_it_off_keeps_and_finds_nothing(tmp_path: Path, upstream: ScriptedUpstream) -> None:
    """By its own setting, or by keeping no previews."""
    for n, toml in enumerate(("[learning]\nsimilar = false\n", "[storage]\nstore_preview = false\n")):
        folder = tmp_path / str(n)
        folder.mkdir()
        async with served(folder, upstream, toml) as gateway:
            await ask(gateway)
            found = await analyzed(gateway)
            async with gateway.house.database.reading() as connection:
                kept = (await connection.execute(question_vector.select())).all()

        assert ([], [], []) == (kept, found["similar"], found["similar_by_model"])


async def test_a_huge_question_is_answered_and_found_by_its_ends(gateway: Gateway) -> None:
    """And one without words has no neighbours."""
    huge = "Reset my password. " + "filler " * 100_000 + "Thank you!"
    one = await ask(gateway, huge)
    found, empty = await analyzed(gateway, huge), await analyzed(gateway, "???")

    assert [one] == [each["decision_id"] for each in found["similar"]]
    assert [] == empty["similar"]


async def test_memory_forgets_what_the_books_delete_and_ignores_what_it_cannot_read(gateway: Gateway) -> None:
    """Looking at all of them now and then; a damaged row is counted and disturbs nothing."""
    house = gateway.house
    gone, kept = await ask(gateway), await ask(gateway, LIKE)
    await house.writer.flush(5.0)
    now = [1000.0]
    similar = Similar(house.database, house.similar.hashing, monotonic=lambda: now[0], memory=Memory(10))
    await similar.look(house)
    other = await ask(gateway, "Bake a cake")
    await house.writer.flush(5.0)
    async with house.database.writing() as connection:
        await connection.execute(delete(decision).where(decision.c.id == gone))
        damaged = question_vector.update().where(question_vector.c.decision_id == other).values(vector=b"damaged")
        await connection.execute(damaged)
    before = len(similar.memory)
    now[0] += FAR_LOOK_S
    for _ in range(2):
        await similar.look(house)

    assert (2, 1) == (before, len(similar.memory))
    assert [kept] == [each.asked.decision_id for each in similar.find(QUESTION, caller=None).neighbours]
    assert {"status": "ok", "n": 1, "n_ignored": 1} == similar.state()


async def test_a_full_memory_holds_the_newest(gateway: Gateway) -> None:
    """And of more than memory holds the newest."""
    ids = [await ask(gateway, f"reset the password of user {each}") for each in range(5)]
    await gateway.house.writer.flush(5.0)
    similar = Similar(gateway.house.database, gateway.house.similar.hashing, memory=Memory(3))
    await similar.look(gateway.house)

    assert set(ids[2:]) == set(similar.memory.seen)


async def test_the_judge_is_told_how_answers_to_similar_questions_were_received(
    tmp_path: Path, upstream: ScriptedUpstream
) -> None:
    """Inside its delimiters, for the model that answered alone; who wants an explanation is told too, and only then."""
    answer = json.dumps({"reasoning": "it fits", "selectedModel": "cheap", "confidence": 80})
    async with (
        scripted_upstream(Script((Reply(text=answer),))) as voice,
        served(
            tmp_path,
            upstream,
            model("arbiter", voice.url + "/v1", extra="auto = false"),
            '[judge]\nmode = "always"\nserved_by = "catalogue"\nmodel = "arbiter"\n',
        ) as gateway,
    ):
        await rate(gateway, await ask(gateway), 5)
        await analyzed(gateway)
        told = str(json.loads(asked(voice)[-1].body)["messages"])
        explain = {"x-thalamus-router": "explain"}
        body = {"model": "auto", "messages": user(LIKE)}
        explained = (await gateway.http.post("/v1/chat/completions", json=body, headers=explain)).json()["thalamus"]
        named = (
            await gateway.http.post("/v1/chat/completions", json=body | {"model": "cheap"}, headers=explain)
        ).json()

    assert [("cheap", 1.0)] == [(each["model"], each["reward"]) for each in explained["similar"]]
    assert [{"model": "cheap", "n": 1, "mean_reward": 1.0}] == explained["similar_by_model"]
    assert "similar" not in named["thalamus"]
    (cheap,) = [line for line in told.split("\\n") if '"name": "cheap"' in line]
    (dear,) = [line for line in told.split("\\n") if '"name": "dear"' in line]
    assert '"similar_questions": {"quality": 1.0, "outcomes": 1}' in cheap
    assert "similar_questions" not in dear
    assert told.index("<candidates>", told.index('similar_questions": {') - 2000) < told.index('"similar_questions": {')


async def test_looks_wait_while_the_books_are_away(gateway: Gateway, tmp_path: Path) -> None:
    """And begin by themselves once they are there."""
    database = open_database(f"sqlite:///{tmp_path / 'later.sqlite'}")
    similar = Similar(database, gateway.house.similar.hashing)
    task = asyncio.create_task(similar.run(gateway.house, look_s=0.01, retry_s=0.01))
    try:
        with pytest.raises(StorageError):
            await similar.look(gateway.house)
        waiting = similar.state()
        await database.upgrade()
        async with asyncio.timeout(10):
            await similar.loaded.wait()
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await database.aclose()

    assert ({"status": "waiting", "n": 0}, {"status": "ok", "n": 0}) == (waiting, similar.state())


async def test_a_decision_is_shown_with_those_like_it(gateway: Gateway) -> None:
    """On its page, without itself; one that is not remembered has none."""
    one, other = await ask(gateway), await ask(gateway, LIKE)
    await rate(gateway, other, 2)
    await analyzed(gateway)
    desk = HouseDecisions(gateway.house)
    found = desk.similar(one)

    assert [other] == [each["decision_id"] for each in cast("list[Json]", found["similar"])]
    assert [{"model": "cheap", "n": 1, "mean_reward": 0.25}] == found["similar_by_model"]
    assert {"similar": [], "similar_by_model": []} == desk.similar("nobody")
