"""The decision explorer over a running gateway: finding, pricing, saying, and asking again."""

import asyncio
import json

import pytest
from sqlalchemy import select

from config.errors import InvalidRequestError, NotFoundError
from config.ids import new_id
from config.tables import audit
from config.types import Usage
from proxy.desk.decisions import HouseDecisions
from router.choosing.rerun import CLOSE, rerun_of
from router.providers.scripted import Reply, Script, scripted_upstream
from tests.e2e.gateway import asked, model, running_gateway, user

BODIES = "\n[storage]\nstore_bodies = true\n"
SCRIPT = Script((Reply(text="an answer"),))


async def answered(gateway, **body):
    response = await gateway.chat(**{"model": "auto", "messages": user("Write a function"), **body})
    assert 200 == response.status_code, response.text
    return response.headers["x-thalamus-decision-id"]


async def test_a_live_choice_is_run_again_as_it_was_made(tmp_path):
    """What the books hold, with the policy of now, gives the probabilities that were drawn with."""
    async with (
        scripted_upstream(SCRIPT) as upstream,
        running_gateway(
            tmp_path, model("cheap", f"{upstream.url}/v1"), model("good", f"{upstream.url}/v1", weight=3)
        ) as gateway,
    ):
        desk = HouseDecisions(gateway.house)
        decision = await desk.find(await answered(gateway))
        now = await desk.policy(["cheap", "good", "gone"])
        rerun = rerun_of(decision, offers=now.offers, experience=now.experience, terms=now.terms)

        assert {"cheap", "good"} == set(now.offers)
        stored = dict(zip(decision["eligible"], decision["probabilities"], strict=True))
        assert all(abs(stored[name] - value) < CLOSE for name, value in rerun.probabilities().items())
        assert ("cheap", "good") == desk.models()[:2]
        assert isinstance(desk.intents(), tuple)


async def test_tokens_are_priced_at_a_model_as_it_is_now(tmp_path):
    """Free on a machine of one's own, unknown for a model that is gone."""
    async with (
        scripted_upstream(SCRIPT) as upstream,
        running_gateway(tmp_path, model("local", f"{upstream.url}/v1")) as gateway,
    ):
        desk = HouseDecisions(gateway.house)

        assert (0.0, None) == (
            await desk.cost_usd("local", Usage(1_000, 10)),
            await desk.cost_usd("gone", Usage(1_000, 10)),
        )


async def test_an_opinion_is_in_the_books_and_in_the_audit_when_it_was_said(tmp_path):
    """Under the name of who said it; it counts as an administrator's."""
    async with (
        scripted_upstream(SCRIPT) as upstream,
        running_gateway(tmp_path, model("m", f"{upstream.url}/v1")) as gateway,
    ):
        desk = HouseDecisions(gateway.house)
        decision_id = await answered(gateway, model="m")
        await desk.say(decision_id, {"rating": 4}, actor="dashboard:ada")
        found = await desk.find(decision_id)
        async with gateway.house.database.reading() as connection:
            rows = (await connection.execute(select(audit.c.actor, audit.c.action, audit.c.subject))).all()

        assert [("admin", "rating", 0.75)] == [
            (each["source"], each["kind"], each["score"]) for each in found["outcomes"]
        ]
        assert [("dashboard:ada", "feedback", decision_id)] == [tuple(row) for row in rows]
        with pytest.raises(InvalidRequestError):
            await desk.say(decision_id, {"thumbs": "sideways"}, actor="dashboard:ada")
        with pytest.raises(NotFoundError):
            await desk.say(new_id(), {"rating": 1}, actor="dashboard:ada")


async def test_a_stored_request_is_asked_again_of_another_model(tmp_path):
    """Whole, not streamed, without a key where keys are needed; the new decision tells whose question it was."""
    async with (
        scripted_upstream(SCRIPT) as first,
        scripted_upstream(SCRIPT) as second,
        running_gateway(tmp_path, model("a", f"{first.url}/v1"), model("b", f"{second.url}/v1"), BODIES) as gateway,
    ):
        desk = HouseDecisions(gateway.house)
        asking = {"model": "a", "stream": True, "stream_options": {"include_usage": True}, "temperature": 0.5}
        decision_id = await answered(gateway, **asking)
        await gateway.house.writer.flush(5)
        await gateway.house.keys.create("some")  # from now on requests need a key
        replayed = await desk.replay(decision_id, "b", actor="dashboard:ada")
        new = await desk.find(replayed.decision_id)
        [sent] = asked(second)

        assert (200, None) == (replayed.status, replayed.message)
        assert ("b", f"replay:{decision_id}", "dashboard:ada", "completed") == tuple(
            new[name] for name in ("served_model", "conversation_id", "key_prefix", "status")
        )
        body = json.loads(sent.body)
        assert ("Write a function", 0.5) == (body["messages"][0]["content"], body["temperature"])
        bodies = await desk.bodies(decision_id)
        assert (True, b"an answer") == (bodies.are_stored, bodies.answer)


async def test_what_is_not_stored_cannot_be_asked_again(tmp_path):
    """Nor what was refused by the pipeline, which says why."""
    async with (
        scripted_upstream(SCRIPT) as upstream,
        running_gateway(tmp_path, model("a", f"{upstream.url}/v1")) as gateway,
    ):
        desk = HouseDecisions(gateway.house)
        decision_id = await answered(gateway, model="a")
        await gateway.house.writer.flush(5)

        assert "no_body" == await desk.replay(decision_id, "a", actor="dashboard:ada")
        assert "no_body" == await desk.replay(new_id(), "a", actor="dashboard:ada")


async def test_a_model_that_fails_says_so(tmp_path):
    """The new decision holds the attempt; the message is the client's."""
    async with (
        scripted_upstream(SCRIPT) as upstream,
        running_gateway(
            tmp_path, model("a", f"{upstream.url}/v1"), model("b", "http://127.0.0.1:9/v1"), BODIES
        ) as gateway,
    ):
        desk = HouseDecisions(gateway.house)
        decision_id = await answered(gateway, model="a")
        await gateway.house.writer.flush(5)
        replayed = await desk.replay(decision_id, "b", actor="dashboard:ada")
        async with asyncio.timeout(5):
            new = await desk.find(replayed.decision_id)

        assert replayed.status >= 400
        assert ("failed_upstream", True) == (new["status"], bool(replayed.message))
