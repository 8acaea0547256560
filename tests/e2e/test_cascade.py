"""The whole cascade behind the main door: the large model is asked last, in its time, and never holds a request up."""

import asyncio
import json
import time
from pathlib import Path

import pytest

import classifier
from classifier.micromodel import MicroModel
from config.errors import SettingsError
from config.intents import shipped_intents
from config.types import Json
from router.providers.scripted import Reply, Script, scripted_upstream
from tests.e2e.gateway import Gateway, asked, model, running_gateway, user
from tests.e2e.test_intent import loaded

PLAYED = Script((Reply(text="done"),))
OWN = """
[[intent]]
name = "table_booking"
zh = "订座"
en = "Table booking"
description_zh = "预订餐位。"
description_en = "Booking a table."
examples_zh = ["今晚七点四个人，靠窗"]
"""


def unsure(texts: tuple[str, ...]) -> str:
    """Return the first text on which the shipped micro-model abstains."""
    micro = MicroModel.load(Path(classifier.__file__).parent / "artefacts" / "intent")
    return next(text for text in texts if micro.predict(text).abstained)


UNSURE = unsure(("blorp the frobnicator", "那个那个那个", "hm, about that thing from before"))


async def traced(gateway: Gateway, text: str) -> Json:
    """Return what the stage `classify` noted of a text, as the books have it."""
    answer = await gateway.chat(model="auto", messages=user(text))
    assert 200 == answer.status_code, answer.text
    decision = await gateway.decision(answer)
    return next(each["notes"] for each in decision["timings"] if each["name"] == "classify")


def ollama(url: str, *, deadline_ms: int = 5_000) -> str:
    """Return settings that ask a model of an Ollama server."""
    return (
        f'\n[classifier.model]\nbackend = "ollama"\nbase = "qwen3:0.6b"\nollama_url = "{url}"\n'
        f"deadline_ms = {deadline_ms}\n"
    )


async def test_ollama_answers_where_the_micro_model_abstains(tmp_path: Path) -> None:
    """Without torch: the tiers stand in the trace in order, each with its word, confidence and time."""
    says = Script((Reply(json={"labels": ["payment", "notification"]}),))
    async with (
        scripted_upstream(says) as labels,
        scripted_upstream(PLAYED) as upstream,
        running_gateway(tmp_path, model("m", upstream.url + "/v1"), ollama(labels.url)) as gateway,
    ):
        await loaded(gateway)
        notes = await traced(gateway, UNSURE)
        certain = await traced(gateway, shipped_intents().intents[0].examples_en[0])
        state = (await gateway.http.get("/health")).json()["components"]["classifier"]

    assert (["payment", "notification"], "ollama", False) == (notes["intents"], notes["source"], notes["abstained"])
    assert [("micro", True), ("ollama", False)] == [(each["source"], each["abstained"]) for each in notes["tiers"]]
    assert all({"intents", "confidence", "ms"} <= set(each) for each in notes["tiers"])
    assert ["rule"] == [each["source"] for each in certain["tiers"]]
    assert ({"status": "ok", "backend": "ollama", "model": "qwen3:0.6b"}, 1) == (state["model"], len(asked(labels)))
    assert "/api/chat" == asked(labels)[0].path


@pytest.mark.parametrize(
    "reply", [Reply(delay_headers_s=30), Reply(text="no labels at all"), Reply(status=500), Reply(json={"labels": []})]
)
async def test_model_that_is_slow_or_unsure_abstains_and_the_request_goes_on(tmp_path: Path, reply: Reply) -> None:
    """The answer of the chat model is not waited for any longer than the deadline."""
    async with (
        scripted_upstream(Script((reply,))) as labels,
        scripted_upstream(PLAYED) as upstream,
        running_gateway(tmp_path, model("m", upstream.url + "/v1"), ollama(labels.url, deadline_ms=200)) as gateway,
    ):
        await loaded(gateway)
        began = time.perf_counter()
        notes = await traced(gateway, UNSURE)
        took_s = time.perf_counter() - began
        state = (await gateway.http.get("/health")).json()["components"]["classifier"]

    assert (True, True) == (notes["abstained"], notes["tiers"][-1]["abstained"])
    assert "ollama" == notes["tiers"][-1]["source"]
    assert took_s < 5
    assert "abstaining" == state["model"]["status"]


async def test_absent_artefact_is_told_of_and_the_micro_model_goes_on(tmp_path: Path) -> None:
    """A folder that is not there costs the tier and nothing else; health names it without its path."""
    settings = '\n[classifier.model]\nartefact = "gone"\n'
    async with (
        scripted_upstream(PLAYED) as upstream,
        running_gateway(tmp_path, model("m", upstream.url + "/v1"), settings) as gateway,
    ):
        await loaded(gateway)
        await gateway.house.understanding.settled()
        notes = await traced(gateway, UNSURE)
        state = (await gateway.http.get("/health")).json()["components"]["classifier"]

    assert ("ok", "failed") == (state["status"], state["model"]["status"])
    assert "gone" in state["model"]["error"]
    assert str(tmp_path) not in json.dumps(state)
    assert [("micro", True), ("qwen3", True)] == [(each["source"], each["abstained"]) for each in notes["tiers"]]


