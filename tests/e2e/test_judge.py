"""The judge, asked by the whole gateway: followed where it answers, and free where it does not."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest

from router.choosing.drawing import drawn
from router.judge.afterwards import Afterwards
from router.judge.templates import shipped_templates
from tests.e2e.gateway import HEAD, asked, model, running_gateway, user
from tests.router.judge.cases import named
from tests.upstreams import replying, scripted_upstream

JUDGE = """
[classifier]
features = false
[judge]
ollama_url = "{url}"
unsure_below = 1.0
min_gain = 0.0
{extra}
"""
PRICE = """
    [model.deployment.price]
    input_usd_per_mtok = {}
    output_usd_per_mtok = {}
    source_date = 2026-11-01
"""
AUTO = {"model": "auto", "messages": user("Prove that there are infinitely many primes.")}


@asynccontextmanager
async def gateway(
    folder: Path, *replies: dict[str, object], extra: str = "", models=("llama3:latest",), look=True, away=False
):
    """Yield a gateway with two models, and the Ollama of its judge, which is gone where it is `away`."""
    async with AsyncExitStack() as stack:
        worker = await stack.enter_async_context(scripted_upstream(replying({"template": "{model} says hi"})))
        ollama = await stack.enter_async_context(scripted_upstream(replying(*replies, models=list(models))))
        if away:
            await ollama.stop()
        toml = [
            JUDGE.format(url=ollama.url, extra=extra),
            *(model(name, f"{worker.url}/v1", upstream_model=name) for name in ("small", "large")),
        ]
        running = await stack.enter_async_context(running_gateway(folder, *toml, head=HEAD))
        if look:
            await running.house.judging.look()
            running.house.judging.judge.breaker.reset()  # a busy machine may have been too slow for the look before
        yield running, ollama


async def decided(running, **body: object):
    answer = await running.chat(**{**AUTO, **body})
    assert 200 == answer.status_code, answer.text
    return await running.decision(answer)


async def test_unsure_policy_asks_the_judge_and_follows_it(tmp_path):
    """The named model gets the judge's share, the request's own seed draws from the stored vector, the trace tells."""
    async with gateway(tmp_path, {"text": named("large", 100)}, extra="trust = 0.8") as (running, ollama):
        found = await decided(running)
        prompt = asked(ollama)[-1].json["messages"][1]["content"]

    judged, eligible, probabilities = found["judge"], found["eligible"], found["probabilities"]
    assert ("answered", True, 0.8, "llama3") == tuple(judged[n] for n in ("outcome", "followed", "weight", "model"))
    assert {"selected_model": "large", "confidence": 1.0, "reasoning": "it fits"} == judged["answer"]
    assert judged["template"].startswith("plain@")
    assert probabilities[eligible.index("large")] > 0.85
    assert pytest.approx(1.0) == sum(probabilities)
    assert eligible[drawn(probabilities, seed=found["seed"])] == found["chosen"]
    assert "the judge named 'large'" in found["reasons"][0]
    assert "Prove that there are infinitely many primes." in prompt
    [span] = [each for each in found["timings"] if each["name"] == "judge"]
    assert "answered" == span["notes"]["outcome"]


async def test_same_question_again_costs_no_second_answer(tmp_path):
    """The kept answer is used, and said to be kept."""
    async with gateway(tmp_path, {"text": named("large")}) as (running, ollama):
        await decided(running)
        again = await decided(running)

        assert again["judge"]["cached"]
        assert 1 == len(asked(ollama))


async def test_judge_that_is_away_costs_nothing(tmp_path):
    """No Ollama: the request is answered at once, and trace and health say that the judge is away."""
    async with gateway(tmp_path, look=False, away=True) as (running, _):
        await running.house.judging.look()
        found = await decided(running)
        health = (await running.http.get("/health")).json()

    assert ("away", False) == (found["judge"]["outcome"], found["judge"]["followed"])
    assert "away" == health["components"]["judge"]["status"]
    assert "ok" == health["status"]
    assert eligible_draw(found) == found["chosen"]


async def test_judge_that_hangs_delays_two_requests_by_its_deadline_and_then_none(tmp_path):
    """After two answers that did not come the breaker is open: the next request does not wait."""
    async with gateway(tmp_path, {"fault": "hang"}, extra="deadline_ms = 150\ncache_entries = 0") as (running, _):
        outcomes = [(await decided(running))["judge"]["outcome"] for _ in range(2)]
        outcomes.append((await decided(running))["judge"]["outcome"])
        health = (await running.http.get("/health")).json()["components"]["judge"]

    assert ["late", "late", "resting"] == outcomes
    assert ("resting", "open") == (health["status"], health["breaker"])


@pytest.mark.parametrize(
    ("said", "fault"),
    [
        ("I would take large.", "no_json"),
        (named("nobody"), "not_eligible"),
        ("", None),
        (named("large") + named("small"), "ambiguous"),
        ("y" * 900_000, "no_json"),
    ],
)
async def test_answer_that_cannot_be_used_leaves_the_choice(tmp_path, said, fault):
    """Prose, another name, nothing, two names, a megabyte: the policy's choice stands, and the books say why."""
    async with gateway(tmp_path, {"text": said}) as (running, _):
        found = await decided(running)

    assert not found["judge"]["followed"]
    assert fault is None or fault == found["judge"]["fault"]
    assert eligible_draw(found) == found["chosen"]


