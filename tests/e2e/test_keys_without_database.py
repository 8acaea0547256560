"""A gateway that starts while its database is away: who comes in, and what becomes of the books."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from proxy.lifespan import RETRY_S
from router.providers.scripted import Reply, Script, scripted_upstream
from tests.e2e.gateway import model, running_gateway

if TYPE_CHECKING:
    from pathlib import Path

SCRIPT = Script((Reply(text="hello"),))


def moved_aside(books: Path) -> dict[Path, Path]:
    """Move a database away and return where each of its files went."""
    return {each: each.rename(each.with_name(f"aside-{each.name}")) for each in sorted(books.parent.glob("books.*"))}


async def test_known_keys_are_served_while_the_database_is_away_from_the_start(tmp_path: Path) -> None:
    """A key made before answers 200, a revoked one 401, an unknown one 503; the decision is booked once it can be."""
    books = tmp_path / "books.sqlite"
    storage = f'[storage]\nurl = "sqlite:///{books}"\n'
    async with scripted_upstream(SCRIPT) as upstream:
        settings = storage + model("m", upstream.url + "/v1")
        async with running_gateway(tmp_path, settings) as gateway:
            key, _ = await gateway.house.keys.create("client")
            revoked, info = await gateway.house.keys.create("old")
            await gateway.house.keys.revoke(info.id)
        aside = moved_aside(books)
        books.mkdir()
        async with running_gateway(tmp_path, settings) as gateway:
            gateway.http.headers["authorization"] = f"Bearer {key}"
            served = await gateway.chat()
            health = (await gateway.http.get("/health")).json()
            gateway.http.headers["authorization"] = f"Bearer {revoked}"
            refused = await gateway.chat()
            gateway.http.headers["authorization"] = "Bearer sk-thal-made-up"
            unknown = await gateway.chat()
        async with running_gateway(tmp_path, settings) as gateway:  # and again: the journal outlives the process
            journalled = gateway.house.writer.state()["spilled"]
            books.rmdir()
            for place, kept in aside.items():
                kept.rename(place)
            gateway.http.headers["authorization"] = f"Bearer {key}"
            async with asyncio.timeout(RETRY_S + 5):
                while not gateway.house.writer.is_settled or gateway.house.writer.state()["status"] != "ok":  # noqa: ASYNC110  # the product has no event for it
                    await asyncio.sleep(0.05)
            booked = await gateway.decision(served)

    assert 200 == served.status_code, served.text
    assert "degraded" == health["status"]
    assert (401, "invalid_api_key") == (refused.status_code, refused.json()["error"]["code"])
    assert (503, "storage_unavailable") == (unknown.status_code, unknown.json()["error"]["code"])
    assert journalled
    assert "completed" == booked["status"]
