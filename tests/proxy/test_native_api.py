"""The small routes and what stands before all of them: keys and scopes, draining, CORS, methods, reload."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from config.checks import is_loopback
from config.settings import RoutingSettings, ServerSettings, Settings
from proxy.admission import presented_key
from proxy.app import create_app
from proxy.server import GatewayServer, uvicorn_config
from router.providers.scripted import Reply, Script, scripted_upstream
from tests.e2e.gateway import HEAD, model, running_gateway, user

SCRIPT = Script((Reply(text="hello"),))
ASK = {"model": "m", "messages": user("hi")}


async def until(condition: Callable[[], object]) -> None:
    """Wait until it holds."""
    async with asyncio.timeout(5):
        while not condition():  # noqa: ASYNC110  # what is awaited has no event
            await asyncio.sleep(0.01)


def bearer(secret: str) -> dict[str, str]:
    """Return the header that OpenAI's clients send."""
    return {"authorization": f"Bearer {secret}"}


async def test_a_decision_belongs_to_the_key_that_made_it(tmp_path: Path) -> None:
    """Another key gets the 404 of a decision that does not exist, an admin key the decision."""
    async with (
        scripted_upstream(SCRIPT) as upstream,
        running_gateway(tmp_path, model("m", upstream.url + "/v1")) as gateway,
    ):
        keys = gateway.house.keys
        mine, other, admin = [
            (await keys.create(name, scopes=scopes))[0]
            for name, scopes in (("mine", ("chat",)), ("other", ("chat",)), ("admin", ("admin",)))
        ]
        asked = await gateway.http.post("/v1/chat/completions", json=ASK, headers=bearer(mine))
        path = f"/v1/decisions/{asked.headers['x-thalamus-decision-id']}"
        seen = [(await gateway.http.get(path, headers=bearer(key))) for key in (mine, other, admin)]
        nobody = await gateway.http.get("/v1/decisions/nobody", headers=bearer(admin))
        without = await gateway.http.get(path)
        reloads = [await gateway.http.post("/api/config/reload", json={}, headers=bearer(key)) for key in (mine, admin)]
        scrape = await gateway.http.get("/metrics")

    assert [200, 404, 200] == [each.status_code for each in seen]
    assert seen[1].json()["error"].keys() == nobody.json()["error"].keys()
    assert (404, 401, 401) == (nobody.status_code, without.status_code, scrape.status_code)
    assert [403, 200] == [each.status_code for each in reloads]
    assert "admin" in reloads[0].json()["error"]["message"]


async def test_keys_come_in_every_header_that_clients_use(tmp_path: Path) -> None:
    """OpenAI's, Anthropic's and Azure's header carry the same key; a wrong key is refused in the door's own shape."""
    async with (
        scripted_upstream(SCRIPT) as upstream,
        running_gateway(tmp_path, model("m", upstream.url + "/v1")) as gateway,
    ):
        secret, _ = await gateway.house.keys.create("laptop")
        headers = [bearer(secret), {"x-api-key": secret}, {"api-key": secret}, {"authorization": "Basic abc"}]
        got = [await gateway.http.post("/v1/chat/completions", json=ASK, headers=each) for each in headers]
        anthropic = await gateway.http.post("/api/claude", json=ASK | {"max_tokens": 5}, headers={"x-api-key": "nope"})

    assert [200, 200, 200, 401] == [each.status_code for each in got]
    assert (401, "error", "authentication_error") == (
        anthropic.status_code,
        anthropic.json()["type"],
        anthropic.json()["error"]["type"],
    )


@pytest.mark.parametrize(
    ("headers", "key"),
    [
        ({}, None),
        ({"authorization": "Bearer "}, None),
        ({"authorization": "bearer  k "}, "k"),
        ({"authorization": "Basic abc", "x-api-key": "k"}, "k"),
        ({"x-api-key": "", "api-key": "k"}, "k"),
    ],
)
def test_which_key_is_presented(headers: dict[str, str], key: str | None) -> None:
    """The scheme is written in any case; an empty key is none."""
    assert key == presented_key(headers)


@pytest.mark.parametrize(
    ("host", "loopback"),
    [("127.0.0.1", True), ("127.8.8.8", True), ("::1", True), ("::", False), ("127.a.example", False)],
)
def test_loopback_is_this_machine_alone(host: str, loopback: bool) -> None:
    """An address that others can reach always needs a key."""
    assert loopback == is_loopback(host)


@pytest.mark.parametrize(("require_key", "status"), [("always", 401), ("never", 200)])
async def test_the_operator_says_whether_keys_are_needed(tmp_path: Path, require_key: str, status: int) -> None:
    """`always` refuses before the first key exists, `never` lets in after."""
    head = HEAD.replace("port = 0", f'port = 0\nrequire_key = "{require_key}"')
    async with (
        scripted_upstream(SCRIPT) as upstream,
        running_gateway(tmp_path, model("m", upstream.url + "/v1"), head=head) as gateway,
    ):
        await gateway.house.keys.create("laptop")
        response = await gateway.chat()

    assert status == response.status_code