async def test_shadow_is_recorded_and_not_followed(tmp_path):
    """A judge in shadow is asked beside the request; its word is in the books, and the vector is the policy's."""
    slow = {"text": named("large", 100)}
    async with gateway(tmp_path, slow, extra="shadow = true") as (running, _):
        found = await decided(running)
        again = await decided(running)

    for each in (found, again):
        assert each["judge"]["shadow"]
        assert not each["judge"]["followed"]
        assert max(each["probabilities"]) < 0.85
    assert "the judge" not in " ".join(found["reasons"])


@pytest.mark.parametrize(
    ("extra", "body", "reason"),
    [
        ('mode = "never"', {}, None),
        ("", {"model": "small"}, None),
        ("", {"routing_rules": [{"pattern": "primes", "model": "small"}]}, None),
        ("", {}, "sure"),
    ],
)
async def test_judge_is_not_asked_where_nothing_is_unsure(tmp_path, extra, body, reason):
    """Switched off, a named model, a rule, a policy that is sure: nobody is asked."""
    async with gateway(tmp_path, {"text": named("large")}, extra=extra) as (running, ollama):
        if reason == "sure":
            await reload(running, tmp_path, "unsure_below = 1.0", "unsure_below = 0.0")
        found = await decided(running, **body)

        assert [] == asked(ollama)
        assert found["judge"] is None
        [span] = [each for each in found["timings"] if each["name"] == "judge"]
        assert span["notes"]["skipped"]
        assert reason == span["notes"].get("reason")


async def test_judge_is_not_asked_where_the_caller_wants_nothing_drawn(tmp_path):
    """Who asks for the highest score gets it, also where the judge is asked always."""
    async with gateway(tmp_path, {"text": named("large", 100)}, extra='mode = "always"') as (running, ollama):
        answer = await running.http.post("/v1/chat/completions", json=AUTO, headers={"x-thalamus-explore": "off"})
        found = await running.decision(answer)

        assert [] == asked(ollama)
        assert (None, [1.0, 0.0]) == (found["judge"], sorted(found["probabilities"], reverse=True))


async def reload(running, folder: Path, old: str, new: str) -> None:
    file = folder / "thalamus.toml"
    file.write_text(file.read_text(encoding="utf-8").replace(old, new), encoding="utf-8")
    await running.house.reload()


async def test_any_catalogue_model_may_judge(tmp_path):
    """With `served_by = "catalogue"` a configured model is asked, through the relay's own dispatcher."""
    extra = 'served_by = "catalogue"\nmodel = "large"'
    async with gateway(tmp_path, extra=extra) as (running, _):
        found = await decided(running)

    assert ("unread", "no_json", "large") == tuple(found["judge"][n] for n in ("outcome", "fault", "model"))


async def test_nobody_is_asked_where_too_many_stand_in_line(tmp_path):
    """The line is bounded: a request beyond it is answered as ever, and the books say that nobody was asked."""
    async with gateway(tmp_path, {"text": named("large")}, extra="share_max = 0.0") as (running, ollama):
        running.house.judging.afterwards = Afterwards(most=0)
        found = await decided(running)
        skipped = running.house.metrics.judge.skipped

        assert [] == asked(ollama)
    assert ("dropped", "share_spent", False) == tuple(found["judge"][n] for n in ("outcome", "reason", "followed"))
    assert {"share_spent": 1, "line_full": 1} == skipped


async def test_what_a_judge_of_the_catalogue_costs_is_in_the_books(tmp_path):
    """A priced model that judges: its cost stands beside the answer's, in the books and among the figures."""
    async with AsyncExitStack() as stack:
        usage = {"input": 1_000, "output": 100}
        reply = {"text": named("large", 100), "usage": usage}
        worker = await stack.enter_async_context(scripted_upstream(replying(reply)))
        toml = ['[classifier]\nfeatures = false\n[judge]\nserved_by = "catalogue"\nmodel = "referee"\nmin_gain = 0.0\n']
        toml += ["unsure_below = 1.0\n"]
        for name, prices in (("small", (30, 30)), ("large", (30, 30)), ("referee", (1, 2))):
            toml.append(model(name, f"{worker.url}/v1", upstream_model=name) + PRICE.format(*prices))
        running = await stack.enter_async_context(running_gateway(tmp_path, *toml, head=HEAD))
        found = await decided(running)
        text = (await running.http.get("/metrics")).text

    judged = found["judge"]
    assert ("answered", True) == (judged["outcome"], judged["followed"])
    assert {"input": 1_000, "output": 100} == judged["tokens"]
    assert pytest.approx(0.0012) == judged["cost_usd"]
    assert pytest.approx(0.033 if found["served_model"] != "referee" else 0.0012) == found["cost_usd"]
    assert "thalamus_judge_cost_usd_total 0.0012" in text
    assert 'thalamus_judge_questions_total{how="waited",outcome="answered"} 1.0' in text
    assert 'thalamus_cost_usd_total{deployment="referee/vllm"} 0.0012' in text


