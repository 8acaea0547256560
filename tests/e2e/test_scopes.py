"""What keys may do by their scopes, and what load balancers may ask without one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from router.providers.scripted import Reply, Script, scripted_upstream
from tests.e2e.gateway import asked, model, running_gateway, user

if TYPE_CHECKING:
    from pathlib import Path

SCRIPT = Script((Reply(text="hello"),))
INSUFFICIENT = (403, "insufficient_scope")


async def test_a_key_does_only_what_its_scopes_say(tmp_path: Path) -> None:
    """A key for administration alone must not spend money at any door, and a chat key must not change settings."""
    async with (
        scripted_upstream(SCRIPT) as upstream,
        running_gateway(tmp_path, model("m", upstream.url + "/v1")) as gateway,
    ):
        keys = gateway.house.keys
        chat, admin = [
            {"authorization": f"Bearer {(await keys.create(each, scopes=(each,)))[0]}"} for each in ("chat", "admin")
        ]
        body = {"model": "m", "messages": user("hi"), "max_tokens": 9}
        doors = ("/v1/chat/completions", "/api/claude", "/api/chat", "/v1/embeddings")
        refused = [await gateway.http.post(each, json=body, headers=admin) for each in doors]
        n_asked = len(asked(upstream))
        served = await gateway.http.post(doors[0], json=body, headers=chat)
        no_reload = await gateway.http.post("/api/config/reload", json={}, headers=chat)
        reloaded = await gateway.http.post("/api/config/reload", json={}, headers=admin)

    errors = [each.json()["error"] for each in refused]
    assert [403] * len(doors) == [each.status_code for each in refused]
    assert ("insufficient_scope", "invalid_request_error") == (errors[0]["code"], errors[0]["type"])
    assert 0 == n_asked
    assert 200 == served.status_code, served.text
    assert INSUFFICIENT == (no_reload.status_code, no_reload.json()["error"]["code"])
    assert 200 == reloaded.status_code, reloaded.text


async def test_head_asks_for_the_health_as_get_does(tmp_path: Path) -> None:
    """Load balancers use HEAD: the same status and headers, no body."""
    async with running_gateway(tmp_path) as gateway:
        for path in ("/health", "/health/ready"):
            told, head = await gateway.http.get(path), await gateway.http.head(path)

            assert (200, b"") == (head.status_code, head.content)
            assert told.headers["content-type"] == head.headers["content-type"]
        gateway.house.ready = False
        starting = await gateway.http.head("/health/ready")

    assert (503, b"") == (starting.status_code, starting.content)
