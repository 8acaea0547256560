"""Documents of a running gateway: sent, added, changed and taken away, each noticed within seconds."""

from __future__ import annotations

import asyncio
import base64
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from retrieval.library_lock import library_lock
from tests.e2e.gateway import running_gateway, user
from tests.retrieval.files import pdf

if TYPE_CHECKING:
    import httpx

    from tests.e2e.gateway import Gateway

HEAD = "[server]\nport = 0\nmax_body_bytes = 100000\n[health]\nfind_ollama = false\n[retrieval]\nwatch_s = 0.1\n"
PATH = "/api/documents"
GREEN = "# Colour\n\nThe colour of the gateway's lamp is green.\n"
QUESTION = "What is the colour of the gateway's lamp?"
ROOT = Path(__file__).parents[2]


async def ask(gateway: Gateway, question: str) -> str:
    """Return what the extractive model answers."""
    response = await gateway.chat(model="extractive", messages=user(question))
    return response.json()["choices"][0]["message"]["content"]


async def until(gateway: Gateway, question: str, part: str) -> str:
    """Ask until the answer holds something, for at most ten seconds."""
    for _ in range(100):
        answer = await ask(gateway, question)
        if part in answer:
            return answer
        await asyncio.sleep(0.1)
    raise AssertionError(answer)


async def send(gateway: Gateway, name: str, text: str | None = None, **fields: Any) -> httpx.Response:
    """Send a document."""
    body = {"name": name, **({} if text is None else {"text": text}), **fields}
    return await gateway.http.post(PATH, json=body)


async def test_a_document_that_is_sent_is_answered_from_until_it_is_taken_away(tmp_path):
    """The shipped guide steps back for it, and comes back after it."""
    async with running_gateway(tmp_path, head=HEAD, env={}) as gateway:
        sent = await send(gateway, "lamps/zephyr.md", GREEN)
        answer = await until(gateway, QUESTION, "green")
        listed = (await gateway.http.get(PATH)).json()
        again = await send(gateway, "lamps/zephyr.md", GREEN.replace("green", "violet"))
        await until(gateway, QUESTION, "violet")
        health = (await gateway.http.get("/health")).json()["components"]["documents"]
        gone = await gateway.http.delete(f"{PATH}/lamps/zephyr.md")
        await until(gateway, "Which header switches the router off?", "x-thalamus-router")
        twice = await gateway.http.delete(f"{PATH}/lamps/zephyr.md")
    with closing(sqlite3.connect(tmp_path / ".thalamus" / "thalamus.sqlite")) as books:
        audit = books.execute("select action, subject, actor from audit order by ts").fetchall()

    assert (202, 202, "utf-8") == (sent.status_code, again.status_code, sent.json()["encoding"])
    assert "[lamps/zephyr.md:3" in answer
    assert ["lamps/zephyr.md"] == [each["name"] for each in listed["documents"]]
    assert ("ok", 1) == (health["status"], health["passages"])
    assert (200, {"removed": "lamps/zephyr.md", "was": "upload"}) == (gone.status_code, gone.json())
    assert 404 == twice.status_code
    assert ["documents_add", "documents_add", "documents_remove"] == [each[0] for each in audit]
    assert {("lamps/zephyr.md", "no key")} == {each[1:] for each in audit}


async def test_a_pdf_is_sent_in_base64(tmp_path):
    """And searched as text."""
    file = base64.b64encode(pdf((GREEN.splitlines()[2],))).decode()
    async with running_gateway(tmp_path, head=HEAD, env={}) as gateway:
        sent = await send(gateway, "fan.pdf", content_base64=file)
        answer = await until(gateway, QUESTION, "green")

    assert (202, 43) == (sent.status_code, sent.json()["characters"])
    assert "[fan.pdf:1" in answer


@pytest.mark.parametrize(
    ("fields", "status", "part"),
    [
        ({"text": "x"}, 400, "'name'"),
        ({"name": "a.md"}, 400, "either 'text' or 'content_base64'"),
        ({"name": "a.md", "text": "x", "content_base64": "eA=="}, 400, "either"),
        ({"name": "a.md", "content_base64": "?"}, 400, "no Base64"),
        ({"name": "../a.md", "text": "x"}, 400, "is no name"),
        ({"name": "a.exe", "text": "x"}, 400, "must end with"),
        ({"name": "a.md", "text": " "}, 400, "holds no text"),
        ({"name": "a.pdf", "text": "x"}, 400, "is damaged, or no pdf file"),
        ({"name": "a.md", "text": "x" * 50_001}, 400, "larger than 50,000 bytes"),
        ({"name": "a.md", "text": "x" * 200_000}, 413, ""),
    ],
)
async def test_what_cannot_be_kept_is_refused_with_its_reason(tmp_path, fields, status, part):
    """Nothing is written, and the gateway goes on."""
    head = HEAD + "max_document_bytes = 50000\n"
    async with running_gateway(tmp_path, head=head, env={}) as gateway:
        refused = await gateway.http.post(PATH, json=fields)
        listed = await gateway.http.get(PATH)

    assert (status, []) == (refused.status_code, listed.json()["documents"])
    assert part in refused.text
    assert not list((tmp_path / ".thalamus").glob("library/uploads/*"))


