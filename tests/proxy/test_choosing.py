"""How `auto` chooses, seen from outside: dial, exploration, conversations, rules, and what the books keep."""

from __future__ import annotations

import asyncio
import json
import math
import time
from collections.abc import AsyncGenerator, Sequence
from pathlib import Path

import pytest

from config.types import Json
from router.affinity import Affinity, lifetimes
from router.choosing.starting import StartingExperience
from router.choosing.values import Expected, Offer, Question
from router.providers.scripted import Reply, Script, ScriptedUpstream, scripted_upstream
from tests.e2e.gateway import Gateway, model, running_gateway, user

SCRIPT = Script((Reply(text="hello"),))
PRICE = "    [model.deployment.price]\n    input_usd_per_mtok = {0}\n    output_usd_per_mtok = {0}\n    source_date = 2026-11-21\n"
TOOL = {"type": "function", "function": {"name": "look", "parameters": {"type": "object", "properties": {}}}}
PICTURE = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}
CODE = "```python\ndef f(x):\n    return x\n```\nWhat does this do?"
CALLED = [
    *user("look it up"),
    {
        "role": "assistant",
        "tool_calls": [{"id": "c", "type": "function", "function": {"name": "look", "arguments": "{}"}}],
    },
    {"role": "tool", "tool_call_id": "c", "content": "found"},
]


@pytest.fixture
async def upstream() -> AsyncGenerator[ScriptedUpstream, None]:
    """One sound upstream."""
    async with scripted_upstream(SCRIPT) as running:
        yield running


@pytest.fixture
async def gateway(tmp_path: Path, upstream: ScriptedUpstream) -> AsyncGenerator[Gateway, None]:
    """Three models of one weight: cheap, dear, and one that has tools and sees; an alias means the cheap way."""
    url = upstream.url + "/v1"
    async with running_gateway(
        tmp_path,
        model("cheap", url) + PRICE.format(0.1),
        model("dear", url) + PRICE.format(9.0),
        model("able", url, extra='capabilities = ["chat", "tools", "vision", "json_schema"]') + PRICE.format(1.0),
        '[aliases]\n"gpt-4o" = "auto:cheap"\n[learning]\nmode = "off"\n',
    ) as running:
        while isinstance(running.house.experience, StartingExperience):  # noqa: ASYNC110  # the learner tells nobody
            await asyncio.sleep(0.01)
        yield running


def forget(gateway: Gateway) -> None:
    """Forget which model has which conversation."""
    gateway.house.affinity = Affinity(lifetimes(gateway.house.settings), clock=time.monotonic)


class Told:
    """An experience that expects what it was told."""

    def __init__(self, **qualities: float) -> None:
        self._qualities = qualities
        self.version = "told"

    def expect(self, question: Question, offers: Sequence[Offer]) -> tuple[Expected, ...]:
        del question
        return tuple(Expected(each.model, self._qualities[each.model], 0.02, 0.001) for each in offers)


async def decided(gateway: Gateway, headers: dict[str, str] | None = None, **body: object) -> Json:
    """Ask `auto`, and return the booked decision."""
    ask = {"model": "auto", "messages": user("Why is the sky blue?"), **body}
    answer = await gateway.http.post("/v1/chat/completions", json=ask, headers=headers or {})
    assert 200 == answer.status_code, answer.text
    return await gateway.decision(answer)


async def test_the_books_keep_the_whole_vector_and_what_it_was_made_from(gateway: Gateway) -> None:
    """Enough to learn and to evaluate from the row alone, without a word of the user."""
    found = await decided(gateway, messages=user("Why is the sky so oddly blue?"))
    features = found["features"]

    assert ["cheap", "dear", "able"] == found["eligible"]
    assert 1.0 == pytest.approx(math.fsum(found["probabilities"]))
    assert found["policy_version"].startswith("learned-1-")
    assert isinstance(found["seed"], int)
    assert {"cheap", "dear", "able"} == set(features["expected"])
    assert ("en", 0.5) == (features["question"]["language"], features["dial"])
    assert {"start-1"} == {features["experience"].partition("+")[0]}
    assert found["chosen"] == features["candidates"][0]["model"] == found["ranked"][0]
    assert {"quality", "cost", "latency", "switching"} == set(features["candidates"][0]["parts"])
    assert features["runner_up"]["model"] == found["ranked"][1]
    assert "oddly" not in json.dumps(features)