async def test_promoted_template_is_taken_up_without_a_restart(tmp_path):
    """What the command line promotes, the next look takes up; settings of a reload apply at once."""
    async with gateway(tmp_path, {"text": named("large")}, extra="cache_entries = 0") as (running, _):
        judging = running.house.judging
        stepwise = next(each for each in shipped_templates() if each.name == "stepwise")
        judging.shelf.promote(stepwise, ts=datetime.now(UTC), metrics={})
        await judging.look()
        promoted = await decided(running)
        await reload(running, tmp_path, "cache_entries = 0", 'template = "record-first"')
        renamed = await decided(running)

    assert promoted["judge"]["template"].startswith("stepwise@")
    assert renamed["judge"]["template"].startswith("record-first@")


async def test_missing_model_is_downloaded_only_where_settings_say_so(tmp_path):
    """Without `pull` nobody is asked for a download; with it the download runs beside the requests."""
    pull = {"match": {"path": "/api/pull"}, "body": '{"status":"success"}'}
    async with gateway(tmp_path, pull, models=()) as (running, ollama):
        await running.house.judging.look()
        assert "missing" == (await decided(running))["judge"]["outcome"]
        assert not any(each.path == "/api/pull" for each in ollama.requests)
        await reload(running, tmp_path, "[judge]", "[judge]\npull = true")
        await running.house.judging.look()
        async with asyncio.timeout(5):
            while not any(each.path == "/api/pull" for each in ollama.requests):  # noqa: ASYNC110  # no event tells
                await asyncio.sleep(0.01)

        assert "judge" in (await running.http.get("/health")).json()["components"]


async def test_analysis_asks_the_judge_too(tmp_path):
    """Who asks only which model would answer hears the judge as well."""
    async with gateway(tmp_path, {"text": named("large", 100)}) as (running, _):
        answer = await running.http.post("/api/routing/analyze", json={"query": "Prove that there are many primes."})

    assert ("large", "judge") == (answer.json()["selectedModel"], answer.json()["source"])
    assert "the judge named 'large'" in answer.json()["reasoning"]


def eligible_draw(found) -> str:
    return found["eligible"][drawn(found["probabilities"], seed=found["seed"])]


async def test_few_cold_requests_wait_for_a_slow_judge_and_all_are_answered(tmp_path):
    """Nothing learned and a judge that takes its time: of a hundred requests a tenth waits, and five more at most."""
    slow = {"text": named("large"), "delay_headers_s": 0.05}
    async with gateway(tmp_path, slow) as (running, _):
        await reload(running, tmp_path, "unsure_below = 1.0\nmin_gain = 0.0", "")
        await running.house.judging.look()
        answers = [await running.chat(model="auto", messages=user(f"question {n}")) for n in range(100)]
        questions = running.house.metrics.judge.questions
        waited = sum(n for (how, _), n in questions.items() if how == "waited")
        timings = [(await running.decision(each))["timings"] for each in answers]

    spans = [span["duration_ms"] for each in timings for span in each if span["name"] == "judge"]
    assert {200} == {each.status_code for each in answers}
    assert 5 <= waited <= 15
    assert waited == sum(each >= 50 for each in spans)


async def test_word_that_nobody_waited_for_is_booked_and_kept(tmp_path):
    """Who does not wait is asked about after the answer: the books have the word, and the next one like it uses it."""
    async with gateway(tmp_path, {"text": named("large", 100)}, extra="share_max = 0.0") as (running, ollama):
        answer = await running.chat(**AUTO)
        async with asyncio.timeout(10):
            while (found := await running.decision(answer))["judge"]["outcome"] == "later":  # noqa: ASYNC110  # no event tells
                await asyncio.sleep(0.02)
        again = await decided(running)

    judged = found["judge"]
    assert ("answered", "share_spent", True, False) == tuple(
        judged[name] for name in ("outcome", "reason", "shadow", "followed")
    )
    assert "large" == judged["answer"]["selected_model"]
    assert max(found["probabilities"]) < 0.85
    assert again["judge"]["cached"]
    assert again["judge"]["followed"]
    assert 1 == len(asked(ollama))
