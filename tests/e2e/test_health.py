"""What failing upstreams cost the clients of a running gateway, and what they cost upstream."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import TYPE_CHECKING, cast

import pytest

from tests.e2e.gateway import Gateway, asked, model, running_gateway, user

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

    from config.types import Json
    from router.providers.scripted import ScriptedUpstream

    StartUpstream = Callable[..., Awaitable[ScriptedUpstream]]

pytest_plugins = ("tests.upstream_fixtures",)

KEYS = {"KEY_ONE": "sk-one", "KEY_TWO": "sk-two"}
QUICK = "[breaker]\nmin_requests = 2\nopen_s = 0.3\nramp_s = 0\n"


def two(name: str, first: ScriptedUpstream, second: ScriptedUpstream, *, keys: bool = False) -> str:
    """Return a model that is tried at one upstream first and at the other after it."""
    one, other = ("api_key_env = 'KEY_ONE'", "api_key_env = 'KEY_TWO'") if keys else ("", "")
    return (
        model(name, f"{first.url}/v1")
        + f"  {one}\n  [[model.deployment]]\n  provider = 'vllm'\n  base_url = '{second.url}/v1'\n"
        + f"  upstream_model = 'scripted'\n  priority = 1\n  {other}\n"
    )


async def deployments(gateway: Gateway) -> dict[str, Json]:
    """Return what `/health` tells of the deployments."""
    return cast("dict[str, Json]", (await gateway.http.get("/health")).json()["components"]["deployments"])


async def test_a_dead_key_rotates_at_once_and_is_not_asked_again(tmp_path: Path, start_upstream: StartUpstream) -> None:
    """Five requests, one refusal: the other key answers all of them, and the host is not held to blame."""
    server = await start_upstream(
        {"match": {"header": {"authorization": "Bearer sk-one"}}, "fault": "bad_key"}, {"text": "well"}
    )
    settings = two("m", server, server, keys=True)
    async with running_gateway(tmp_path, settings, env=KEYS) as gateway:
        answers = [await gateway.chat() for _ in range(5)]
        health = await deployments(gateway)
        decision = await gateway.decision(answers[-1])

    assert "m/vllm#1 (credential)" in str(decision["timings"])
    assert [200] * 5 == [each.status_code for each in answers]
    keys = [each.headers["authorization"] for each in asked(server)]
    assert (1, 5) == (keys.count("Bearer sk-one"), keys.count("Bearer sk-two"))
    assert ("open", "key", "credential") == tuple(health["m/vllm#1"][each] for each in ("state", "scope", "reason"))
    assert "closed" == health["m/vllm#2"]["state"]


def in_seconds(form: str, seconds: int) -> dict[str, object]:
    """Return a 429 that asks for so many seconds."""
    reply: dict[str, object] = {"match": {"model": "busy"}, "status": 429}
    if form == "json":
        body = {"error": {"code": 429, "message": "slow down", "details": [{"retryDelay": f"{seconds}s"}]}}
        return {**reply, "body": body}
    date = format_datetime(datetime.now(UTC) + timedelta(seconds=seconds), usegmt=True)
    headers = {
        "seconds": {"retry-after": str(seconds)},
        "date": {"retry-after": date},
        "milliseconds": {"retry-after-ms": str(seconds * 1000)},
    }
    return {**reply, "headers": headers[form]}


@pytest.mark.parametrize("seconds", [30, 300])
@pytest.mark.parametrize("form", ["seconds", "date", "milliseconds", "json"])
async def test_a_rate_limit_benches_only_that_key_with_that_model(
    tmp_path: Path, start_upstream: StartUpstream, form: str, seconds: int
) -> None:
    """In all its forms, at most a minute; the same key at another model goes on."""
    limited = await start_upstream(in_seconds(form, seconds), {"text": "well"})
    other = await start_upstream({"text": "other"})
    settings = two("m", limited, other, keys=True).replace("'scripted'", "'other'").replace('"scripted"', '"busy"')
    settings += model("n", f"{limited.url}/v1") + "  api_key_env = 'KEY_ONE'\n"
    async with running_gateway(tmp_path, settings, env=KEYS) as gateway:
        answers = [(await gateway.chat(model=each)).status_code for each in ("m", "m", "n")]
        health = await deployments(gateway)

    assert [200, 200, 200] == answers
    assert ["busy", "scripted"] == [(each.json or {})["model"] for each in asked(limited)]
    benched = health["m/vllm#1"]
    assert ("open", "key_model", "rate") == tuple(benched[each] for each in ("state", "scope", "reason"))
    assert min(seconds, 60) - 10 < cast("float", benched["until_s"]) <= min(seconds, 60)


async def test_when_all_are_rate_limited_the_client_is_told_how_long(
    tmp_path: Path, start_upstream: StartUpstream
) -> None:
    """The second request asks nobody, and hears of the upstream's own wish, not of our shorter bench."""
    server = await start_upstream({"status": 429, "headers": {"retry-after": "90"}})
    async with running_gateway(tmp_path, model("m", f"{server.url}/v1")) as gateway:
        first, second = await gateway.chat(), await gateway.chat()

    assert (1, 429, 429) == (len(asked(server)), first.status_code, second.status_code)
    assert ("90", "90") == (first.headers["retry-after"], second.headers["retry-after"])
    assert ("false", None) == (first.headers["x-should-retry"], second.headers.get("x-should-retry"))
    assert "rate" == second.json()["error"]["held_back"][0]["reason"]


