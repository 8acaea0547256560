"""`POST /route`: intents, documents, an answer and what was saved, over the shipped example library."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

from router.providers.scripted import Reply, Script, UsageSpec, scripted_upstream
from tests.e2e.gateway import Gateway, asked, model, running_gateway

SCRIPT = Script((Reply(text="It is on its way.", usage=UsageSpec(input=900, output=7)),))
EXAMPLES = Path("retrieval/examples").resolve()
LIBRARY = f'[retrieval]\nlibrary = "{EXAMPLES}"\n'
LAST_RESORT = "[server]\nport = 0\n[health]\nfind_ollama = false\n"
GOLDEN = Path(__file__).parent / "golden" / "route.json"


async def ready(gateway: Gateway) -> None:
    """Wait until the micro-models and the documents are loaded, as a probe would."""
    async with asyncio.timeout(20):
        while True:
            told = (await gateway.http.get("/health")).json()["components"]
            if "loading" not in {told["classifier"]["status"], told["documents"]["status"]}:
                return
            await asyncio.sleep(0.02)


async def routed(gateway: Gateway, prompt: str, **more: object) -> dict[str, object]:
    """Ask `/route`."""
    answer = await gateway.http.post("/route", json={"prompt": prompt, **more})
    assert 200 == answer.status_code, answer.text
    assert answer.headers["x-thalamus-decision-id"] == answer.json()["decision_id"]
    return answer.json()


@pytest.mark.parametrize(
    ("prompt", "intents", "file"),
    [
        ("我想查看订单状态", {"order_management"}, "zh/Server_OrderManagement.md"),
        ("支付成功后发送通知", {"payment", "notification"}, "zh/Server_Notification.md"),
        ("修改身份要是有问题就付款充值", {"payment", "user_auth"}, "zh/Server_UserAuth.md"),
        ("I want to see the status of my order", {"order_management"}, "en/Server_OrderManagement.md"),
        ("Send a notification once the payment succeeded", {"payment", "notification"}, "en/Server_Notification.md"),
        ("If changing the identity fails, pay and top up", {"payment", "user_auth"}, "en/Server_UserAuth.md"),
    ],
)
async def test_the_examples_get_intents_documents_answer_and_savings(
    tmp_path: Path, prompt: str, intents: set[str], file: str
) -> None:
    """In both languages; what the model is sent is what is counted and shown."""
    async with (
        scripted_upstream(SCRIPT) as upstream,
        running_gateway(tmp_path, LIBRARY, model("m", upstream.url + "/v1")) as gateway,
    ):
        await ready(gateway)
        told = await routed(gateway, prompt)
        sent = asked(upstream)[-1].json["messages"]

    assert (prompt, intents) == (told["original_prompt"], set(told["predicted_intents"]))
    assert file in {each["doc_name"] for each in told["relevant_docs"]}
    assert {"response_text": "It is on its way.", "token_usage": {"total_tokens": 907}} == told["llm_response"]
    basis, savings = told["savings_basis"], told["token_savings"]
    against = basis["against"]["all_documents"]
    spent = basis["sent_tokens"] + basis["charged"]["missed_answer_tokens"]
    assert against["tokens"] - spent == against["saved"] == savings["tokens_saved"]
    assert savings["percentage_saved"] == round(100 * savings["tokens_saved"] / against["tokens"], 2)
    assert 38 < savings["percentage_saved"] < 60
    assert [{"role": "user", "content": prompt}] == sent[1:]
    assert all(each["text"] in sent[0]["content"] for each in told["passages"])


@pytest.mark.parametrize(
    ("prompt", "cited"),
    [
        ("登录后查看订单并处理支付", "zh/Server_OrderManagement.md"),
        ("After signing in, look at my orders and process the payment", "en/Server_Payment.md"),
    ],
)
async def test_several_things_are_answered_without_any_key(tmp_path: Path, prompt: str, cited: str) -> None:
    """The extractive model answers each part of an order, where the documents say how such things are done."""
    async with running_gateway(tmp_path, LIBRARY, head=LAST_RESORT, env={}) as gateway:
        await ready(gateway)
        told = await routed(gateway, prompt)

    assert {"user_auth", "order_management", "payment"} == set(told["predicted_intents"])
    assert "extractive" == told["model"]
    assert f"[{cited}:" in told["llm_response"]["response_text"]


async def test_the_shape_is_the_golden_one(tmp_path: Path) -> None:
    """Every field, in its place, with its kind; a new one is added here on purpose."""
    async with (
        scripted_upstream(SCRIPT) as upstream,
        running_gateway(tmp_path, LIBRARY, model("m", upstream.url + "/v1")) as gateway,
    ):
        await ready(gateway)
        told = await routed(gateway, "支付成功后发送通知")

    assert json.loads(GOLDEN.read_text(encoding="utf-8")) == shape(told)


async def test_a_question_for_nobody_shows_what_the_main_door_does_not_send(tmp_path: Path) -> None:
    """`none` is shown at most two passages; nothing is sent, so nothing is claimed."""
    prompt = "今天天气怎么样"
    async with (
        scripted_upstream(SCRIPT) as upstream,
        running_gateway(tmp_path, LIBRARY, model("m", upstream.url + "/v1")) as gateway,
    ):
        await ready(gateway)
        told = await routed(gateway, prompt)
        await gateway.chat(model="auto", messages=[{"role": "user", "content": prompt}])
        sent = [each.json["messages"] for each in asked(upstream)]

    assert (["none"], 2) == (told["predicted_intents"], len(told["passages"]))
    assert [False, False] == [each["placed"] for each in told["passages"]]
    assert {"tokens_saved": 0, "percentage_saved": 0.0} == told["token_savings"]
    assert "nothing is claimed" in told["savings_basis"]["reason"]
    assert [[{"role": "user", "content": prompt}]] * 2 == sent


async def test_without_documents_it_answers_and_says_so(tmp_path: Path) -> None:
    """The shipped guide is not the caller's library."""
    async with (
        scripted_upstream(SCRIPT) as upstream,
        running_gateway(tmp_path, model("m", upstream.url + "/v1")) as gateway,
    ):
        await ready(gateway)
        told = await routed(gateway, "我想查看订单状态")

    assert "It is on its way." == told["llm_response"]["response_text"]
    assert ([], []) == (told["relevant_docs"], told["passages"])
    assert {"tokens_saved": 0, "percentage_saved": 0.0} == told["token_savings"]
    assert "no documents of yours" in told["savings_basis"]["reason"]


