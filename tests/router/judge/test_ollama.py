from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import pytest

from config.errors import InvalidRequestError, UpstreamError
from config.types import Cost, Usage
from router.judge.asking import Judge, Limits
from router.judge.ollama import Ask, OllamaServer, Pulled, Said, knows_schemas
from router.judge.templates import messages_of, schema_of
from router.judge.voices import CatalogueVoice, OllamaVoice
from router.providers.scripted import ScriptedUpstream
from router.transport import AiohttpTransport
from router.words import Spoken
from tests.router.judge.cases import PLAIN, case, named
from tests.upstreams import replying, scripted_upstream

REAL = os.environ.get("OLLAMA_HOST", "http://127.0.0.1:11434")
PS = {"match": {"path": "/api/ps"}}


@asynccontextmanager
async def voice(*replies: dict[str, object], model: str = "llama3", **script: object) -> AsyncIterator[tuple]:
    """Yield a voice of a scripted Ollama, and the script's server."""
    script.setdefault("models", ["llama3:latest"])
    transport = AiohttpTransport()
    async with scripted_upstream(replying(*replies, **script)) as upstream:
        try:
            yield OllamaVoice(OllamaServer(transport, upstream.url), model, Ask(4096, 600.0)), upstream
        finally:
            await transport.aclose()


def sent(upstream: ScriptedUpstream, path: str) -> dict[str, object]:
    return next(each.json for each in reversed(upstream.requests) if each.path == path)


async def test_model_is_asked_by_schema_within_a_stated_window():
    """The native endpoint, the schema with the names, no thinking, temperature 0, an explicit window and keep-alive."""
    async with voice({"text": named("large"), "usage": {"input": 300, "output": 20}}) as (llama, upstream):
        said = await llama.say(
            messages_of(PLAIN, case(), max_query_tokens=100), schema=schema_of(case()), timeout_s=3.0
        )
        body = sent(upstream, "/api/chat")

    assert named("large") == said.text
    assert (300, 20) == (said.input_tokens, said.output_tokens)
    assert ["small", "large"] == body["format"]["properties"]["selectedModel"]["enum"]
    assert {"temperature": 0, "seed": 0, "num_ctx": 4096, "num_predict": 160} == body["options"]
    assert ("llama3", False, False, "600s") == (body["model"], body["stream"], body["think"], body["keep_alive"])


@pytest.mark.parametrize(
    ("version", "new"), [("0.5.0", True), ("0.12.3", True), ("0.4.9-rc1", False), ("", True), ("0.0.0", True)]
)
def test_old_servers_are_told_apart(version, new):
    """Schemas came with 0.5.0; one that says nothing, or was built from source, is taken for new."""
    assert new == knows_schemas(version)


async def test_old_server_is_asked_for_any_json():
    """A server that knows no schemas gets `json` as the format."""
    old = {"match": {"path": "/api/version"}, "body": {"version": "0.3.14"}}
    async with voice(old, {"text": named("large")}) as (llama, upstream):
        await llama.look()
        await llama.say([{"role": "user", "content": "hi"}], schema=schema_of(case()), timeout_s=3.0)

        assert "json" == sent(upstream, "/api/chat")["format"]


@pytest.mark.parametrize(
    ("loaded", "presence"),
    [(["llama3:latest"], "ready"), (["other:latest"], "cold"), ([], "cold")],
)
async def test_look_finds_whether_it_is_in_memory(loaded, presence):
    """A model that is on the server is ready once it is in memory."""
    models = [{"name": name, "model": name} for name in loaded]
    async with voice({**PS, "body": {"models": models}}) as (llama, _):
        assert presence == await llama.look()


async def test_server_that_does_not_tell_what_is_loaded_is_asked():
    """Without `/api/ps` the model counts as ready."""
    async with voice() as (llama, _):
        assert "ready" == await llama.look()
        assert {"version": "0.12.0", "schemas": True} == llama.told()


async def test_model_that_was_never_pulled_is_missing():
    """The server is there, the model is not."""
    async with voice(models=["qwen3:8b"]) as (llama, _):
        assert "missing" == await llama.look()