async def test_the_dial_is_of_the_request_then_of_the_name_then_of_the_settings(gateway: Gateway) -> None:
    """Header, field, alias, setting: the first that says something."""
    dials = [
        (await decided(gateway, headers, **body))["features"]["dial"]
        for headers, body in (
            ({"x-thalamus-dial": "best"}, {"routing_dial": 0.2, "model": "gpt-4o"}),
            ({}, {"routing_dial": 0.2, "model": "gpt-4o"}),
            ({}, {"model": "gpt-4o"}),
            ({}, {"model": "auto:0.7"}),
            ({}, {}),
        )
    ]

    assert [1.0, 0.2, 0.1, 0.7, 0.5] == dials


async def test_the_dial_moves_probability_and_is_not_sent_on(gateway: Gateway, upstream: ScriptedUpstream) -> None:
    """Cheap models gain towards 0; the upstream never sees the field."""
    cheap, best = [await decided(gateway, routing_dial=dial) for dial in (0, 1)]

    assert cheap["probabilities"][0] > 0.5 > best["probabilities"][0]
    assert best["probabilities"][1] > cheap["probabilities"][1] == pytest.approx(0.02)
    assert "routing_dial" not in upstream.requests[-1].json


async def test_a_key_has_its_own_dial(tmp_path: Path, upstream: ScriptedUpstream) -> None:
    """By its name in the settings; whoever has none gets the setting."""
    async with running_gateway(
        tmp_path,
        '[routing.key_dials]\n"thrifty" = 0.15\n',
        model("a", upstream.url + "/v1"),
    ) as gateway:
        made, _ = await gateway.house.keys.create("thrifty")
        answer = await gateway.http.post(
            "/v1/chat/completions",
            json={"model": "auto", "messages": user("hi")},
            headers={"authorization": f"Bearer {made}", "x-thalamus-router": "explain"},
        )

    assert 0.15 == answer.json()["thalamus"]["dial"]


@pytest.mark.parametrize(
    ("headers", "param"),
    [({"x-thalamus-dial": "much"}, "x-thalamus-dial"), ({"x-thalamus-explore": "on"}, "x-thalamus-explore")],
)
async def test_bad_wishes_are_refused(gateway: Gateway, headers: dict[str, str], param: str) -> None:
    """A header of ours that means nothing is an error that names it."""
    answer = await gateway.http.post(
        "/v1/chat/completions", json={"model": "auto", "messages": user("x")}, headers=headers
    )

    assert (400, param) == (answer.status_code, answer.json()["error"]["param"])


async def test_what_is_expected_decides_and_a_few_draws_explore(gateway: Gateway) -> None:
    """With experience the best model gets nearly all; switched off, exploring leaves no chance at all."""
    gateway.house.experience = Told(cheap=0.3, dear=0.95, able=0.4)

    drawn = await decided(gateway)
    sure = await decided(gateway, {"x-thalamus-explore": "off"})

    assert [0.02, 0.96, 0.02] == pytest.approx(drawn["probabilities"], abs=0.001)
    assert [0.0, 1.0, 0.0] == sure["probabilities"]
    assert ("dear", False, None) == (sure["chosen"], sure["explored"], sure["seed"])


async def test_only_the_first_turn_of_a_conversation_is_drawn(gateway: Gateway) -> None:
    """Its id alone decides that draw; what comes after it follows from it, and so has probability 1."""
    first, second = [await decided(gateway, {"x-thalamus-conversation-id": "talk"}) for _ in range(2)]
    forget(gateway)
    again = await decided(gateway, {"x-thalamus-conversation-id": "talk"})

    assert (first["seed"], first["chosen"]) == (again["seed"], again["chosen"])
    assert 1.0 > max(first["probabilities"])
    assert (None, 1.0) == (second["seed"], max(second["probabilities"]))


async def test_probabilities_of_later_turns_are_true(gateway: Gateway) -> None:
    """Each model is chosen as often as the books say: what follows from the first draw is certain."""
    long = user("hello " * 8000)
    turns = [*long, {"role": "assistant", "content": "hi"}, *user("and then?")]
    weighed = {1: list[float](), 2: list[float]()}
    for number in range(20):
        for turn, messages in ((1, long), (2, turns)):
            told = await decided(gateway, {"x-thalamus-conversation-id": f"talk {number}"}, messages=messages)
            of = dict(zip(told["eligible"], told["probabilities"], strict=True))
            weighed[turn].append(1 / of[told["chosen"]])

    assert {1.0} == set(weighed[2])
    assert 1.0 < min(weighed[1])


