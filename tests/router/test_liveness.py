from __future__ import annotations

import asyncio
import json

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.loader import load_settings
from router import liveness
from router.discovery import Listed, listed_models, same_model
from router.liveness import MAX_LIST_BYTES, Prober

OLLAMA = "http://127.0.0.1:11434"
TAGS = {
    "models": [
        {"name": "llama3.2:latest", "details": {"family": "llama"}},
        {"name": "nomic-embed-text:latest", "details": {"family": "nomic-bert"}},
    ]
}
BOX = (
    '[[model]]\nname = "m"\n[[model.deployment]]\nprovider = "openai_compatible"\n'
    'upstream_model = "u"\nbase_url = "http://box/v1"\n'
)


class Server:
    """The wire: answers every request with `answer`, and notes what was asked."""

    def __init__(self, answer) -> None:
        self.answer = answer
        self.asked: list[httpx.Request] = []

    async def __call__(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request)
        answer = self.answer(request) if callable(self.answer) else self.answer
        if isinstance(answer, Exception):
            raise answer
        if isinstance(answer, httpx.Response):
            return answer
        return httpx.Response(200, json=answer)


@pytest.fixture
async def prober_of():
    """Give a function that makes a prober of settings and a server; connections are closed at the end."""
    clients: list[httpx.AsyncClient] = []

    def make(settings, server, **more) -> Prober:
        clients.append(httpx.AsyncClient(transport=httpx.MockTransport(server)))
        return Prober(settings, client=clients[-1], **more)

    yield make
    for client in clients:
        await client.aclose()


@pytest.fixture
def box(tmp_path):
    """Give settings with one model on a server of one's own, and no look for Ollama."""
    path = tmp_path / "thalamus.toml"
    path.write_text("[health]\nfind_ollama = false\n" + BOX, encoding="utf-8")
    return load_settings(path, {})


async def test_ollamas_models_appear_in_the_catalogue(prober_of):
    """A server that starts is found, and each of its models has a name."""
    server = Server(TAGS)
    prober = prober_of(load_settings(None, {}), server)

    assert await prober.probe_once()
    assert ["llama3.2:latest"] == [model.name for model in prober.catalog().live_models()]
    assert ["nomic-embed-text:latest"] == [model.name for model in prober.catalog().embedding_models()]
    assert not await prober.probe_once()


async def test_a_probe_only_lists_and_never_generates(prober_of):
    """Health checks cost nothing: GET /api/tags, no body."""
    server = Server(TAGS)
    await prober_of(load_settings(None, {}), server).probe_once()

    assert [("GET", f"{OLLAMA}/api/tags", b"")] == [(each.method, str(each.url), each.content) for each in server.asked]


@pytest.mark.parametrize(
    ("answer", "state"),
    [
        ({"data": [{"id": "u"}]}, "live"),
        ({"data": [{"id": "other"}]}, "live"),
        (httpx.Response(404), "live"),
        (httpx.Response(200, text="<html>"), "live"),
        (httpx.Response(200, text="[" * 100_000), "live"),
        (httpx.Response(200, content=b" " * (MAX_LIST_BYTES + 1)), "live"),
        (httpx.Response(302, headers={"location": "http://169.254.169.254/"}), "live"),
        (httpx.Response(401), "away"),
        (httpx.Response(403), "away"),
        (httpx.Response(500), "away"),
        (httpx.Response(503), "away"),
        (httpx.ConnectError("refused"), "away"),
        (httpx.RemoteProtocolError("cut"), "away"),
        (TimeoutError(), "away"),
    ],
)
async def test_what_a_server_answers_decides_whether_it_is_there(prober_of, box, answer, state):
    """A server without a list is there; one that fails, refuses or is silent is not. Redirects are not followed."""
    server = Server(answer)
    prober = prober_of(box, server)
    await prober.probe_once()

    assert state == prober.catalog().resolve("m").deployments[0].state
    assert 1 == len(server.asked)


async def test_whoever_answers_is_told_of(prober_of, box):
    """Breakers may let a trial begin early; a server that is away is not told of."""
    told = []
    server = Server({"data": []})
    prober = prober_of(box, server, answered=told.append)
    for answer in ({"data": []}, httpx.ConnectError("refused"), httpx.Response(503), httpx.Response(404)):
        server.answer = answer
        await prober.probe_once()

    assert ["http://box/v1"] * 2 == told


async def test_a_server_that_goes_away_is_let_go_and_comes_back(prober_of):
    """Its models stay known, and are live again by themselves."""
    server = Server(TAGS)
    prober = prober_of(load_settings(None, {}), server)
    states = []
    for answer in (TAGS, httpx.ConnectError("gone"), httpx.ConnectError("gone"), TAGS):
        server.answer = answer
        states.append((await prober.probe_once(), prober.catalog().resolve("llama3.2").deployments[0].state))

    assert [(True, "live"), (True, "away"), (False, "away"), (True, "live")] == states


async def test_the_background_work_hands_out_a_snapshot_only_when_something_changed(prober_of):
    """Three rounds, two changes, two snapshots; the clock is the test's."""
    server, taken, slept = Server(TAGS), [], []
    answers = iter([TAGS, httpx.ConnectError("gone")])

    async def sleep(seconds):
        slept.append(seconds)
        server.answer = next(answers, None)
        if server.answer is None:
            raise asyncio.CancelledError

    prober = prober_of(load_settings(None, {}), server, sleep=sleep)
    with pytest.raises(asyncio.CancelledError):
        await prober.run(taken.append)

    assert [30.0, 30.0, 30.0] == slept
    assert [["llama3.2:latest"], ["extractive"]] == [[m.name for m in catalog.live_models()] for catalog in taken]