async def test_the_extractive_model_answers_where_nobody_else_is(tmp_path: Path) -> None:
    """It searches by itself, so nothing is placed; savings are those of the passages another model would get."""
    async with running_gateway(tmp_path, LIBRARY, head=LAST_RESORT, env={}) as gateway:
        await ready(gateway)
        told = await routed(gateway, "我想查看订单状态")
        booked = (await gateway.http.get(f"/v1/decisions/{told['decision_id']}")).json()

    assert "extractive" == told["model"]
    assert "zh/Server_OrderManagement.md" in told["llm_response"]["response_text"]
    assert [False] * len(told["passages"]) == [each["placed"] for each in told["passages"]] != []
    assert told["savings_basis"]["placed"] is False
    assert ("completed", "route", 1) == (booked["status"], booked["endpoint"], len(booked["attempts"]))


async def test_a_named_model_answers_and_the_rest_is_found_all_the_same(tmp_path: Path) -> None:
    """`model` chooses who answers."""
    async with (
        scripted_upstream(SCRIPT) as upstream,
        running_gateway(
            tmp_path, LIBRARY, model("a", upstream.url + "/v1"), model("b", upstream.url + "/v1")
        ) as gateway,
    ):
        await ready(gateway)
        told = [await routed(gateway, "我想查看订单状态", model="b") for _ in range(4)]

    assert {"b"} == {each["model"] for each in told}
    assert all(each["relevant_docs"] for each in told)


@pytest.mark.parametrize(
    ("body", "param", "code"),
    [
        ({}, "prompt", "missing_required_parameter"),
        ({"prompt": "  "}, "prompt", "invalid_value"),
        ({"prompt": 5}, "prompt", "invalid_type"),
        ({"prompt": "x", "stream": True}, "stream", "unsupported_parameter"),
        ({"prompt": "x", "model": "nobody"}, "model", "model_not_found"),
    ],
)
async def test_what_is_wrong_is_named(tmp_path: Path, body: dict[str, object], param: str, code: str) -> None:
    """In OpenAI's shape, with a decision id."""
    async with running_gateway(tmp_path, LIBRARY, head=LAST_RESORT, env={}) as gateway:
        answer = await gateway.http.post("/route", json=body)
        wrong_method = await gateway.http.get("/route")

    assert (400 if code != "model_not_found" else 404) == answer.status_code
    assert (param, code) == (answer.json()["error"]["param"], answer.json()["error"]["code"])
    assert answer.headers["x-thalamus-decision-id"]
    assert 405 == wrong_method.status_code


def shape(value: object) -> object:
    """Return a value with the kinds of its leaves in their place."""
    if isinstance(value, dict):
        return {name: shape(each) for name, each in value.items()}
    if isinstance(value, list):
        return [shape(value[0])] if value else []
    return "number" if isinstance(value, int | float) and not isinstance(value, bool) else type(value).__name__