async def test_a_draining_server_takes_no_new_work(tmp_path: Path) -> None:
    """Between the signal and the end: 503 with a wait, not ready, but alive and telling so."""
    async with (
        scripted_upstream(SCRIPT) as upstream,
        running_gateway(tmp_path, model("m", upstream.url + "/v1")) as gateway,
    ):
        gateway.house.draining = True
        refused = await gateway.chat()
        ready = await gateway.http.get("/health/ready")
        health = await gateway.http.get("/health")

    assert (503, "shutting_down") == (refused.status_code, refused.json()["error"]["code"])
    assert "1" == refused.headers["retry-after"]
    assert (503, "draining") == (ready.status_code, ready.json()["status"])
    assert (200, True) == (health.status_code, health.json()["draining"])


async def test_a_hangup_reads_the_settings_again(tmp_path: Path) -> None:
    """SIGHUP is how an operator without a key reloads; bad settings change nothing."""
    async with (
        scripted_upstream(SCRIPT) as upstream,
        running_gateway(tmp_path, model("m", upstream.url + "/v1")) as gateway,
    ):
        config = tmp_path / "thalamus.toml"
        sound = config.read_text()
        config.write_text(sound + "nonsense")
        signal.raise_signal(signal.SIGHUP)
        await until(lambda: gateway.house.reload_error)
        meanwhile = await gateway.chat()
        config.write_text(sound)
        signal.raise_signal(signal.SIGHUP)
        await until(lambda: gateway.house.reload_error is None)
        afterwards = await gateway.chat()

    assert (200, 200) == (meanwhile.status_code, afterwards.status_code)


async def test_without_a_settings_file_there_is_nothing_to_reload(tmp_path: Path) -> None:
    """An application made from code says so instead of failing; its server tells the moment it begins to drain."""
    settings = Settings(
        server=ServerSettings(port=0, require_key="never"),
        routing=RoutingSettings(shipped_models=False),
        state_dir=tmp_path,
    )
    app = create_app(settings)
    server = GatewayServer(uvicorn_config(settings, app), app.state.house)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://localhost") as client:
        starting = await client.get("/health/ready")
        async with app.lifespan():
            refused = await client.post("/api/config/reload", json={})
    server.handle_exit(signal.SIGTERM, None)

    assert (400, "invalid_settings") == (refused.status_code, refused.json()["error"]["code"])
    assert (503, "starting") == (starting.status_code, starting.json()["status"])
    assert (True, True) == (app.state.house.draining, server.should_exit)


@pytest.mark.parametrize(
    ("origins", "allowed"), [((), None), (("https://app.example",), "https://app.example"), (("*",), "*")]
)
async def test_browsers_may_come_from_where_the_operator_says(
    tmp_path: Path, origins: tuple[str, ...], allowed: str | None
) -> None:
    """CORS is off by default; with an origin, preflights of the relaying routes and their answers carry it."""
    head = HEAD.replace("port = 0", f"port = 0\ncors_origins = {list(origins)}")
    browser = {"origin": "https://app.example"}
    wish = browser | {"access-control-request-method": "POST", "access-control-request-headers": "authorization"}
    async with (
        scripted_upstream(SCRIPT) as upstream,
        running_gateway(tmp_path, model("m", upstream.url + "/v1"), head=head) as gateway,
    ):
        preflight = await gateway.http.options("/v1/chat/completions", headers=wish)
        listed = await gateway.http.options("/v1/models", headers=wish)
        answered = await gateway.http.post("/v1/chat/completions", json=ASK, headers=browser)
        stranger = await gateway.http.post("/v1/chat/completions", json=ASK, headers={"origin": "https://evil.example"})

    name = "access-control-allow-origin"
    assert {allowed} == {each.headers.get(name) for each in (preflight, listed, answered)}
    assert (allowed if allowed == "*" else None) == stranger.headers.get(name)
    if allowed:
        assert 204 == preflight.status_code
        assert "POST" in preflight.headers["access-control-allow-methods"]


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE", "OPTIONS"])
@pytest.mark.parametrize("path", ["/v1/chat/completions", "/api/claude"])
async def test_relaying_routes_take_post_only(tmp_path: Path, method: str, path: str) -> None:
    """Anything else is a 405 that names what is allowed; HEAD gets it without a body."""
    async with running_gateway(tmp_path) as gateway:
        response = await gateway.http.request(method, path)

    assert (405, "POST") == (response.status_code, response.headers["allow"])
    assert (method == "HEAD") == (not response.content)
    assert response.headers["x-thalamus-decision-id"]
