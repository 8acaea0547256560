"""Versions of an artefact behind the main door: shadowed, promoted, rolled back, refused, without a restart."""

from __future__ import annotations

import asyncio
import os
import shutil
from pathlib import Path

import pytest

from classifier.foundry.blueprint import shipped_artefacts
from classifier.micromodel import MicroModel
from classifier.preproc import decode, encode
from classifier.shadow import live_version, read_pairs
from classifier.shelf import Shelf
from proxy.understanding import ARTEFACTS, VERSIONS, Understanding
from tests.e2e.gateway import model, running_gateway, user

pytest_plugins = ("tests.upstream_fixtures",)
NAME = "intent"


@pytest.fixture
def candidate(tmp_path) -> Path:
    """The shipped artefact, a little less sure of itself: another version."""
    folder = Path(shutil.copytree(shipped_artefacts() / NAME, tmp_path / "candidate"))
    preproc = decode((folder / "preproc.bin").read_bytes(), file="")
    changed = {each: getattr(preproc, each) for each in preproc.__dataclass_fields__}
    changed["abstain_below"] = preproc.abstain_below * 0.99
    (folder / "preproc.bin").write_bytes(encode(type(preproc)(**changed)))
    return folder


@pytest.fixture
def shelf(tmp_path) -> Shelf:
    """The shelf of a data folder over the shipped artefacts."""
    return Shelf(tmp_path / ".thalamus" / VERSIONS, ARTEFACTS)


@pytest.fixture
async def understanding(shelf):
    """An understanding over the shelf, loaded."""
    made = Understanding(versions=shelf.home)
    await made.load()
    yield made
    await made.aclose()


def _live(understanding: Understanding) -> str:
    return understanding.state()[NAME]["version"]


async def test_what_a_command_changes_is_taken_up_while_running(understanding, shelf, candidate) -> None:
    """Shadow, promotion and rollback, each within a look at the data folder."""
    shipped, new = _live(understanding), MicroModel.load(candidate).version
    watching = asyncio.create_task(understanding.watch(every_s=0.01))
    shelf.shadow(NAME, candidate)
    await _until(lambda: understanding.shadows.busy)
    assert {"version": new, "n": 0} == understanding.state()["shadow"][NAME]
    shelf.promote(NAME)
    await _until(lambda: _live(understanding) == new)
    await _until(lambda: "shadow" not in understanding.state())
    shelf.rollback(NAME)
    await _until(lambda: _live(understanding) == shipped)
    watching.cancel()

    assert "payment" in (await understanding.ask("please give me my money back for this order")).intent.labels


async def test_a_version_is_told_of_only_once_it_answers(tmp_path, candidate) -> None:
    """Who reads in health that a rollback is done must not be answered by what was rolled back."""
    home = tmp_path / "artefacts"
    shutil.copytree(shipped_artefacts() / NAME, home / NAME)
    (home / "slow").mkdir()
    pipe = home / "slow" / "card.json"  # the next artefact to be read, for as long as the test likes
    pipe.write_text("no card", "utf-8")
    shelf = Shelf(tmp_path / "versions", home)
    made = Understanding(artefacts=home, versions=shelf.home)
    await made.load()
    shipped, new = _live(made), shelf.shadow(NAME, candidate).shadow
    shelf.promote(NAME)
    pipe.unlink()
    os.mkfifo(pipe)
    taking = asyncio.create_task(made.refresh())
    with await asyncio.to_thread(pipe.open, "wb") as writer:  # opens once the reader is there
        while_it_loads = _live(made)
        writer.write(b"no card")
    await taking
    await made.aclose()

    assert (shipped, new) == (while_it_loads, _live(made))


async def test_a_version_that_broke_leaves_the_old_one_serving(understanding, shelf, candidate) -> None:
    """Health names the file, without the folder before it."""
    shipped = _live(understanding)
    shelf.shadow(NAME, candidate)
    shelf.promote(NAME)
    new = shelf.pointers(NAME).live
    (shelf.folder(NAME, new) / "model.onnx").write_bytes(b"no model")
    await understanding.refresh()
    state = understanding.state()[NAME]

    assert ("ok", shipped) == (state["status"], state["version"])
    assert state["refused"].startswith(f"{VERSIONS}/{NAME}/{new}/model.onnx: ")


async def test_a_shadow_that_broke_is_told_of_without_its_folder(understanding, shelf, candidate) -> None:
    """And nothing else changes."""
    version = shelf.shadow(NAME, candidate).shadow
    (shelf.folder(NAME, version) / "model.onnx").write_bytes(b"no model")
    await understanding.refresh()
    await understanding.refresh()
    problem = understanding.state()["shadow"]["problems"][NAME]

    assert problem.startswith(f"{VERSIONS}/{NAME}/{version}/model.onnx: ")
    assert "ok" == understanding.state()[NAME]["status"]


async def test_requests_are_shadowed_after_their_answer_and_no_text_is_kept(
    tmp_path, upstream, shelf, candidate
) -> None:
    """By the id of the decision; the books and the answer are the same as without."""
    shelf.shadow(NAME, candidate)
    live = live_version(shelf, NAME)
    file = shelf.pairs_file(NAME, live, shelf.pointers(NAME).shadow)
    async with running_gateway(tmp_path, model("m", f"{upstream.url}/v1")) as gateway:
        await _until(lambda: gateway.house.understanding.shadows.busy)
        answers = [
            await gateway.chat(model="auto", messages=user(text)) for text in ("退款给我", "where is my parcel", " ")
        ]
        await gateway.chat(messages=user("named models are not read"))
        await asyncio.to_thread(gateway.house.understanding.shadows.settled)
        health = (await gateway.http.get("/health")).json()
    pairs = read_pairs(file)

    assert [each.headers["x-thalamus-decision-id"] for each in answers[:2]] == [each.decision_id for each in pairs]
    assert [True, True] == [each.same for each in pairs]
    assert "退款" not in file.read_text("utf-8")
    assert 2 == health["components"]["classifier"]["shadow"][NAME]["n"]


async def _until(holds) -> None:
    async with asyncio.timeout(20):
        while not holds():  # noqa: ASYNC110  # what is waited for happens in a thread of the product
            await asyncio.sleep(0.01)
