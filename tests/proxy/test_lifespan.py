"""The start and the end of the product: books that cannot be opened, and streams that are cut by the end."""

from __future__ import annotations

import asyncio
import sqlite3
import sys
from pathlib import Path

import pytest

from proxy.lifespan import RETRY_S
from router.providers.scripted import Reply, Script, scripted_upstream
from tests.e2e.gateway import HEAD, Gateway, model, running_gateway, user

SCRIPT = Script((Reply(text="hello"),))
EXTRACTIVE = """
[[model]]
name = "extractive"
  [[model.deployment]]
  provider = "extractive"
  upstream_model = "extractive"
"""


async def until_well(gateway: Gateway, component: str) -> None:
    """Wait for the second try at the books or the documents."""
    async with asyncio.timeout(RETRY_S + 5):
        while "ok" != (await gateway.http.get("/health")).json()["components"][component]["status"]:  # noqa: ASYNC110  # over the wire
            await asyncio.sleep(0.05)


async def test_locked_books_are_opened_when_they_can_be(tmp_path: Path) -> None:
    """A database that another holds costs the books, not the answers; what waited is written once it is free."""
    holder = sqlite3.connect(tmp_path / "books.sqlite", isolation_level=None)
    holder.execute("begin exclusive")
    head = HEAD.replace("port = 0", 'port = 0\nrequire_key = "never"')
    storage = f'[storage]\nurl = "sqlite:///{tmp_path}/books.sqlite"\n'
    async with (
        scripted_upstream(SCRIPT) as upstream,
        running_gateway(tmp_path, storage, model("m", upstream.url + "/v1"), head=head) as gateway,
    ):
        during = await gateway.chat()
        degraded = (await gateway.http.get("/health")).json()
        ready = await gateway.http.get("/health/ready")
        holder.execute("rollback")
        holder.close()
        await until_well(gateway, "database")
        await gateway.house.writer.flush(5)
        booked = await gateway.decision(during)

    assert 200 == during.status_code, during.text
    assert ("degraded", "degraded") == (degraded["status"], degraded["components"]["database"]["status"])
    assert 200 == ready.status_code
    assert "completed" == booked["status"]


@pytest.mark.parametrize(("require_key", "made_keys"), [("auto", True), ("auto", False), ("never", True)])
async def test_books_that_cannot_be_opened(tmp_path: Path, require_key: str, made_keys: bool) -> None:
    """Requests go on, but where keys were made nobody can say whether they count: 503, unless none are needed."""
    (tmp_path / "books.sqlite").mkdir()
    if made_keys:
        (tmp_path / ".thalamus").mkdir()
        (tmp_path / ".thalamus" / "key-pepper").write_text("p" * 64)
    head = HEAD.replace("port = 0", f'port = 0\nrequire_key = "{require_key}"')
    storage = f'[storage]\nurl = "sqlite:///{tmp_path}/books.sqlite"\n'
    async with (
        scripted_upstream(SCRIPT) as upstream,
        running_gateway(tmp_path, storage, model("m", upstream.url + "/v1"), head=head) as gateway,
    ):
        answered = await gateway.chat()
        health = await gateway.http.get("/health")
        decision = await gateway.http.get("/v1/decisions/nobody")

    if require_key == "never" or not made_keys:
        assert 200 == answered.status_code, answered.text
    else:
        assert (503, "storage_unavailable") == (answered.status_code, answered.json()["error"]["code"])
    assert 503 == decision.status_code
    assert (200, "degraded") == (health.status_code, health.json()["status"])
    assert str(tmp_path) not in health.text


@pytest.mark.skipif(sys.platform != "linux", reason="needs a file that opens and cannot be read")
async def test_unreadable_documents_cost_only_the_documents(tmp_path: Path) -> None:
    """`auto` is answered with a warning, the health names the trouble without a path, and they are read when they can be."""
    folder = tmp_path / "documents"
    folder.mkdir()
    (tmp_path / ".thalamus").mkdir()
    (tmp_path / ".thalamus" / "library").write_text("")  # no folder, so that nothing can be kept
    (folder / "broken.md").symlink_to("/proc/self/mem")  # opens, and fails with EIO at the first byte
    async with (
        scripted_upstream(SCRIPT) as upstream,
        running_gateway(
            tmp_path, f'[retrieval]\nlibrary = "{folder}"\n', EXTRACTIVE, model("m", upstream.url + "/v1")
        ) as gateway,
    ):
        answered = await gateway.chat(model="auto")
        extracted = await gateway.chat(model="extractive")
        health = await gateway.http.get("/health")
        (folder / "broken.md").unlink()
        (folder / "sound.md").write_text("# Colour\n\nThe colour of the gateway's lamp is green.\n")
        await until_well(gateway, "documents")
        again = await gateway.chat(model="extractive", messages=user("What is the colour of the gateway's lamp?"))

    documents = health.json()["components"]["documents"]
    assert 200 == answered.status_code, answered.text
    assert "documents cannot be read" in answered.headers["x-thalamus-warning"]
    assert 502 == extracted.status_code, extracted.text
    assert ("unreadable", 0) == (documents["status"], documents["passages"])
    assert documents["error"]
    assert str(folder) not in health.text
    assert "green" in again.json()["choices"][0]["message"]["content"]
