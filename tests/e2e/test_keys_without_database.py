"""A gateway that starts while its database is away: who comes in, and what becomes of the books."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from sqlalchemy import exists, select

from config.errors import StorageError
from config.tables import api_key
from proxy.lifespan import RETRY_S
from router.providers.scripted import Reply, Script, scripted_upstream
from tests.e2e.gateway import Gateway, model, running_gateway, user

if TYPE_CHECKING:
    from pathlib import Path

    from httpx import Response

    from config.database import Database

SCRIPT = Script((Reply(text="hello"),))


def moved_aside(books: Path) -> dict[Path, Path]:
    """Move a database away and return where each of its files went."""
    return {each: each.rename(each.with_name(f"aside-{each.name}")) for each in sorted(books.parent.glob("books.*"))}


def removed(folder: Path) -> None:
    """Delete a database with all that SQLite keeps beside it."""
    for each in folder.glob("books.sqlite*"):
        each.unlink()


async def asked_with(gateway: Gateway, key: str) -> Response:
    """Ask with a key."""
    body = {"model": "m", "messages": user("hi")}
    return await gateway.http.post("/v1/chat/completions", json=body, headers={"authorization": f"Bearer {key}"})


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


async def test_a_deleted_database_does_not_open_the_door(tmp_path: Path) -> None:
    """The next gateway begins a new file and lets nobody in; it says how to go on, and a new key goes on."""
    storage = f'[storage]\nurl = "sqlite:///{tmp_path}/books.sqlite"\n'
    async with scripted_upstream(SCRIPT) as upstream:
        settings = storage + model("m", upstream.url + "/v1")
        async with running_gateway(tmp_path, settings) as gateway:
            open_door = await gateway.chat()
            key, _ = await gateway.house.keys.create("client")
        removed(tmp_path)
        async with running_gateway(tmp_path, settings) as gateway:
            with_none = await gateway.chat()
            with_old = await asked_with(gateway, key)
            seen = await gateway.http.get("/v1/models")
            health = await gateway.http.get("/health/ready")
            new, _ = await gateway.house.keys.create("client")
            after = [(await gateway.chat()).status_code, (await asked_with(gateway, new)).status_code]

    assert 200 == open_door.status_code
    assert [503] * 3 == [each.status_code for each in (with_none, with_old, seen)]
    error = with_none.json()["error"]
    assert "keys_lost" == error["code"]
    assert "thalamus keys create" in error["message"]
    assert "keys.cache" in error["message"]
    assert str(tmp_path) not in error["message"]
    assert 200 == health.status_code
    assert [401, 200] == after


async def test_a_database_deleted_under_a_running_gateway_does_not_open_the_door(tmp_path: Path) -> None:
    """Without a restart neither: what lies there then is a new file, in which there was never a key."""
    storage = f'[storage]\nurl = "sqlite:///{tmp_path}/books.sqlite"\n'
    async with (
        scripted_upstream(SCRIPT) as upstream,
        running_gateway(tmp_path, storage + model("m", upstream.url + "/v1")) as gateway,
    ):
        house = gateway.house
        key, _ = await house.keys.create("client")
        removed(tmp_path)
        served = await asked_with(gateway, key)
        async with asyncio.timeout(5):
            while await has_keys(house.database):  # noqa: ASYNC110  # until the record of the answer has met the loss
                await asyncio.sleep(0.05)
        house.keys._any_active_until = 0.0  # as if half a minute had passed
        lost = await gateway.chat()

    assert 200 == served.status_code
    assert (503, "keys_lost") == (lost.status_code, lost.json()["error"]["code"])


async def has_keys(database: Database) -> bool:
    """Return whether the database that is open now holds a key; one that is just lost counts as before."""
    try:
        async with database.reading() as connection:
            return bool((await connection.execute(select(exists(select(api_key.c.id))))).scalar_one())
    except StorageError:
        return True