@pytest.mark.parametrize(
    "reply",
    [{"status": 500}, {"fault": "reset"}, {"body": "<html>"}, {"body": "[]"}],
    ids=["500", "reset", "html", "list"],
)
async def test_server_that_answers_nonsense_is_away(reply):
    """A server that fails, drops the connection or is no Ollama is away, and the look says why without an address."""
    async with voice({"match": {"path": "/api/version"}, **reply}) as (llama, upstream):
        assert "away" == await llama.look()
        assert upstream.url not in str(llama.problem)


async def test_server_that_is_not_there_is_away():
    """A closed port is away."""
    async with voice() as (llama, upstream):
        await upstream.stop()

        assert "away" == await llama.look()


async def test_answer_that_hangs_is_late():
    """The deadline is the caller's; the connection is dropped."""
    async with voice({"fault": "hang"}) as (llama, _):
        with pytest.raises(UpstreamError) as caught:
            await llama.say([{"role": "user", "content": "hi"}], schema={}, timeout_s=0.05)

    assert caught.value.timed_out


@pytest.mark.parametrize("reply", [{"status": 404}, {"status": 500}, {"fault": "reset"}, {"body": "no json"}])
async def test_answer_that_fails_is_an_upstream_error(reply):
    """Every failure of the server is one kind of error."""
    async with voice(reply) as (llama, _):
        with pytest.raises(UpstreamError):
            await llama.say([{"role": "user", "content": "hi"}], schema={}, timeout_s=3.0)


async def test_megabyte_for_an_answer_is_refused():
    """An answer beyond all bounds is not read to its end."""
    async with voice({"body": "x" * (2 << 20)}) as (llama, _):
        with pytest.raises(UpstreamError, match="bytes"):
            await llama.say([{"role": "user", "content": "hi"}], schema={}, timeout_s=3.0)


async def test_cold_model_is_brought_into_memory():
    """Loading asks for no words; afterwards the model is ready. A load that fails leaves it away."""
    generate = {"match": {"path": "/api/generate"}}
    async with voice({**generate, "times": 1, "body": {"done": True}}, {**generate, "status": 500}) as (
        llama,
        upstream,
    ):
        await llama.load()
        first = llama.presence
        body = sent(upstream, "/api/generate")
        await llama.load()

    assert ("ready", "away") == (first, llama.presence)
    assert {"num_ctx": 4096} == body["options"]
    assert "prompt" not in body


async def test_pull_tells_how_far_it_is():
    """Each line of the download is told; it ends with success."""
    lines = (
        '{"status":"pulling manifest"}\n{"status":"pulling abc","digest":"sha256:abc","total":100,"completed":40}\n'
        '{"status":"pulling abc","digest":"sha256:abc","total":100,"completed":100}\n{"status":"success"}'
    )
    async with voice({"match": {"path": "/api/pull"}, "body": lines}) as (llama, _):
        told = [each async for each in llama.server.pull("llama3")]

    assert Pulled("pulling abc", 40, 100, "sha256:abc") == told[1]
    assert "success" == told[-1].status


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ('{"error":"pull model manifest: file does not exist"}', "file does not exist"),
        ('{"status":"pulling abc"}\n', "before it was done"),
        ("", "before it was done"),
    ],
)
async def test_pull_that_fails_says_why(body, said):
    """An error line, and an end without success, are errors; the voice stays missing and tells why."""
    async with voice({"match": {"path": "/api/pull"}, "body": body}) as (llama, _):
        with pytest.raises(UpstreamError, match=said):
            _ = [each async for each in llama.server.pull("llama3")]
        await llama.pull()

    assert "missing" == llama.presence
    assert said in str(llama.told()["problem"])


async def test_pulled_model_is_there():
    """After the download the model is there, and not in memory yet."""
    async with voice({"match": {"path": "/api/pull"}, "body": '{"status":"success"}'}, models=[]) as (llama, _):
        await llama.pull()

    assert "cold" == llama.presence


