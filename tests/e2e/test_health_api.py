"""Operators trip and reset deployments by request: scopes, audit, OpenAPI, and what it does to the traffic."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import select

from config.tables import audit
from router.providers.scripted import Reply, Script, scripted_upstream
from tests.e2e.gateway import asked, model, running_gateway

if TYPE_CHECKING:
    from pathlib import Path

    from tests.e2e.gateway import Gateway

SCRIPT = Script((Reply(text="hello"),))
TRIP, RESET = "/api/health/m/vllm/trip", "/api/health/m%2Fvllm/reset"


async def audited(gateway: Gateway) -> list[Any]:
    """Return the audit rows of what was done to deployments, oldest first."""
    await gateway.house.writer.flush(5)
    async with gateway.house.database.reading() as connection:
        return list(
            (
                await connection.execute(select(audit).where(audit.c.action.like("health_%")).order_by(audit.c.id))
            ).mappings()
        )


async def test_a_tripped_deployment_is_not_asked_until_it_is_reset(tmp_path: Path) -> None:
    """At once, also when a client names it and nobody else is left; `/health` says who is to blame."""
    async with (
        scripted_upstream(SCRIPT) as upstream,
        running_gateway(tmp_path, model("m", upstream.url + "/v1")) as gateway,
    ):
        tripped = await gateway.http.post(TRIP, json={})
        refused = await gateway.chat()
        n_asked = len(asked(upstream))
        health = (await gateway.http.get("/health")).json()["components"]["deployments"]["m/vllm"]
        reset = await gateway.http.post(RESET, json={})
        answered = await gateway.chat()
        rows = await audited(gateway)

    state = {"state": "open", "until_s": None, "scope": "deployment", "reason": "operator"}
    assert {"deployment": "m/vllm", "requests": 0, "failures": 0, **state} == tripped.json()
    assert (503, 0) == (refused.status_code, n_asked)
    assert state.items() <= health.items()
    assert {"deployment": "m/vllm", "state": "closed"}.items() <= reset.json().items()
    assert 200 == answered.status_code
    assert [("health_trip", "no key"), ("health_reset", "no key")] == [(each["action"], each["actor"]) for each in rows]
    assert ["m/vllm"] * 2 == [each["subject"] for each in rows]
    assert ["closed", "open", "open", "closed"] == [
        each[side]["state"] for each in rows for side in ("before", "after")
    ]


async def test_only_an_admin_key_may(tmp_path: Path) -> None:
    """A chat key is refused, an unknown one too; the audit names the admin key by its shown part."""
    async with running_gateway(tmp_path, model("m", "http://127.0.0.1:9/v1")) as gateway:
        keys = [(await gateway.house.keys.create(name, scopes=(name,)))[0] for name in ("chat", "admin")]
        headers = [{"authorization": f"Bearer {key}"} for key in (*keys, "sk-wrong")]
        statuses = [(await gateway.http.post(TRIP, json={}, headers=each)).status_code for each in headers]
        rows = await audited(gateway)

    assert [403, 200, 401] == statuses
    assert [keys[1][:14]] == [each["actor"] for each in rows]


@pytest.mark.parametrize("path", ["/nobody/trip", "/m/vllm", "/m/vllm/drop", "/trip", "//trip", "/m/vllm/trip/trip"])
async def test_what_does_not_exist_is_not_found(tmp_path: Path, path: str) -> None:
    """No deployment of that name, or nothing that can be done to one; nothing is changed."""
    async with running_gateway(tmp_path, model("m", "http://127.0.0.1:9/v1")) as gateway:
        answer = await gateway.http.post("/api/health" + path, json={})

        assert 404 == answer.status_code
        assert {} == gateway.house.health.state()


async def test_a_page_of_another_origin_cannot_trip(tmp_path: Path) -> None:
    """What a browser sends without asking first has none of our content types."""
    async with running_gateway(tmp_path, model("m", "http://127.0.0.1:9/v1")) as gateway:
        bare = await gateway.http.post(TRIP)
        form = await gateway.http.post(TRIP, data={"a": "b"})

        assert [415, 415] == [bare.status_code, form.status_code]
        assert {} == gateway.house.health.state()


async def test_the_document_shows_both_routes(tmp_path: Path) -> None:
    """Apart, with the deployment as their parameter and the errors they may give."""
    async with running_gateway(tmp_path) as gateway:
        paths = (await gateway.http.get("/schema/openapi.json")).json()["paths"]

    found = {path: each for path, each in paths.items() if path.startswith("/api/health")}
    assert {"/api/health/{deployment}/trip", "/api/health/{deployment}/reset"} == found.keys()
    for each in found.values():
        assert ["deployment"] == [parameter["name"] for parameter in each["post"]["parameters"]]
        assert {"200", "401", "403", "404", "415"} <= each["post"]["responses"].keys()