async def test_a_conversation_that_nobody_remembers_is_drawn_anew(gateway: Gateway) -> None:
    """After a restart and in every replica alike, but not with the luck of its first draw."""
    turns = [*user("hello"), {"role": "assistant", "content": "hi"}, *user("and then?")]
    drawn = list[tuple[object, object]]()
    for number in range(12):
        forget(gateway)
        told = await decided(gateway, {"x-thalamus-conversation-id": f"old {number % 6}"}, messages=turns)
        assert 1.0 > max(told["probabilities"])
        drawn.append((told["seed"], told["chosen"]))
    first = await decided(gateway, {"x-thalamus-conversation-id": "old 0"}, messages=user("hello"))

    assert drawn[:6] == drawn[6:]
    assert 6 == len(set(drawn))
    assert first["seed"] != drawn[0][0]


async def test_a_conversation_that_a_greeting_begins_is_drawn(gateway: Gateway) -> None:
    """What an application puts before the first question is nobody's answer."""
    greeted = [{"role": "assistant", "content": "Hello! How can I help?"}, *user("what is a monad?")]
    found = [
        await decided(gateway, {"x-thalamus-conversation-id": f"greeted {number}"}, messages=greeted)
        for number in range(12)
    ]

    assert 1.0 > max(max(each["probabilities"]) for each in found)
    assert 1 < len({each["chosen"] for each in found})


async def test_a_tool_loop_stays_with_who_serves_it(gateway: Gateway) -> None:
    """Nothing is explored between a call and its result, and the model does not change."""
    headers = {"x-thalamus-conversation-id": "loop"}
    first = await decided(gateway, headers, messages=user("look it up"), tools=[TOOL])
    second = "cheap" if first["chosen"] == "able" else "able"
    gateway.house.experience = Told(**{"cheap": 0.1, "dear": 0.1, "able": 0.1} | {second: 0.9})

    looping = await decided(gateway, headers, messages=CALLED)

    assert first["chosen"] == looping["chosen"]
    assert 1.0 == looping["probabilities"][looping["eligible"].index(looping["chosen"])]
    assert "tool loop" in looping["reasons"][0]


async def test_a_conversation_without_an_id_is_not_explored_in(gateway: Gateway) -> None:
    """Once somebody served it, the best one goes on with it, and who has its prompt in the cache pays no move."""
    turns = [*user("hello " * 4000), {"role": "assistant", "content": "hi"}, *user("and then?")]
    await decided(gateway, messages=turns)

    again = await decided(gateway, messages=turns)

    assert 1.0 == max(again["probabilities"])
    paid = sorted(each["parts"]["switching"] for each in again["features"]["candidates"])
    assert paid[0] == paid[1] < paid[2] == 0.0


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ({"tools": [TOOL]}, "it has no tools"),
        ({"messages": [{"role": "user", "content": [{"type": "text", "text": "what?"}, PICTURE]}]}, "it has no vision"),
        (
            {"response_format": {"type": "json_schema", "json_schema": {"name": "a", "schema": {}}}},
            "it has no JSON by schema",
        ),
    ],
)
async def test_who_cannot_is_not_drawn_but_stays_a_last_resort(
    gateway: Gateway, body: dict[str, object], reason: str
) -> None:
    """Eligible are those that can; the others stand at the end of the chain, with the reason in the books."""
    found = await decided(gateway, **body)

    assert (["able"], [1.0]) == (found["eligible"], found["probabilities"])
    assert ["able", "cheap", "dear"] == found["ranked"]
    assert {"cheap": [reason], "dear": [reason]} == found["features"]["excluded"]


async def test_a_damaged_policy_degrades_to_the_weights(gateway: Gateway) -> None:
    """Not a number is a reason in the books, and the answer arrives."""
    gateway.house.experience = Told(cheap=0.3, dear=math.nan, able=0.4)

    found = await decided(gateway)

    assert [1 / 3] * 3 == pytest.approx(found["probabilities"])
    assert "the policy expects no possible number of 'dear': by weight" == found["reasons"][0]


async def test_code_goes_to_the_model_named_for_code(tmp_path: Path, upstream: ScriptedUpstream) -> None:
    """The shipped rule, after every rule of yours; not where that model cannot answer."""
    url = upstream.url + "/v1"
    async with running_gateway(tmp_path, model("a", url), model("cursor", url)) as gateway:
        code = await decided(gateway, messages=user(CODE))
        ruled = await decided(gateway, messages=user(CODE), routing_rules=[{"pattern": "def", "model": "a"}])
        text = await decided(gateway, messages=user("Why is the sky blue?"))

    assert ("cursor", [0.0, 1.0]) == (code["chosen"], code["probabilities"])
    assert "the shipped rule gives code to 'cursor'" == code["reasons"][-1]
    assert "a" == ruled["chosen"]
    assert pytest.approx([0.5, 0.5], abs=0.01) == text["probabilities"]