async def test_probing_can_be_switched_off(prober_of):
    """An interval of 0 asks nobody, so nothing is discovered."""
    server, slept = Server(TAGS), []

    async def sleep(seconds):
        slept.append(seconds)
        raise asyncio.CancelledError

    settings = load_settings(None, {"THALAMUS_HEALTH__PROBE_INTERVAL_S": "0"})
    with pytest.raises(asyncio.CancelledError):
        await prober_of(settings, server, sleep=sleep).run(lambda _: None)

    assert ([], [3_600.0]) == (server.asked, slept)


async def test_new_settings_are_probed_at_once(prober_of, box):
    """A reload does not wait for the next round; servers that nobody names any more are forgotten."""
    server, taken = Server(TAGS), asyncio.Queue()
    prober = prober_of(load_settings(None, {}), server)
    work = asyncio.create_task(prober.run(taken.put_nowait))
    async with asyncio.timeout(5):
        await taken.get()
        prober.watch(box)
        second = await taken.get()
    work.cancel()
    await asyncio.gather(work, return_exceptions=True)

    assert [f"{OLLAMA}/api/tags", "http://box/v1/models"] == [str(each.url) for each in server.asked]
    assert "llama3.2:latest" not in second.models
    assert ["http://box/v1"] == list(prober.probes)


async def test_answers_to_old_settings_are_not_taken(prober_of, box):
    """Settings that change while a probe is under way win."""
    prober = prober_of(load_settings(None, {}), Server(lambda _: prober.watch(box) or TAGS))

    assert not await prober.probe_once()
    assert {} == prober.probes


async def test_a_silent_server_costs_its_timeout_and_no_more(prober_of, box):
    """The deadline is a setting."""

    async def silent(_):
        await asyncio.Event().wait()

    client = httpx.AsyncClient(transport=httpx.MockTransport(silent))
    settings = load_settings(box.config_file, {"THALAMUS_HEALTH__PROBE_TIMEOUT_S": "0.01"})
    prober = Prober(settings, client=client)
    await prober.probe_once()
    await client.aclose()

    assert "no answer within 0.01 s" == prober.probes["http://box/v1"].error


async def test_the_rounds_go_on_by_the_real_clock(prober_of):
    """Without a clock of the test's, rounds follow each other after the interval."""
    server = Server(TAGS)
    settings = load_settings(None, {"THALAMUS_HEALTH__PROBE_INTERVAL_S": "0.001"})
    prober = prober_of(settings, server)
    work = asyncio.create_task(prober.run(lambda _: None))
    async with asyncio.timeout(5):
        while len(server.asked) < 3:  # noqa: ASYNC110  # what is waited for is another server's view
            await asyncio.sleep(0)
    work.cancel()
    await asyncio.gather(work, return_exceptions=True)

    assert len(server.asked) >= 3


async def test_a_prober_of_its_own_wire_opens_and_closes_it():
    """Nothing is connected before the first probe; a port where nobody listens is away."""
    settings = load_settings(None, {"OLLAMA_HOST": "127.0.0.1:9"})
    prober = Prober(settings)
    await prober.aclose()
    await prober.probe_once()
    await prober.aclose()

    assert not prober.probes["http://127.0.0.1:9"].answered


async def test_two_rounds_at_once_share_one_wire(box, monkeypatch):
    """The client that one round made and the other replaced would stay open for ever."""
    made = []
    new_client = liveness._new_client
    monkeypatch.setattr(liveness, "_new_client", lambda: made.append(new_client()) or made[-1])
    prober = Prober(box)
    await asyncio.gather(prober.probe_once(), prober.probe_once())
    await prober.aclose()

    assert [True] == [client.is_closed for client in made]


def test_lists_of_both_kinds_are_read():
    """Ollama's tags, OpenAI's data; vLLM's window, and models that only embed."""
    openai = {"data": [{"id": "a", "max_model_len": 4096}, {"id": "text-embedding-3"}, {"id": "a"}, {"no": 1}, 7]}

    assert (Listed("llama3.2:latest"), Listed("nomic-embed-text:latest", capabilities=frozenset({"embeddings"}))) == (
        listed_models("ollama", TAGS)
    )
    assert (Listed("a"), Listed("text-embedding-3", capabilities=frozenset({"embeddings"}))) == (
        listed_models("openai", {**openai, "data": openai["data"][1:]})[::-1]
    )
    assert 4096 == listed_models("openai", {"data": openai["data"][:1]})[0].context_window


@pytest.mark.parametrize("body", [None, [], {"data": 1}, {"data": [{"id": "a\nb"}, {"id": ""}, {"id": "x" * 201}]}])
def test_what_cannot_be_read_is_left_out(body):
    """A list that is no list holds no models, and a name with a line end is no name."""
    assert () == listed_models("openai", body)


@given(st.recursive(st.none() | st.booleans() | st.floats(allow_nan=False) | st.text(max_size=9),
                    lambda inner: st.lists(inner, max_size=3)
                    | st.dictionaries(st.sampled_from(["data", "models", "id", "name", "details", "family"]), inner)))  # fmt: skip
def test_any_answer_can_be_read(body):
    """A server's nonsense is no error of ours."""
    decoded = json.loads(json.dumps(body))

    assert all(each.name for dialect in ("openai", "ollama") for each in listed_models(dialect, decoded))


@pytest.mark.parametrize(
    ("wanted", "listed", "same"),
    [
        ("llama3.2", "llama3.2:latest", True),
        ("a:1", "a:1", True),
        ("a:1", "a:2", False),
        ("h:5/a", "h:5/a:latest", True),
    ],
)
def test_a_name_without_a_tag_means_the_latest(wanted, listed, same):
    """As Ollama itself reads names; a port in front is no tag."""
    assert same is same_model(wanted, listed)