async def test_download_under_way_is_told():
    """While the model is downloaded, health shows how far it is; a second download does not begin."""
    lines = '{"status":"pulling abc","digest":"sha256:abc","total":100,"completed":40}\n'
    pull = {"match": {"path": "/api/pull"}, "raw": [{"send": _head(200)}, {"send": lines}, {"hang": True}]}
    async with voice(pull) as (llama, upstream):
        task = asyncio.create_task(llama.pull())
        async with asyncio.timeout(5):
            while llama.pulled is None:  # noqa: ASYNC110  # no event tells
                await asyncio.sleep(0.01)
        told = llama.told()
        await llama.pull()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

        assert {"pulled_bytes": 40, "pull_bytes": 100} == told
        assert 1 == sum(each.path == "/api/pull" for each in upstream.requests)
        assert ("missing", {}) == (llama.presence, llama.told())


def _head(n_bytes: int) -> str:
    return f"HTTP/1.1 200 OK\r\ncontent-type: application/x-ndjson\r\ncontent-length: {n_bytes}\r\n\r\n"


async def test_looks_do_not_disturb_what_is_under_way():
    """While it is loaded or pulled, a look finds that out without asking; loading twice at once is once."""
    async with voice() as (llama, upstream):
        llama.presence = "loading"
        await llama.look()
        await llama.load()

        assert "loading" == llama.presence
        assert [] == upstream.requests


class Words:
    """A catalogue whose one model says one thing."""

    def __init__(self, said: str | Exception) -> None:
        self.said = said

    async def say(self, messages, *, model, timeout_s):  # noqa: ARG002  # the protocol's
        if isinstance(self.said, Exception):
            raise self.said
        return Spoken(self.said, Usage(input_tokens=200, output_tokens=20), Cost(0.0004, "upstream"))


async def test_any_model_of_the_catalogue_may_judge():
    """A model of the catalogue judges as one of Ollama does, and what it took is told with its price."""
    judge = Judge(CatalogueVoice(Words(f"Well:\n```\n{named('large')}\n```"), "gpt"), Limits())
    found = await judge.ask(PLAIN, case())

    assert "unknown" == await judge.look()
    assert found.verdict is not None
    assert ("large", "gpt") == (found.verdict.model, found.model)
    assert Said(f"Well:\n```\n{named('large')}\n```", 200, 20, 0.0004) == found.said
    assert 0.0004 == judge.toll.usd


@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        (InvalidRequestError("There is no model 'gpt'."), "failed"),
        (UpstreamError("500", failure_class="transient"), "failed"),
        (TimeoutError(), "late"),
    ],
)
async def test_catalogue_model_that_fails_is_told(error, outcome):
    """A name nobody has, a failing upstream and a deadline are outcomes, not errors."""
    judge = Judge(CatalogueVoice(Words(error), "gpt"), Limits())
    await judge.voice.load()

    assert outcome == (await judge.ask(PLAIN, case())).outcome


async def _real_model() -> str:
    try:
        async with httpx.AsyncClient(trust_env=False, timeout=1) as http:
            listed = (await http.get(f"{REAL}/api/tags")).json()["models"]
    except (httpx.HTTPError, ValueError, KeyError):
        pytest.skip(f"no Ollama answers at {REAL}: start one to ask a real model")
    names = [each["name"] for each in listed]
    if not names:
        pytest.skip("the Ollama there has no model: pull a small one")
    return next((each for each in names if each.startswith("llama3")), names[0])


@pytest.mark.timeout(180)
async def test_real_model_answers_by_the_template():
    """Where an Ollama answers, one of its models names a candidate in each language."""
    model = await _real_model()
    transport = AiohttpTransport()
    llama = OllamaVoice(OllamaServer(transport, REAL), model, Ask())
    judge = Judge(llama, Limits(deadline_s=120.0))
    try:
        await judge.look()
        await llama.load()
        for text, language in (("用一句话翻译：早上好", "zh"), ("Prove that there are infinitely many primes", "en")):
            found = await judge.ask(PLAIN, case(text, language=language))

            assert found.verdict is not None, found
            assert found.verdict.model in {"small", "large"}
    finally:
        await judge.aclose()
        await transport.aclose()