async def test_reload_takes_own_intents_other_models_and_the_switch(tmp_path: Path) -> None:
    """What the settings file says is in force after a reload, and a broken file of intents changes nothing."""
    says = Script((Reply(json={"labels": ["table_booking"]}),))
    async with (
        scripted_upstream(says) as labels,
        scripted_upstream(PLAYED) as upstream,
        running_gateway(tmp_path, model("m", upstream.url + "/v1")) as gateway,
    ):
        await loaded(gateway)
        settings = tmp_path / "thalamus.toml"
        plain = settings.read_text()
        own = tmp_path / "intents.toml"
        own.write_text(OWN, encoding="utf-8")
        before = await traced(gateway, "今晚七点四个人，靠窗")
        settings.write_text(plain + '\n[classifier]\nintents_file = "intents.toml"\n' + ollama(labels.url))
        await gateway.house.reload()
        by_example = await traced(gateway, "今晚七点四个人，靠窗")
        by_model = await traced(gateway, UNSURE)
        own.write_text("[[intent]]\nname = 7\n", encoding="utf-8")
        with pytest.raises(SettingsError, match="name"):
            await gateway.house.reload()
        still = await traced(gateway, "今晚七点四个人，靠窗")
        settings.write_text(plain + "\n[classifier]\nenabled = false\n")
        await gateway.house.reload()
        off, state_off = await traced(gateway, UNSURE), gateway.house.understanding.state()
        settings.write_text(plain)
        await gateway.house.reload()
        await loaded(gateway)
        on = await traced(gateway, UNSURE)

    assert "table_booking" not in before["intents"]
    assert (["table_booking"], "rule") == (by_example["intents"], by_example["source"])
    assert (["table_booking"], "ollama") == (by_model["intents"], by_model["source"])
    assert (["table_booking"], "rule") == (still["intents"], still["source"])
    assert ({"abstained": True, "skipped": True}, {"status": "off"}) == (off, state_off)
    assert ["micro"] == [each["source"] for each in on["tiers"]]


async def test_what_the_other_models_say_stands_beside_the_request(tmp_path: Path) -> None:
    """While the upstream thinks each shipped model has its word in the span `beside`; the switch takes it away."""
    thinks = Script((Reply(text="done", delay_headers_s=0.4),))
    async with (
        scripted_upstream(thinks) as upstream,
        running_gateway(tmp_path, model("m", upstream.url + "/v1")) as gateway,
    ):
        await loaded(gateway)
        answer = await gateway.chat(model="auto", messages=user("Where is my parcel?"))
        beside = {each["name"]: each["notes"] for each in (await gateway.decision(answer))["timings"]}["beside"]
        told = await gateway.http.post(
            "/v1/chat/completions",
            json={"model": "auto", "messages": user("Where is my parcel?")},
            headers={"x-thalamus-router": "explain"},
        )
        settings = tmp_path / "thalamus.toml"
        settings.write_text(settings.read_text() + "\n[classifier]\nfeatures = false\n")
        await gateway.house.reload()
        answer = await gateway.chat(model="auto", messages=user("Where is my parcel?"))
        without = {each["name"] for each in (await gateway.decision(answer))["timings"]}

    assert {"is_question", "confirmation"} <= set(beside)
    assert {"labels", "confidence", "abstained", "ms"} <= set(beside["is_question"])
    assert "beside" in [each["name"] for each in told.json()["thalamus"]["stages"]]
    assert "beside" not in without


async def test_an_answer_does_not_wait_for_the_other_models(tmp_path: Path) -> None:
    """Who is answered at once finds the decision in the books at once, with or without their word."""
    async with (
        scripted_upstream(PLAYED) as upstream,
        running_gateway(tmp_path, model("m", upstream.url + "/v1")) as gateway,
    ):
        await loaded(gateway)
        for _ in range(20):
            answer = await gateway.chat(model="auto", messages=user("Where is my parcel?"))
            assert "classify" in {each["name"] for each in (await gateway.decision(answer))["timings"]}


async def test_long_texts_are_read_side_by_side_with_short_ones(tmp_path: Path) -> None:
    """A hundred long turns at once are all answered, and each has been read or has an abstention."""
    async with (
        scripted_upstream(PLAYED) as upstream,
        running_gateway(tmp_path, model("m", upstream.url + "/v1")) as gateway,
    ):
        await loaded(gateway)
        answers = await asyncio.gather(
            *(gateway.chat(model="auto", messages=user(f"{n} " + "退款，" * 3_000)) for n in range(40))
        )

    assert {200} == {each.status_code for each in answers}
