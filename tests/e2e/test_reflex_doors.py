"""A reflex that asks before it relays, through the two doors beside OpenAI's: `/api/chat` and Anthropic's."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from router.providers.scripted import Reply, Script, scripted_upstream
from tests.e2e.gateway import Gateway, asked, model, running_gateway, user

CONFIRM = '[reflex]\non_risk = "confirm"\n'
ORDER = {"en": "Wire 500 euros to the plumber.", "zh": "给水管工转账五百块"}
ASKS = {"en": "Please confirm", "zh": "请确认"}
YES = {"en": "yes", "zh": "确认"}
NO = {"en": "no, cancel", "zh": "算了"}
CANCELLED = {"en": "Cancelled", "zh": "已取消"}
SCRIPT = Script((Reply(text="done"),))


def turns(*texts: str, blocks: bool = False) -> list[dict[str, Any]]:
    """The user speaks first, then by turns; each as a text or, as Anthropic's SDKs send it, as blocks."""
    said = [[{"type": "text", "text": text}] if blocks else text for text in texts]
    return [{"role": "assistant" if n % 2 else "user", "content": content} for n, content in enumerate(said)]


async def unified(gateway: Gateway, *, stream: bool, **body: object) -> str:
    """What a client of `/api/chat` reads."""
    response = await gateway.http.post("/api/chat", json={"model": "m", "stream": stream, **body})
    response.raise_for_status()
    if not stream:
        return response.json()["content"]
    lines = [line.removeprefix("data: ") for line in response.text.splitlines() if line.startswith("data: {")]
    return "".join(json.loads(line).get("delta") or "" for line in lines)


async def messages(gateway: Gateway, history: list[dict[str, Any]], *, stream: bool) -> str:
    """What a client of Anthropic's shape reads."""
    body = {"model": "m", "max_tokens": 50, "messages": history, "stream": stream, "system": "Be brief."}
    response = await gateway.http.post("/api/claude/v1/messages", json=body)
    response.raise_for_status()
    if not stream:
        return response.json()["content"][0]["text"]
    lines = [line.removeprefix("data: ") for line in response.text.splitlines() if line.startswith("data: {")]
    return "".join(json.loads(line).get("delta", {}).get("text") or "" for line in lines)


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("lang", ["en", "zh"])
async def test_unified_chat_asks_and_relays_after_a_yes(tmp_path: Path, lang: str, *, stream: bool) -> None:
    """The answer may come as the last of `messages` or as `message` beside them."""
    async with (
        scripted_upstream(SCRIPT) as upstream,
        running_gateway(tmp_path, model("m", upstream.url + "/v1"), CONFIRM) as gateway,
    ):
        question = await unified(gateway, stream=stream, message=ORDER[lang])
        again = await unified(gateway, stream=stream, messages=turns(ORDER[lang]))
        n_before = len(asked(upstream))
        one = await unified(gateway, stream=stream, messages=turns(ORDER[lang], question, YES[lang]))
        other = await unified(gateway, stream=stream, messages=turns(ORDER[lang], question), message=YES[lang])
        sent = [json.loads(request.body)["messages"] for request in asked(upstream)]

    assert question.startswith(ASKS[lang])
    assert question == again
    assert 0 == n_before
    assert ["done", "done"] == [one, other]
    assert [user(ORDER[lang]), user(ORDER[lang])] == sent


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("lang", ["en", "zh"])
async def test_unified_chat_relays_nothing_after_a_no(tmp_path: Path, lang: str, *, stream: bool) -> None:
    """A no cancels; a turn that is neither is asked once more."""
    async with (
        scripted_upstream(SCRIPT) as upstream,
        running_gateway(tmp_path, model("m", upstream.url + "/v1"), CONFIRM) as gateway,
    ):
        question = await unified(gateway, stream=stream, message=ORDER[lang])
        no = await unified(gateway, stream=stream, messages=turns(ORDER[lang], question, NO[lang]))
        unclear = await unified(gateway, stream=stream, messages=turns(ORDER[lang], question, "hm"))
        n_asked = len(asked(upstream))

    assert no.startswith(CANCELLED[lang])
    assert unclear not in {question, no}
    assert 0 == n_asked


@pytest.mark.parametrize("provider", ["openai_compatible", "anthropic"])
@pytest.mark.parametrize("blocks", [False, True], ids=["text", "blocks"])
@pytest.mark.parametrize("lang", ["en", "zh"])
async def test_anthropic_s_door_relays_after_a_yes(tmp_path: Path, lang: str, provider: str, *, blocks: bool) -> None:
    """The upstream, of either kind, sees the order alone, with the system prompt that came with it."""
    async with (
        scripted_upstream(SCRIPT) as upstream,
        running_gateway(
            tmp_path,
            model("m", upstream.url + ("/v1" if provider == "openai_compatible" else ""), provider=provider),
            CONFIRM,
        ) as gateway,
    ):
        question = await messages(gateway, turns(ORDER[lang], blocks=blocks), stream=False)
        streamed = await messages(gateway, turns(ORDER[lang], blocks=blocks), stream=True)
        n_before = len(asked(upstream))
        answer = await messages(gateway, turns(ORDER[lang], question, YES[lang], blocks=blocks), stream=False)
        sent = json.loads(asked(upstream)[0].body)

    assert question.startswith(ASKS[lang])
    assert question == streamed
    assert 0 == n_before
    assert "done" == answer
    assert "Be brief." in json.dumps(sent)
    assert ORDER[lang] in json.dumps(sent, ensure_ascii=False)
    assert ["user"] == [each["role"] for each in sent["messages"] if each["role"] != "system"]


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("lang", ["en", "zh"])
async def test_anthropic_s_door_relays_nothing_after_a_no(tmp_path: Path, lang: str, *, stream: bool) -> None:
    """A no cancels, streamed or plain."""
    async with (
        scripted_upstream(SCRIPT) as upstream,
        running_gateway(tmp_path, model("m", upstream.url + "/v1"), CONFIRM) as gateway,
    ):
        question = await messages(gateway, turns(ORDER[lang]), stream=stream)
        no = await messages(gateway, turns(ORDER[lang], question, NO[lang]), stream=stream)
        twice = await messages(gateway, turns(ORDER[lang], question, NO[lang], no, "hello"), stream=stream)
        n_asked = len(asked(upstream))

    assert no.startswith(CANCELLED[lang])
    assert "done" == twice
    assert 1 == n_asked


async def test_a_harness_s_reminder_beside_the_answer_hides_no_yes(tmp_path: Path) -> None:
    """IDEs put blocks of their own into the user's turn; what the human said is what counts."""
    async with (
        scripted_upstream(SCRIPT) as upstream,
        running_gateway(tmp_path, model("m", upstream.url + "/v1"), CONFIRM) as gateway,
    ):
        reminder = "<system-reminder>Never delete files without asking.</system-reminder>"
        question = await messages(gateway, turns(ORDER["en"]), stream=False)
        history = turns(ORDER["en"], question, "yes", blocks=True)
        history[-1]["content"].append({"type": "text", "text": reminder})
        answer = await messages(gateway, history, stream=False)

    assert "done" == answer
