"""Zero-shot labels from Ollama, played by the scripted double on a real socket."""

from __future__ import annotations

import httpx
import pytest

from classifier.qwen.ollama import OllamaIntentClassifier
from router.providers.scripted import parse_script, scripted_upstream

LABELS = {"payment": "money, 付款和退款", "order": "parcels, 订单"}


GOOD = {"text": '{"labels": ["payment"]}', "usage": {"input": 120, "output": 9}}


@pytest.fixture
async def ask():
    """Play one reply and classify one text with it; gives the intent and what was sent."""

    async def go(reply, text="我要退款", *, deadline_s=5.0, path=""):
        script = parse_script({"reply": [reply]})
        async with scripted_upstream(script) as upstream, httpx.AsyncClient(trust_env=False) as client:
            asked = OllamaIntentClassifier(client, url=upstream.url + path, model="qwen3:0.6b", descriptions=LABELS)
            return await asked.classify(text, deadline_s=deadline_s), upstream.requests

    return go


@pytest.mark.parametrize("path", ["", "/", "/api", "/v1"])
async def test_labels_come_from_one_plain_call(ask, path):
    """The native endpoint, with a schema of the known labels, no thinking and no chance."""
    found, requests = await ask(GOOD, path=path)
    body = requests[0].json

    assert (("payment",), "ollama", False) == (found.labels, found.source, found.abstained)
    assert (1, "/api/chat") == (len(requests), requests[0].path)
    assert (False, False, 0) == (body["stream"], body["think"], body["options"]["temperature"])
    assert ["payment", "order"] == body["format"]["properties"]["labels"]["items"]["enum"]
    assert "我要退款" == body["messages"][-1]["content"]


@pytest.mark.parametrize(
    ("written", "labels"),
    [
        ('{"labels": ["order", "payment", "order"]}', ("order", "payment")),
        ('{"labels": ["order", "weather"]}', ("order",)),
        ('{"labels": ["weather"]}', ()),
        ('{"labels": []}', ()),
        ('{"labels": "order"}', ()),
        ("I think it is an order.", ()),
        ("", ()),
    ],
)
async def test_only_known_labels_count(ask, written, labels):
    """Whatever a small model writes, it never invents an intent."""
    found, _ = await ask({"text": written})

    assert (labels, not labels) == (found.labels, found.abstained)


@pytest.mark.parametrize(
    "reply",
    [
        {"status": 500},
        {"fault": "model_gone"},
        {"fault": "reset"},
        {"fault": "empty_200"},
        {"fault": "html_instead_of_sse"},
        {"fault": "huge_event", "size_bytes": 1 << 22},
    ],
    ids=str,
)
async def test_server_that_fails_is_an_abstention(ask, reply):
    """The router goes on without."""
    found, _ = await ask(reply)

    assert found.abstained


async def test_slow_server_is_left_at_the_deadline(ask):
    """Nobody waits for a model that is being loaded."""
    found, _ = await ask({"fault": "hang"}, deadline_s=0.1)

    assert found.abstained


@pytest.mark.parametrize(("text", "deadline_s"), [("  ", 5.0), ("我要退款", 0.0)])
async def test_nothing_to_ask_asks_nothing(ask, text, deadline_s):
    """Empty text and no time cost no call."""
    found, requests = await ask(GOOD, text, deadline_s=deadline_s)

    assert found.abstained
    assert [] == requests


async def test_long_text_is_cut(ask):
    """A megabyte is not sent to a small model."""
    _, requests = await ask(GOOD, "x" * 1_000_000)

    assert 4096 == len(requests[0].json["messages"][-1]["content"])


async def test_address_that_is_none_is_an_abstention():
    """A typo in the settings fails no request."""
    async with httpx.AsyncClient(trust_env=False) as client:
        asked = OllamaIntentClassifier(client, url="http://127.0.0.1:1", model="x", descriptions=LABELS)

        assert (await asked.classify("x", deadline_s=5)).abstained
