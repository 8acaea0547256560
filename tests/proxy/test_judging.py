"""The judge of a house: what settings make of it, how it is watched, and what the books keep."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from config.judge_settings import JudgeSettings
from config.secret import Secret
from config.settings import HealthSettings, ProviderSettings, Settings
from proxy.judging import Judging, judge_key, judge_ollama
from proxy.savings import tokens_of_judging, usd_of_judging
from router.judge.templates import shipped_templates
from router.transport import AiohttpTransport
from tests.router.judge.cases import PLAIN, case, named
from tests.upstreams import replying, scripted_upstream

URL = "http://127.0.0.1:11434"
STEPWISE = next(each for each in shipped_templates() if each.name == "stepwise")


@pytest.fixture
async def judging(tmp_path):
    """Make a judge by settings; its connections are closed in the end."""
    transport = AiohttpTransport()

    def make(settings: JudgeSettings | None = None, *, ollama: str | None = URL) -> Judging:
        home = tmp_path / "judge"
        return Judging(settings or JudgeSettings(), transport=transport, words=None, ollama=ollama, home=home)

    yield make
    await transport.aclose()


@pytest.mark.parametrize(
    ("settings", "ollama", "wanted"),
    [
        (JudgeSettings(), URL, True),
        (JudgeSettings(), None, False),
        (JudgeSettings(mode="never"), URL, False),
        (JudgeSettings(served_by="catalogue"), None, True),
    ],
)
async def test_judge_is_wanted_where_somebody_may_answer(judging, settings, ollama, wanted):
    """Without an Ollama to ask, or switched off, there is no judge; health says so."""
    found = judging(settings, ollama=ollama)

    assert wanted == found.wanted
    assert wanted == (found.state()["status"] != "off")


@pytest.mark.parametrize(
    ("find", "row", "own", "url"),
    [
        (True, None, None, "usual"),
        (False, None, None, None),
        (False, None, URL, URL),
        (False, ProviderSettings("ollama", "ollama", base_url=URL, discover=True), None, "usual"),
        (False, ProviderSettings("ollama", "ollama", base_url=URL), None, None),
    ],
)
def test_ollama_is_asked_only_where_it_was_named_or_may_be_looked_for(find, row, own, url):
    """The judge's own address, one that `OLLAMA_HOST` gave, or the usual one where looking for it is on."""
    settings = Settings(
        health=HealthSettings(find_ollama=find),
        judge=JudgeSettings(ollama_url=own),
        providers=(row,) if row is not None else (),
    )

    assert url == judge_ollama(settings, lambda _: "usual")


@pytest.mark.parametrize(
    ("own", "secrets", "key"),
    [
        (None, {"OLLAMA_API_KEY": Secret("one,two")}, "one"),
        (None, {}, None),
        (URL, {"OLLAMA_API_KEY": Secret("k")}, None),
    ],
)
def test_key_goes_to_the_server_that_it_is_for(own, secrets, key):
    """The provider's key goes to the provider's server, and never to another one that the judge has of its own."""
    row = ProviderSettings("ollama", "ollama", base_url=URL, api_key_env=("OLLAMA_API_KEY",))

    assert key == judge_key(Settings(judge=JudgeSettings(ollama_url=own), providers=(row,), secrets=secrets))


async def test_key_is_sent_and_never_told(tmp_path):
    """A server behind a login gets the key with each question; health does not show it."""
    transport = AiohttpTransport()
    async with scripted_upstream(replying({"text": named("large")})) as upstream:
        home = tmp_path / "judge"
        found = Judging(
            JudgeSettings(), transport=transport, words=None, ollama=upstream.url, home=home, key="sk-made-up"
        )
        await found.ask(case())
        [asked] = upstream.requests
    await transport.aclose()

    assert "Bearer sk-made-up" == asked.headers["authorization"]
    assert "made-up" not in str(found.state())


async def test_other_settings_make_another_judge(judging):
    """A reload keeps the judge and its counts where nothing of it changed; else the new one begins afresh."""
    found = judging()
    first = found.judge
    found.adopt(JudgeSettings(), ollama=URL)
    same = found.judge
    found.adopt(JudgeSettings(model="qwen3", template="stepwise"), ollama=URL)

    assert first is same
    assert "qwen3" == found.judge.voice.name
    assert STEPWISE == found.in_charge.template
    assert "qwen3" == found.state()["model"]


async def test_watching_takes_up_what_changes(judging):
    """The watch finds the judge, and after a reload looks again at once; it ends when it is cancelled."""
    async with scripted_upstream(replying(models=["llama3:latest"])) as upstream:
        found = judging(ollama=upstream.url)
        task = asyncio.create_task(found.watch())
        await upstream.wait_for_requests(3)
        found.adopt(JudgeSettings(deadline_ms=100), ollama=upstream.url)
        await upstream.wait_for_requests(6)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await found.aclose()

    assert 0.1 == found.judge.limits.deadline_s


async def test_broken_template_is_told_and_the_default_is_used(judging):
    """A template that settings name and nobody has: the default judges, and health says that something is wrong."""
    found = judging(JudgeSettings(template="nobody"))
    await found.look()

    assert PLAIN == found.in_charge.template
    assert found.state()["template_problem"]
    assert "nobody" not in str(found.state())


async def test_promotion_is_seen_at_the_next_look(judging):
    """What was promoted is in charge after a look, not before."""
    found = judging(ollama=None)
    before = found.in_charge.template
    found.shelf.promote(STEPWISE, ts=datetime.now(UTC), metrics={})
    assert before == found.in_charge.template
    await found.look()

    assert STEPWISE == found.in_charge.template


async def test_patient_judge_keeps_nothing_and_waits_longer(judging):
    """Who asks by hand waits longer and always asks anew."""
    async with scripted_upstream(replying({"text": named("large")})) as upstream:
        found = judging(ollama=upstream.url)
        patient = found.patient(60.0)
        for _ in range(2):
            await patient.ask(PLAIN, case())

        assert 2 == len(upstream.requests)
    assert replace(found.judge.limits, deadline_s=60.0, cache_entries=0) == patient.limits


@pytest.mark.parametrize(
    ("judged", "tokens", "usd"),
    [
        ({}, 0, 0.0),
        ({"outcome": "away"}, 0, 0.0),
        ({"tokens": {"input": 300, "output": 20}, "cost_usd": 0.0004}, 320, 0.0004),
        ({"tokens": {"input": 300, "output": 20}, "cost_usd": None}, 320, None),
        ({"tokens": {"input": -3, "output": None}}, 0, 0.0),
        ({"tokens": "many", "cost_usd": "much"}, 0, None),
    ],
)
def test_what_a_judge_spent_is_charged(judged, tokens, usd):
    """What was spent is charged to what passages saved; a kept answer, or none, costs nothing."""
    assert (tokens, usd) == (tokens_of_judging(judged), usd_of_judging(judged))


async def test_fewer_may_wait_at_once_after_a_reload(judging):
    """Another share takes the place of the one before; other changes leave what was counted."""
    found = judging(JudgeSettings(share_max=0.0))
    first = found.patience
    found.adopt(JudgeSettings(share_max=0.0, trust=0.5), ollama=URL)
    assert first is found.patience
    found.adopt(JudgeSettings(share_max=1.0), ollama=URL)

    assert first is not found.patience
