"""What the product does with an order that is hard to take back, through its doors."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from types import FrameType

import httpx
import pytest

from classifier.proposal import proposed
from router.providers.scripted import Reply, Script, scripted_upstream
from tests.e2e.gateway import Gateway, asked, model, running_gateway, user

ORDER = {"en": "Please delete all my files.", "zh": "把我的文件全部删掉。"}
YES = {"en": "Yes, go ahead!", "zh": "是的"}
NO = {"en": "No.", "zh": "不用了"}
WORDS = {"en": "Please confirm", "zh": "请确认"}
CANCELLED = {"en": "Cancelled", "zh": "已取消"}


def turns(*texts: str) -> list[dict[str, str]]:
    """The user speaks first, then by turns."""
    return [{"role": "assistant" if n % 2 else "user", "content": text} for n, text in enumerate(texts)]


def reflex(response: str) -> str:
    return f'[reflex]\non_risk = "{response}"\n'


async def said(gateway: Gateway, messages: list[dict[str, str]], *, stream: bool = False) -> str:
    """The text that the official client reads."""
    if not stream:
        answer = await gateway.sdk.chat.completions.create(model="m", messages=messages)
        return answer.choices[0].message.content or ""
    chunks = await gateway.sdk.chat.completions.create(model="m", messages=messages, stream=True)
    return "".join([choice.delta.content or "" async for chunk in chunks for choice in chunk.choices])


@pytest.mark.parametrize("lang", ["en", "zh"])
async def test_a_tagged_order_is_relayed_and_noted(tmp_path: Path, lang: str) -> None:
    """By default nothing is held back; the decision says what was seen."""
    async with (
        scripted_upstream(Script((Reply(text="done"),))) as upstream,
        running_gateway(tmp_path, model("m", upstream.url + "/v1")) as gateway,
    ):
        answer = await gateway.chat(messages=user(ORDER[lang]))
        plain = await gateway.chat(messages=user("hi"))
        noted, unnoted = await gateway.decision(answer), await gateway.decision(plain)

    assert 200 == answer.status_code
    assert "delete" == noted["features"]["risk"]
    assert "risk" not in unnoted["features"]


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("lang", ["en", "zh"])
async def test_a_blocked_order_is_refused_in_its_language(tmp_path: Path, lang: str, *, stream: bool) -> None:
    """403 with a code of its own, before anything is sent; without the router nothing is looked at."""
    async with (
        scripted_upstream(Script((Reply(text="done"),))) as upstream,
        running_gateway(tmp_path, model("m", upstream.url + "/v1"), reflex("block")) as gateway,
    ):
        refused = await gateway.chat(messages=user(ORDER[lang]), stream=stream)
        n_asked = len(asked(upstream))
        body = {"model": "m", "messages": user(ORDER[lang])}
        off = await gateway.http.post("/v1/chat/completions", json=body, headers={"x-thalamus-router": "off"})

    assert (403, "blocked_by_reflex") == (refused.status_code, refused.json()["error"]["code"])
    assert ("删除" if lang == "zh" else "delete") in refused.json()["error"]["message"]
    assert 0 == n_asked
    assert 200 == off.status_code


async def test_a_pinned_order_goes_to_its_model(tmp_path: Path) -> None:
    """Only where `auto` chooses: who names a model gets it."""
    async with (
        scripted_upstream(Script((Reply(text="from m"),))) as upstream,
        scripted_upstream(Script((Reply(text="from careful"),))) as careful,
        running_gateway(
            tmp_path,
            model("m", upstream.url + "/v1", weight=1000),
            model("careful", careful.url + "/v1", weight=0.001),
            reflex("pin:careful"),
        ) as gateway,
    ):
        pinned = await gateway.chat(model="auto", messages=user(ORDER["en"]))
        named = await gateway.chat(model="m", messages=user(ORDER["en"]))
        decision = await gateway.decision(pinned)

    assert "careful" == pinned.headers["x-thalamus-model"]
    assert "m" == named.headers["x-thalamus-model"]
    assert any("reflex:delete" in reason for reason in decision["reasons"])


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("lang", ["en", "zh"])
async def test_a_confirmed_order_is_relayed_as_it_was_asked(tmp_path: Path, lang: str, *, stream: bool) -> None:
    """The upstream sees nothing before the yes, and nothing of our question after it."""
    async with (
        scripted_upstream(Script((Reply(text="done"),))) as upstream,
        running_gateway(tmp_path, model("m", upstream.url + "/v1"), reflex("confirm")) as gateway,
    ):
        question = await said(gateway, turns(ORDER[lang]), stream=stream)
        n_before = len(asked(upstream))
        answer = await said(gateway, turns(ORDER[lang], question, YES[lang]), stream=stream)
        sent = json.loads(asked(upstream)[0].body)

    assert question.startswith(WORDS[lang])
    assert 0 == n_before
    assert "done" == answer
    assert user(ORDER[lang]) == sent["messages"]


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("lang", ["en", "zh"])
async def test_a_declined_order_is_never_relayed(tmp_path: Path, lang: str, *, stream: bool) -> None:
    """A no cancels; what is neither is asked again once, and then cancels too."""
    async with (
        scripted_upstream(Script((Reply(text="done"),))) as upstream,
        running_gateway(tmp_path, model("m", upstream.url + "/v1"), reflex("confirm")) as gateway,
    ):
        question = await said(gateway, turns(ORDER[lang]), stream=stream)
        no = await said(gateway, turns(ORDER[lang], question, NO[lang]), stream=stream)
        again = await said(gateway, turns(ORDER[lang], question, "hm"), stream=stream)
        given_up = await said(gateway, turns(ORDER[lang], question, "hm", again, "hm"), stream=stream)
        n_before = len(asked(upstream))
        late = await said(gateway, turns(ORDER[lang], question, "hm", again, YES[lang]), stream=stream)

    assert no.startswith(CANCELLED[lang])
    assert again not in {question, no}
    assert no == given_up
    assert 0 == n_before
    assert "done" == late


@pytest.mark.parametrize("lang", ["en", "zh"])
async def test_an_answer_in_other_words_is_read_by_the_model(tmp_path: Path, lang: str) -> None:
    """No list holds these words; where the confirmation model is sure its answer counts, and the trace names it."""
    yes = {"en": "yup, send it", "zh": "没问题，删吧"}[lang]
    no = {"en": "please don't", "zh": "别，先不删"}[lang]
    async with (
        scripted_upstream(Script((Reply(text="done"),))) as upstream,
        running_gateway(tmp_path, model("m", upstream.url + "/v1"), reflex("confirm")) as gateway,
    ):
        await asyncio.to_thread(gateway.house.understanding.load_now)  # what a start does in the background
        question = await said(gateway, user(ORDER[lang]))
        declined = await said(gateway, turns(ORDER[lang], question, no))
        n_asked = len(asked(upstream))
        relayed = await gateway.chat(messages=turns(ORDER[lang], question, yes))
        decision = await gateway.decision(relayed)

    assert CANCELLED[lang] in declined
    assert 0 == n_asked
    assert "done" == relayed.json()["choices"][0]["message"]["content"]
    (notes,) = [each["notes"] for each in decision["timings"] if each["name"] == "reflex"]
    assert ("micro", ["yes"], True) == (notes["answer_source"], notes["answer"]["labels"], notes["confirmed"])


@pytest.mark.parametrize("answer", ["Yes, but only the old ones", "可以，但是先备份", "what does it cost?", "x" * 5000])
async def test_an_answer_of_which_nobody_is_sure_relays_nothing(tmp_path: Path, answer: str) -> None:
    """A yes with a condition is no yes: it is asked again, then cancelled."""
    async with (
        scripted_upstream(Script((Reply(text="done"),))) as upstream,
        running_gateway(tmp_path, model("m", upstream.url + "/v1"), reflex("confirm")) as gateway,
    ):
        await asyncio.to_thread(gateway.house.understanding.load_now)
        question = await said(gateway, user(ORDER["en"]))
        again = await said(gateway, turns(ORDER["en"], question, answer))
        over = await said(gateway, turns(ORDER["en"], question, answer, again, answer))

    assert "did not understand" in again
    assert CANCELLED["en"] in over
    assert 0 == len(asked(upstream))


async def test_without_models_only_the_words_count(tmp_path: Path) -> None:
    """Where the classifiers are off nobody reads what stands on no list."""
    off = reflex("confirm") + "[classifier]\nenabled = false\n"
    async with (
        scripted_upstream(Script((Reply(text="done"),))) as upstream,
        running_gateway(tmp_path, model("m", upstream.url + "/v1"), off) as gateway,
    ):
        question = await said(gateway, user(ORDER["en"]))
        again = await said(gateway, turns(ORDER["en"], question, "yup, send it"))
        relayed = await said(gateway, turns(ORDER["en"], question, "yes"))

    assert "did not understand" in again
    assert "done" == relayed


async def test_a_question_of_ours_is_booked_without_an_attempt(tmp_path: Path) -> None:
    """Its own status, no model, the trace names the risk; settings of one action stand before `on_risk`."""
    async with (
        scripted_upstream(Script((Reply(text="done"),))) as upstream,
        running_gateway(tmp_path, model("m", upstream.url + "/v1"), '[reflex]\ndelete = "confirm"\n') as gateway,
    ):
        held = await gateway.chat(messages=user(ORDER["en"]))
        other = await gateway.chat(messages=user("Shut down the build server."))
        decision = await gateway.decision(held)

    assert "done" == other.json()["choices"][0]["message"]["content"]
    assert ("held", 200, []) == (decision["status"], decision["http_status"], decision["attempts"])
    assert "stop" == held.json()["choices"][0]["finish_reason"]


@pytest.mark.parametrize("stream", [False, True])
async def test_the_anthropic_door_asks_and_relays_too(tmp_path: Path, *, stream: bool) -> None:
    """Its own shape of answer, and its own body on the way on."""
    async with (
        scripted_upstream(Script((Reply(text="done"),))) as upstream,
        running_gateway(tmp_path, model("m", upstream.url + "/v1"), reflex("confirm")) as gateway,
    ):

        async def ask(messages: list[dict[str, str]], *, stream: bool) -> httpx.Response:
            body = {"model": "m", "max_tokens": 50, "messages": messages, "stream": stream}
            return await gateway.http.post("/api/claude/v1/messages", json=body)

        streamed = await ask(turns(ORDER["en"]), stream=stream)
        question = (await ask(turns(ORDER["en"]), stream=False)).json()["content"][0]["text"]
        answer = await ask(turns(ORDER["en"], question, "yes"), stream=False)

    assert WORDS["en"] in streamed.text
    assert "done" == answer.json()["content"][0]["text"]


async def test_a_text_of_the_operator_s_own_fires_after_a_reload(tmp_path: Path) -> None:
    """Rules of one's own are read with the settings."""
    own = '[reflex]\non_risk = "block"\n[[reflex.rules]]\ntext = "project zeus"\naction = "shutdown"\n'
    async with (
        scripted_upstream(Script((Reply(text="done"),))) as upstream,
        running_gateway(tmp_path, model("m", upstream.url + "/v1"), own) as gateway,
    ):
        first = await gateway.chat(messages=user("What about Project Zeus?"))
        file = tmp_path / "thalamus.toml"
        file.write_text(file.read_text(encoding="utf-8").replace("project zeus", "project hera"), encoding="utf-8")
        await gateway.house.reload()
        second = await gateway.chat(messages=user("What about Project Zeus?"))

    assert (403, 200) == (first.status_code, second.status_code)


