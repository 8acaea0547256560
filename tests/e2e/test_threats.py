"""Attacks on a running gateway, over real sockets: each is named for what it tries."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest

from router.providers.scripted import scripted_upstream
from tests.e2e.gateway import asked, model, running_gateway, user
from tests.upstreams import replying

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator
    from pathlib import Path

UPSTREAM_KEY = "sk-canary-upstream-0123456789abcdef"
PROXY_KEY = "sk-canary-proxy-0123456789abcdef"
WITH_KEYS = {"UP_KEY": UPSTREAM_KEY, "THALAMUS_API_KEY": PROXY_KEY, "ANTHROPIC_API_KEY": UPSTREAM_KEY}
KEYED = {"authorization": f"Bearer {PROXY_KEY}"}
DIALECTS = [("vllm", "/v1"), ("anthropic", ""), ("ollama", "")]
DOORS = {
    "/v1/chat/completions": {"model": "m", "messages": user("hi")},
    "/api/chat": {"model": "m", "message": "hi"},
    "/api/claude": {"model": "m", "max_tokens": 9, "messages": user("hi")},
    "/v1/embeddings": {"model": "m", "input": "hi"},
}


class Trap:
    """A server that nobody should ever talk to."""

    def __init__(self) -> None:
        self.url = ""
        self.n_connections = 0

    async def caught(self, _reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Count, and hang up."""
        self.n_connections += 1
        writer.close()


@asynccontextmanager
async def trap() -> AsyncGenerator[Trap]:
    """Listen for connections that must not come."""
    found = Trap()
    server = await asyncio.start_server(found.caught, "127.0.0.1", 0)
    async with server:
        found.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        yield found


@pytest.mark.parametrize("path", DOORS)
async def test_a_client_that_names_a_destination_gets_its_answer_from_the_configured_one(
    tmp_path: Path, path: str
) -> None:
    """Nothing arrives where the body points, and the key goes to the deployment alone."""
    async with trap() as elsewhere, scripted_upstream(replying({"echo": True})) as upstream:
        settings = model("m", f"{upstream.url}/v1", extra="") + '  api_key_env = "UP_KEY"\n'
        async with running_gateway(tmp_path, settings, env=WITH_KEYS) as gateway:
            steering = {
                "api_base": elsewhere.url,
                "base_url": elsewhere.url,
                "api_key": "sk-mine",
                "extra_headers": {"authorization": "Bearer sk-mine"},
                "extra_body": {"api_base": elsewhere.url},
                "azure_endpoint": elsewhere.url,
            }
            answer = await gateway.http.post(path, json={**DOORS[path], **steering}, headers=KEYED)

            assert 200 == answer.status_code, answer.text
            assert {*steering} == {
                text.partition(" ")[0] for text in answer.headers.get_list("x-thalamus-warning") if "dropped" in text
            }
        assert 0 == elsewhere.n_connections
        assert [f"Bearer {UPSTREAM_KEY}"] == [each.headers["authorization"] for each in asked(upstream)]
        assert b"sk-mine" not in b"".join(each.body for each in asked(upstream))


@pytest.mark.parametrize(("provider", "path"), DIALECTS)
async def test_an_address_inside_a_message_is_never_fetched(tmp_path: Path, provider: str, path: str) -> None:
    """Pictures and files by URL are passed on or refused; the gateway itself asks nobody for them."""
    async with trap() as elsewhere, scripted_upstream(replying({"text": "ok"})) as upstream:
        async with running_gateway(tmp_path, model("m", upstream.url + path, provider=provider)) as gateway:
            parts = [
                {"type": "text", "text": f"look at {elsewhere.url}/a.png"},
                {"type": "image_url", "image_url": {"url": f"{elsewhere.url}/b.png"}},
            ]
            answer = await gateway.chat(messages=[{"role": "user", "content": parts}])
            source = {"type": "url", "url": f"{elsewhere.url}/c.png"}
            blocks = [{"type": "image", "source": source}, {"type": "text", "text": "?"}]
            claude = {"model": "m", "max_tokens": 9, "messages": [{"role": "user", "content": blocks}]}
            other = await gateway.http.post("/api/claude", json=claude)

        assert {answer.status_code, other.status_code} <= {200, 400}
        assert 0 == elsewhere.n_connections


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_an_upstream_that_redirects_is_not_followed(tmp_path: Path, status: int, stream: bool) -> None:
    """A 302 to an address of the inside is a failed attempt, and nobody there hears of it."""
    async with trap() as inside:
        reply = {"status": status, "headers": {"location": f"{inside.url}/latest/meta-data"}, "body": ""}
        async with scripted_upstream(replying(reply)) as upstream:
            async with running_gateway(tmp_path, model("m", f"{upstream.url}/v1")) as gateway:
                answer = await gateway.chat(stream=stream)

            assert 502 == answer.status_code
            assert inside.url not in answer.text
            assert 0 == inside.n_connections
            assert 1 == len(asked(upstream))