async def test_weights_alone_draw_where_the_settings_say_so(tmp_path: Path, upstream: ScriptedUpstream) -> None:
    """No expectation has a say then."""
    url = upstream.url + "/v1"
    head = '[server]\nport = 0\n[routing]\nshipped_models = false\npolicy = "weights"\n[health]\nfind_ollama = false\n'
    async with running_gateway(tmp_path, model("a", url, weight=3), model("b", url), head=head) as gateway:
        found = await decided(gateway)

    assert ("weights-1", [0.75, 0.25]) == (found["policy_version"], found["probabilities"])
    assert "candidates" not in found["features"]


async def test_explain_shows_candidates_and_the_runner_up(gateway: Gateway) -> None:
    """Beside the decision: what each score is made of, and the dial at which the next one would win."""
    answer = await gateway.http.post(
        "/v1/chat/completions",
        json={"model": "auto", "messages": user("hi")},
        headers={"x-thalamus-router": "explain", "x-thalamus-explore": "off"},
    )
    told = answer.json()["thalamus"]

    assert 3 == len(told["candidates"])
    assert {"model", "margin", "flips_at_dial"} == set(told["runner_up"])
    assert 0 < told["choice_confidence"] <= 1


async def test_a_repeated_question_is_not_computed_again(gateway: Gateway) -> None:
    """The route cache answers; what was learned meanwhile makes it compute anew."""
    for _ in range(6):
        await decided(gateway, {"x-thalamus-explore": "off"})
    hits = gateway.house.chooser.standings.n_hits
    gateway.house.experience = Told(cheap=0.3, dear=0.9, able=0.4)

    found = await decided(gateway)

    assert hits >= 1
    assert 0.96 == pytest.approx(max(found["probabilities"]), abs=0.01)


async def test_the_domain_read_beside_the_request_has_a_say(tmp_path: Path, upstream: ScriptedUpstream) -> None:
    """The choice waits for it as long as the settings say, and not at all where they say 0."""
    url = upstream.url + "/v1"
    found: list[object] = []
    for wait_ms in (5_000, 0):
        folder = tmp_path / str(wait_ms)
        folder.mkdir()
        settings = f"\n[classifier]\nfeatures_wait_ms = {wait_ms}\n"
        async with running_gateway(folder, model("a", url), model("b", url), settings) as gateway:
            await gateway.house.understanding.load()
            while gateway.house.understanding.state()["status"] != "ok":  # noqa: ASYNC110  # loading tells nobody
                await asyncio.sleep(0.05)
            asked = await decided(gateway, messages=user("Solve the integral of x squared times sin(x) dx by parts."))
            found.append(asked["features"]["question"]["domain"])

    assert found[0]
    assert "" == found[1]


async def test_the_first_choice_is_prepared_beforehand(gateway: Gateway) -> None:
    """Prices are looked up while nobody waits: the list of them takes long to read."""
    while not gateway.house.chooser.priced:  # noqa: ASYNC110  # the preparation tells nobody
        await asyncio.sleep(0.01)

    assert 3 == len(gateway.house.chooser.priced)


async def test_a_long_prompt_is_counted_off_the_loop(gateway: Gateway) -> None:
    """Its tokens are the question's all the same, and its text is read at both ends."""
    found = await decided(gateway, messages=user("word " * 20_000))

    assert found["features"]["question"]["n_tokens"] > 15_000


async def test_without_the_classifier_a_tool_loop_is_still_known(tmp_path: Path, upstream: ScriptedUpstream) -> None:
    """By the last message alone; where places are not kept, nothing is warm."""
    url = upstream.url + "/v1"
    off = "\n[classifier]\nenabled = false\n[balancing]\naffinity_s = 0\n"
    async with running_gateway(tmp_path, model("a", url), model("b", url), off) as gateway:
        looping = await decided(gateway, messages=CALLED)

    assert "tool_loop" == looping["features"]["question"]["task_state"]
    assert 1.0 == max(looping["probabilities"])
    assert {0.0} == {each["parts"]["switching"] for each in looping["features"]["candidates"]}


async def test_where_nobody_fits_the_best_fitting_one_is_asked_and_it_is_said(
    tmp_path: Path, upstream: ScriptedUpstream
) -> None:
    """A capability may just not be configured: the request is not refused for it."""
    url = upstream.url + "/v1"
    async with running_gateway(tmp_path, model("a", url), model("b", url)) as gateway:
        found = await decided(gateway, tools=[TOOL])

    assert ["a", "b"] == found["eligible"]
    assert "nobody fits: it has no tools" == found["reasons"][0]
    assert "it has no tools" == found["features"]["relaxed"]
