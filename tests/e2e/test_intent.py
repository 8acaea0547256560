"""What a request asks for, in its trace: through each tier, and where no tier is there."""

import asyncio
from pathlib import Path

import pytest

from classifier.text import MAX_CHARS
from config.intents import shipped_intents
from proxy.understanding import Understanding
from router.providers.scripted import Reply, Script, scripted_upstream
from tests.e2e.gateway import Gateway, model, running_gateway, user

TIMES = {"name", "start_ms", "duration_ms"}
EXAMPLE = shipped_intents().intents[0]


async def loaded(gateway: Gateway) -> dict[str, object]:
    """Wait until the models are loaded, and return what the health page says of them."""
    async with asyncio.timeout(20):
        while (state := (await gateway.http.get("/health")).json()["components"]["classifier"])["status"] == "loading":  # noqa: ASYNC110  # as a probe does, from outside
            await asyncio.sleep(0.01)  # another process would poll so too
    return state


async def classified(gateway: Gateway, text: str, **more: object) -> tuple[dict[str, object], dict[str, object]]:
    """Return the classify stage's notes and the decision's features."""
    answer = await gateway.chat(model="auto", messages=user(text), **more)
    decision = await gateway.decision(answer)
    told = await gateway.http.post(
        "/v1/chat/completions",
        json={"model": "auto", "messages": user(text)},
        headers={"x-thalamus-router": "explain"},
    )
    stages = told.json()["thalamus"]["stages"]
    notes = next(each for each in stages if each["name"] == "classify")
    return {name: value for name, value in notes.items() if name not in TIMES}, decision["features"]


async def test_rules_and_the_micro_model_stand_in_the_trace(tmp_path: Path) -> None:
    """An example of the catalogue is certain; other texts are the micro-model's, with confidence and time."""
    async with (
        scripted_upstream(Script((Reply(text="done"),))) as upstream,
        running_gateway(tmp_path, model("m", upstream.url + "/v1")) as gateway,
    ):
        state = await loaded(gateway)
        by_rule, _ = await classified(gateway, EXAMPLE.examples_en[0])
        by_model, features = await classified(gateway, "付款失败了，钱退到哪里去了？")

    assert "ok" == state["intent"]["status"]
    assert ("rule", [EXAMPLE.name], 1.0) == (by_rule["source"], by_rule["intents"], by_rule["confidence"])
    assert "micro" == by_model["source"]
    assert 0 < by_model["ms"] < 1000  # a busy machine may take its time; how long is bounded by the benchmark
    assert ("zh", 1, False, False) == (
        features["language"], features["complexity"], features["has_code"], features["has_tools"],
    )  # fmt: skip


async def test_switched_off_it_abstains(tmp_path: Path) -> None:
    """Without the classifier requests are answered as before."""
    async with (
        scripted_upstream(Script((Reply(text="done"),))) as upstream,
        running_gateway(tmp_path, model("m", upstream.url + "/v1") + "\n[classifier]\nenabled = false\n") as gateway,
    ):
        notes, features = await classified(gateway, "hello")

    assert {"abstained": True, "skipped": True} == notes
    assert "en" == features["language"]
    assert "complexity" not in features


@pytest.mark.parametrize("text", ["", "x" * 1_000_000, "😀", "a好б", "שלום"])
async def test_bad_text_is_answered(tmp_path: Path, text: str) -> None:
    """Any text passes; the trace says that nobody was sure, or what was guessed."""
    async with (
        scripted_upstream(Script((Reply(text="done"),))) as upstream,
        running_gateway(tmp_path, model("m", upstream.url + "/v1")) as gateway,
    ):
        await loaded(gateway)
        answer = await gateway.chat(model="auto", messages=user(text))

    assert 200 == answer.status_code


def test_a_broken_artefact_is_told_of_and_left_out(tmp_path: Path) -> None:
    """The tier is absent, the reason is said, and the rules still answer."""
    (tmp_path / "intent").mkdir()
    understanding = Understanding(artefacts=tmp_path)
    understanding.load_now()
    state = understanding.state()

    assert "failed" == state["intent"]["status"]
    assert str(tmp_path) not in state["intent"]["error"]
    assert (EXAMPLE.name,) == understanding.cascade.look(EXAMPLE.examples_en[0]).labels
    assert understanding.cascade.look("y" * (MAX_CHARS + 1)).abstained