async def test_only_an_admin_key_may_see_and_change_documents(tmp_path):
    """And no page of another origin."""
    async with running_gateway(tmp_path, head=HEAD, env={}) as gateway:
        form = await gateway.http.post(PATH, content=b'{"name": "a.md"}', headers={"content-type": "text/plain"})
        plain, _ = await gateway.house.keys.create("chat", scopes=("chat",))
        admin, _ = await gateway.house.keys.create("admin", scopes=("chat", "admin"))
        statuses = {}
        for name, key in (("none", "nobody"), ("chat", plain), ("admin", admin)):
            headers = {"authorization": f"Bearer {key}"}
            statuses[name] = [
                (await gateway.http.get(PATH, headers=headers)).status_code,
                (await gateway.http.post(PATH, json={"name": "a.md", "text": "x"}, headers=headers)).status_code,
                (await gateway.http.delete(f"{PATH}/a.md", headers=headers)).status_code,
            ]

    assert 415 == form.status_code
    assert {"none": [401] * 3, "chat": [403] * 3, "admin": [200, 202, 200]} == statuses


async def test_a_library_that_another_process_changes_is_not_waited_for_long(tmp_path):
    """The request is told to come again."""
    async with running_gateway(tmp_path, head=HEAD + "", env={}) as gateway:
        store = gateway.house.documents.library.store
        with library_lock(store.lock_file, "rebuild"):
            answer = await gateway.http.delete(f"{PATH}/a.md")

    assert (503, "library_busy") == (answer.status_code, answer.json()["error"]["code"])


async def test_a_data_folder_that_takes_nothing_is_told(tmp_path):
    """The document is not kept, and nothing else is lost."""
    async with running_gateway(tmp_path, head=HEAD, env={}) as gateway:
        library = tmp_path / ".thalamus" / "library"
        library.mkdir(exist_ok=True)
        (library / "uploads").write_text("")
        kept = await send(gateway, "a.md", "x")
        listed = await gateway.http.get(PATH)

    assert (503, 200) == (kept.status_code, listed.status_code)


async def test_a_command_beside_a_running_gateway_is_noticed(tmp_path):
    """`docs add`, a file that changes and a file that goes, each within seconds; a bad file spoils nothing."""
    folder = tmp_path / "handbook"
    folder.mkdir()
    (folder / "lamp.md").write_text(GREEN)
    (folder / "broken.pdf").write_bytes(b"%PDF-")

    async with running_gateway(tmp_path, head=HEAD, env={}) as gateway:
        assert "green" not in await ask(gateway, QUESTION)
        done = await asyncio.to_thread(
            subprocess.run,
            [
                sys.executable,
                "-m",
                "proxy.cli",
                "docs",
                "add",
                str(folder),
                "--config",
                str(tmp_path / "thalamus.toml"),
            ],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
        )
        await until(gateway, QUESTION, "green")
        (folder / "lamp.md").write_text(GREEN.replace("green", "violet and gold"))
        await until(gateway, QUESTION, "violet")
        troubles = (await gateway.http.get(PATH)).json()["troubles"]

    assert (1, "1 added, 0 changed, 0 removed; the library holds 1 document.\n") == (done.returncode, done.stdout)
    assert [str(folder / "broken.pdf")] == [each["path"] for each in troubles]


async def test_searches_go_on_while_the_library_changes_all_the_time(tmp_path):
    """Every answer is whole, from one state or the next."""
    folder = tmp_path / "docs"
    folder.mkdir()
    file = folder / "tower.md"
    file.write_text("# Tower\n\nThe Aquilo tower is 100 metres tall.\n")
    stop = asyncio.Event()

    async def change() -> None:
        at = 100
        while not stop.is_set():
            at += 1
            file.write_text(f"# Tower\n\nThe Aquilo tower is {at} metres tall.\n")
            gateway.house.documents.library.look_soon()
            await asyncio.sleep(0.02)

    async with running_gateway(tmp_path, f'library = "{folder}"\n', head=HEAD, env={}) as gateway:
        await until(gateway, "How tall is the Aquilo tower?", "metres")
        changing = asyncio.create_task(change())
        answers = [await ask(gateway, "How tall is the Aquilo tower?") for _ in range(60)]
        stop.set()
        await changing

    assert [] == [answer for answer in answers if "metres tall" not in answer]
    assert len(set(answers)) > 1, "the library changed meanwhile"
