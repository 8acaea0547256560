"""Every route needs a key but for one short list; wrong keys look alike; keys are what they should be."""

from __future__ import annotations

import hashlib
import hmac
import inspect
import sqlite3
from collections import Counter
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from litestar.routes import ASGIRoute, HTTPRoute

import config.keys
from config.errors import SettingsError
from config.key_making import KEY_PREFIX
from config.keys import KeyStore
from config.loader import load_settings
from config.pepper import load_pepper
from proxy.app import create_app
from proxy.cli.serving import refuse_open_door
from proxy.public_routes import PUBLIC_ROUTES
from tests.e2e.gateway import running_gateway

if TYPE_CHECKING:
    from pathlib import Path

    from litestar import Litestar

WITH_KEY = {"THALAMUS_API_KEY": "sk-for-this-test-only"}


def routes_of(app: Litestar) -> list[tuple[str, str]]:
    """Return method and path of everything that the application answers to; placeholders filled in."""
    found: list[tuple[str, str]] = []
    for route in app.routes:
        path = route.path
        for name in route.path_components:
            if not isinstance(name, str):
                path = path.replace(name.full.join("{}"), "x")
        match route:
            case HTTPRoute():
                found += [(method, path) for method in route.methods if method != "OPTIONS"]
            case ASGIRoute():
                found.append(("POST", path))
            case _:
                found.append(("GET", path))
    return found


async def test_every_route_outside_the_public_list_asks_for_a_key(tmp_path: Path) -> None:
    """All that were built, the document of the API and the metrics too: 401 without a key and with a wrong one."""
    async with running_gateway(tmp_path, env=WITH_KEY) as gateway:
        app = create_app(gateway.house.settings)
        await app.state.house.writer.aclose(1)
        routes = routes_of(app)
        open_ones, asked = set[str](), Counter[int]()
        for method, path in routes:
            for headers in ({}, {"authorization": "Bearer sk-wrong"}, {"cookie": "session=1", "x-api-key": ""}):
                answer = await gateway.http.request(method, path, headers=headers)
                asked[answer.status_code] += 1
                if answer.status_code != 401:
                    open_ones.add(path)

    assert PUBLIC_ROUTES == open_ones
    assert {"/schema/openapi.json", "/metrics", "/v1/chat/completions", "/api/config/reload"} <= {p for _, p in routes}
    assert asked[401] == 3 * len([path for _, path in routes if path not in PUBLIC_ROUTES])


async def test_a_route_may_not_be_opened_by_another_spelling_of_its_path(tmp_path: Path) -> None:
    """Slashes, dots, escapes and case: nothing behind the door is shown."""
    spellings = ["//metrics", "/metrics/", "/./metrics", "/%6detrics", "/METRICS", "/health/../metrics"]
    spellings += ["/health/..%2fmetrics", "/schema/", "/schema", "/health/%2e%2e/metrics", "/metrics;x=/health"]
    async with running_gateway(tmp_path, env=WITH_KEY) as gateway:
        answers = {path: await gateway.http.get(path) for path in spellings}

    assert {401, 404} >= {answer.status_code for answer in answers.values()}
    assert "thalamus_" not in "".join(answer.text for answer in answers.values())


async def test_what_is_public_tells_no_names(tmp_path: Path) -> None:
    """No model, no upstream, no path, no key."""
    async with running_gateway(tmp_path, env={**WITH_KEY, "OPENAI_API_KEY": "sk-canary"}) as gateway:
        shown = "".join([(await gateway.http.get(path)).text for path in PUBLIC_ROUTES])

    assert "canary" not in shown
    assert str(tmp_path) not in shown
    assert "http" not in shown


async def test_a_key_that_is_wrong_looks_like_one_that_ended(tmp_path: Path) -> None:
    """Made up, of another shape, expired, revoked, too long: one status and one body, so nothing can be learned."""
    now = datetime.now(UTC)
    async with running_gateway(tmp_path, env=WITH_KEY) as gateway:
        keys = gateway.house.keys
        expired, _ = await keys.create("expired", expires_ts=now - timedelta(days=1))
        revoked, info = await keys.create("revoked")
        await keys.revoke(info.id)
        wrong = [expired, revoked, KEY_PREFIX + "A" * 43, "sk-other", "' OR 1=1 --", "x" * 4000, "café"]
        answers = [
            await gateway.http.get("/v1/models", headers={b"authorization": f"Bearer {key}".encode()}) for key in wrong
        ]

    assert {(401, answers[0].content)} == {(answer.status_code, answer.content) for answer in answers}
    assert {frozenset(answers[0].headers)} == {frozenset(answer.headers) for answer in answers}


async def test_a_key_is_256_random_bits_and_kept_as_an_hmac_only(tmp_path: Path) -> None:
    """Nothing in the database file gives it back without the pepper, which lies apart; no two are alike."""
    async with running_gateway(tmp_path) as gateway:
        made = [(await gateway.house.keys.create(f"k{n}"))[0] for n in range(20)]
        url = gateway.house.settings.database_url.removeprefix("sqlite:///")
        pepper = load_pepper(gateway.house.settings.state_dir, {})
    with closing(sqlite3.connect(url)) as books:
        hashes = {row[0] for row in books.execute("SELECT hash FROM api_key")}
        dump = "".join(books.iterdump())

    assert hashes == {hmac.new(pepper, key.encode(), hashlib.sha256).hexdigest() for key in made}
    assert 20 == len(set(made))
    assert {43} == {len(key.removeprefix(KEY_PREFIX)) for key in made}
    assert 32 <= len(pepper)
    assert not [
        key for key in made if key in dump or key[-20:] in dump or hashlib.sha256(key.encode()).hexdigest() in dump
    ]


def test_digests_are_compared_in_constant_time() -> None:
    """By `compare_digest` alone: no `==` on a digest, and what is looked up in the database is the digest."""
    verify = inspect.getsource(KeyStore.verify) + inspect.getsource(config.keys)

    assert "hmac.compare_digest(known, digest)" in verify
    assert "== digest" not in verify.replace("api_key.c.hash == digest", "")


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "localhost", "0.0.0.0", "::", "10.0.0.5"])
@pytest.mark.parametrize("require_key", ["auto", "always", "never"])
def test_beyond_loopback_nothing_is_served_without_a_key(tmp_path: Path, host: str, require_key: str) -> None:
    """The matrix of addresses and wishes: it does not start, or it asks for a key, or only this machine can ask."""
    file = tmp_path / "thalamus.toml"
    file.write_text(f'[server]\nhost = "{host}"\nport = 0\nrequire_key = "{require_key}"\n')
    local = host in {"127.0.0.1", "::1", "localhost"}

    assert started(file, {}) is local
    assert started(file, WITH_KEY) is (local or require_key != "never")


def started(file: Path, env: dict[str, str]) -> bool:
    """Return whether `thalamus serve` would start with these settings."""
    try:
        refuse_open_door(load_settings(file, env), env)
    except SettingsError:
        return False
    return True