async def test_a_host_that_fails_is_left_alone_until_a_trial_succeeds(
    tmp_path: Path, start_upstream: StartUpstream
) -> None:
    """Nobody who asks notices; one trial brings it back."""
    failing = await start_upstream({"status": 503, "times": 2}, {"text": "back"})
    healthy = await start_upstream({"text": "healthy"})
    async with running_gateway(tmp_path, two("m", failing, healthy), head=head(QUICK)) as gateway:
        before = [(await gateway.chat()).json()["choices"][0]["message"]["content"] for _ in range(3)]
        opened = (await deployments(gateway))["m/vllm#1"]
        async with asyncio.timeout(5):
            while (await deployments(gateway))["m/vllm#1"]["state"] != "half_open":  # noqa: ASYNC110  # a server's clock
                await asyncio.sleep(0.02)
        after = (await gateway.chat()).json()["choices"][0]["message"]["content"]
        closed = (await deployments(gateway))["m/vllm#1"]

    assert (["healthy"] * 3, "back") == (before, after)
    assert (3, 3) == (len(asked(failing)), len(asked(healthy)))
    assert ("open", "host", 2) == (opened["state"], opened["scope"], opened["failures"])
    assert ("closed", None) == (closed["state"], closed["reason"])


async def test_the_only_one_is_tried_although_it_is_left_alone(tmp_path: Path, start_upstream: StartUpstream) -> None:
    """With nobody else to ask, its recovery is noticed by the first request after it."""
    server = await start_upstream({"status": 503, "times": 2}, {"text": "back"})
    async with running_gateway(tmp_path, model("m", f"{server.url}/v1"), head=head(QUICK)) as gateway:
        answers = [await gateway.chat() for _ in range(3)]

    assert [502, 502, 200] == [each.status_code for each in answers]


@pytest.mark.parametrize("stream", [True, False])
async def test_an_outage_adds_at_most_a_fifth_of_calls(
    tmp_path: Path, start_upstream: StartUpstream, stream: bool
) -> None:
    """Also where no breaker opens: what clients ask is not multiplied by the number of candidates."""
    down, also_down = await start_upstream({"status": 500}), await start_upstream({"status": 500})
    settings = head("[breaker]\nenabled = false\n")
    async with running_gateway(tmp_path, two("m", down, also_down), head=settings) as gateway:
        answers = await asyncio.gather(*(gateway.chat(stream=stream) for _ in range(80)))

    assert {502} == {each.status_code for each in answers}
    assert (80, True) == (len(asked(down)), 0 < len(asked(also_down)) <= 16)


async def test_what_was_learned_survives_a_reload(tmp_path: Path, start_upstream: StartUpstream) -> None:
    """New settings are no reason to ask a dead key again; deployments that are gone are forgotten."""
    server = await start_upstream({"fault": "bad_key"})
    settings = model("m", f"{server.url}/v1") + model("n", f"{server.url}/v1", upstream_model="other")
    async with running_gateway(tmp_path, settings) as gateway:
        await gateway.chat()
        (tmp_path / "thalamus.toml").write_text(head("") + model("m", f"{server.url}/v1"), encoding="utf-8")
        before = await deployments(gateway)
        await gateway.house.reload()
        after = await deployments(gateway)

    assert ("open", ["m/vllm"]) == (before["m/vllm"]["state"], list(after))
    assert "open" == after["m/vllm"]["state"]


async def test_the_shipped_chain_is_claude_gpt_deepseek_then_local(
    tmp_path: Path, start_upstream: StartUpstream
) -> None:
    """With all keys set and every provider failing, `auto` walks the chain in this order."""
    down = await start_upstream({"status": 500}, models=("llama3.2:latest",))
    env = {
        "ANTHROPIC_API_KEY": "k", "OPENAI_API_KEY": "k", "DEEPSEEK_API_KEY": "k",
        "ANTHROPIC_BASE_URL": down.url, "OPENAI_BASE_URL": f"{down.url}/v1", "DEEPSEEK_BASE_URL": f"{down.url}/v1",
        "OLLAMA_HOST": down.url,
    }  # fmt: skip
    settings = "[server]\nport = 0\n[routing]\ndefault_model = 'claude'\nmax_attempts = 9\n"
    async with running_gateway(tmp_path, head=settings, env=env) as gateway:
        await gateway.house.prober.probe_once()
        gateway.house.take_catalog(gateway.house.prober.catalog())
        answer = await gateway.chat(model="auto", messages=user("hi"))

    error = answer.json()["error"]
    models = [each["deployment"].rpartition("/")[0] for each in error["attempts"]]
    assert ["claude", "gpt", "deepseek", "llama3.2:latest"] == models


def head(more: str) -> str:
    """Return the top of a settings file that looks for nothing outside."""
    return (
        "[server]\nport = 0\n[routing]\nshipped_models = false\n"
        "[health]\nfind_ollama = false\nprobe_interval_s = 0\n" + more
    )