@pytest.mark.parametrize(("provider", "path"), DIALECTS)
async def test_headers_of_the_client_stay_at_the_door(tmp_path: Path, provider: str, path: str) -> None:
    """The proxy key, cookies and whatever else a client sends are not passed on; only Anthropic's own two are."""
    sent = {
        **KEYED,
        "x-api-key": PROXY_KEY,
        "api-key": PROXY_KEY,
        "cookie": "session=canary-cookie",
        "proxy-authorization": "Basic canary-proxy",
        "x-forwarded-for": "10.9.9.9",
        "x-real-ip": "10.9.9.9",
        "forwarded": "for=10.9.9.9",
        "te": "trailers",
        "upgrade-insecure-requests": "1",
        "openai-organization": "org-canary",
        "x-thalamus-conversation-id": "canary-conversation",
        "x-anything": "canary-anything",
        "origin": "http://canary.example",
        "referer": "http://canary.example",
        "user-agent": "canary-agent",
        "anthropic-beta": "wanted-beta",
    }
    async with scripted_upstream(replying({"text": "ok"})) as upstream:
        settings = model("m", upstream.url + path, provider=provider) + '  api_key_env = "UP_KEY"\n'
        async with running_gateway(tmp_path, settings, env=WITH_KEYS) as gateway:
            for door in ("/v1/chat/completions", "/api/chat", "/api/claude"):
                answer = await gateway.http.post(door, json=DOORS[door], headers=sent)
                assert 200 == answer.status_code, answer.text
        arrived = [each.headers for each in asked(upstream)]

    assert 3 == len(arrived)
    assert PROXY_KEY not in repr(arrived)
    assert "canary-" not in repr(arrived).replace(UPSTREAM_KEY, "")
    assert "10.9.9.9" not in repr(arrived)
    allowed = {
        "host",
        "accept",
        "accept-encoding",
        "content-type",
        "content-length",
        "user-agent",
        "authorization",
        "x-api-key",
        "anthropic-version",
        "anthropic-beta",
        "via",
    }
    assert set() == {name for headers in arrived for name in headers} - allowed


@pytest.mark.parametrize(("provider", "path"), DIALECTS)
@pytest.mark.parametrize("stream", [False, True])
async def test_headers_of_an_upstream_stay_behind_the_gateway(
    tmp_path: Path, provider: str, path: str, stream: bool
) -> None:
    """Cookies, keys and the upstream's own infrastructure are not shown; its rate limits are."""
    headers = {
        "set-cookie": "session=canary; Path=/",
        "server": "canary-server",
        "x-api-key": UPSTREAM_KEY,
        "www-authenticate": "Bearer canary",
        "x-powered-by": "canary",
        "access-control-allow-origin": "*",
        "strict-transport-security": "max-age=canary",
        "alt-svc": "canary",
        "location": "http://canary.example",
        "x-ratelimit-remaining-requests": "7",
    }
    replies = [{"status": 200, "headers": headers, "text": "ok"}, {"status": 400, "headers": headers}]
    async with (
        scripted_upstream(replying({**replies[0], "times": 1}, replies[1])) as upstream,
        running_gateway(tmp_path, model("m", upstream.url + path, provider=provider)) as gateway,
    ):
        answers = [await gateway.chat(stream=stream) for _ in range(2)]

    assert [200, 400] == [answer.status_code for answer in answers]
    for answer in answers:
        assert "canary" not in repr(answer.headers.raw)
        assert UPSTREAM_KEY not in answer.text
    if not stream:
        assert "7" == answers[0].headers["x-ratelimit-remaining-requests"]