OFFER = {"en": "I will drop the customers table now. Shall I?", "zh": "我现在就删除customers表，可以吗？"}


@pytest.mark.parametrize("lang", ["en", "zh"])
async def test_a_yes_to_a_risky_plan_is_the_order(tmp_path: Path, lang: str) -> None:
    """Who agrees to a deletion ordered one: it is asked about and booked, and a yes relays the whole conversation."""
    begun = turns("clean up", OFFER[lang], "ok")
    async with (
        scripted_upstream(Script((Reply(text="done"),))) as upstream,
        running_gateway(tmp_path, model("m", upstream.url + "/v1"), reflex("confirm")) as gateway,
    ):
        question = await said(gateway, begun)
        relayed = await gateway.chat(messages=[*begun, *turns("x", question, YES[lang])[1:]])
        noted = await gateway.decision(relayed)
        harmless = await said(gateway, turns("clean up", "Shall I list the tables?", "ok"))
        sent = [json.loads(each.body)["messages"] for each in asked(upstream)]

    assert WORDS[lang] in question
    assert "delete" == noted["features"]["risk"]
    assert begun == sent[0]
    assert "done" == harmless


DROP = "Drop the users table in prod"


@pytest.mark.parametrize(
    ("order", "offer"),
    [
        (DROP, "Shall I run the migration now?"),
        (DROP, "I'll run the following. OK?"),
        (DROP, "Shall I execute this statement?"),
        ("Transfer $500 to Bob", "I can do that. Shall I use the checking account?"),
        ("把用户表删了", "需要我先备份吗？"),
        ("把用户表删了", "我会执行以下语句，可以吗？"),
    ],
)
async def test_a_yes_takes_no_mark_away(tmp_path: Path, order: str, offer: str) -> None:
    """A trivial plan does not hide the order of the user's own that it stands for."""
    yes = "yes" if order.isascii() else "是"
    async with (
        scripted_upstream(Script((Reply(text="done"),))) as upstream,
        running_gateway(tmp_path, model("m", upstream.url + "/v1"), reflex("confirm")) as gateway,
    ):
        question = await said(gateway, turns(order, offer, yes))

    assert question.startswith(("Please confirm", "请确认"))


async def test_a_plan_is_read_once_a_request(tmp_path: Path) -> None:
    """However many stages ask what a yes means, and however long the conversation is, its plan is read once."""
    talk = turns("clean up", "，我会" * 400, "ok", OFFER["en"], "yes", "Shall I list them?", "yes")
    n_read = 0

    def count(frame: FrameType, event: str, _arg: object) -> None:
        nonlocal n_read
        n_read += event == "call" and frame.f_code is proposed.__code__

    async with (
        scripted_upstream(Script((Reply(text="done"),))) as upstream,
        running_gateway(tmp_path, model("m", upstream.url + "/v1"), reflex("confirm")) as gateway,
    ):
        before = sys.getprofile()
        sys.setprofile(count)
        try:
            await gateway.chat(model="auto", messages=talk)
        finally:
            sys.setprofile(before)

    assert 1 == n_read
