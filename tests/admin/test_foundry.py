"""The foundry page: the real artefacts and shelf, with training that stands still."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from types import SimpleNamespace

import pytest
from sqlalchemy import select

from classifier.artefact import CARD, MODEL, PREPROC, artefact_version
from classifier.foundry.blueprint import shipped_artefacts
from config.tables import audit
from proxy.desk.foundry import HouseFoundry
from tests.admin.desks import Jobs


@pytest.fixture
def jobs():
    """No training yet."""
    return Jobs()


@pytest.fixture
def foundry(tmp_path, sqlite_database):
    """The shipped micro-models over an empty data folder."""
    return HouseFoundry(SimpleNamespace(settings=SimpleNamespace(state_dir=tmp_path), database=sqlite_database))


@pytest.fixture
def desk(desk, foundry, jobs):
    """A desk with a foundry where everything that forging needs is installed."""
    foundry.cannot_forge = lambda: False
    return replace(desk, foundry=foundry, jobs=jobs)


@pytest.fixture
def forged(tmp_path):
    """A sentiment model that was forged from the dashboard."""
    folder = tmp_path / "forged" / "sentiment"
    shutil.copytree(shipped_artefacts() / "sentiment", folder)
    card = json.loads((folder / CARD).read_text("utf-8"))
    preproc = (folder / PREPROC).read_bytes() + b"\xc0\x3e\x01"  # a field that no reader knows: another version
    (folder / PREPROC).write_bytes(preproc)
    card["version"] = artefact_version((folder / MODEL).read_bytes(), preproc)
    (folder / CARD).write_text(json.dumps(card), "utf-8")
    return folder


async def _row(site, name):
    twin = (await site.get("/dashboard/foundry.json")).json()
    return next(each for each in twin["artefacts"] if each["name"] == name)


async def test_figures_are_those_of_the_cards(site):
    """Every shipped model is listed with what was measured of it."""
    row = await _row(site, "intent")
    page = await site.get("/dashboard/foundry", headers={"accept-language": "zh"})

    assert "shipped" == row["live"]
    assert 0.5 < row["micro_f1"] <= 1
    assert "作答时正确率" in page.text


async def test_forged_model_is_published_promoted_and_taken_back(site, forged, sqlite_database):
    """It runs in shadow first; without 500 requests only who insists makes it live, and one act takes it back."""
    waiting = (await _row(site, "sentiment"))["forged"]
    await site.change("/dashboard/foundry/shadow", name="sentiment")
    refused = await site.change("/dashboard/foundry/promote", name="sentiment")
    shadow = (await _row(site, "sentiment"))["shadow"]
    await site.change("/dashboard/foundry/promote", name="sentiment", insist="yes")
    live = (await _row(site, "sentiment"))["live"]
    await site.change("/dashboard/foundry/rollback", name="sentiment")
    async with sqlite_database.reading() as connection:
        actions = (
            await connection.execute(select(audit.c.action).where(audit.c.action.contains("artefact")))
        ).scalars()

    assert waiting["version"] is not None
    assert 409 == refused.status_code
    assert shadow == live
    assert "shipped" == (await _row(site, "sentiment"))["live"]
    assert ["shadow_artefact", "promote_artefact", "rollback_artefact"] == list(actions)


async def test_shadow_is_ended(site, forged):
    """What runs in shadow is disabled, and the live one stays."""
    await site.change("/dashboard/foundry/shadow", name="sentiment")
    page = await site.change("/dashboard/foundry/end-shadow", name="sentiment")

    assert "runs in shadow any more" in page.text
    assert (await _row(site, "sentiment"))["shadow"] is None


@pytest.mark.parametrize(("path", "name"), [("shadow", "sentiment"), ("rollback", "sentiment"), ("shadow", "../x")])
async def test_what_is_not_there_cannot_be_published(site, path, name):
    """Nothing forged, nothing before, and a name that is none: all stays as it is, in words."""
    page = await site.change(f"/dashboard/foundry/{path}", name=name)

    assert 409 == page.status_code
    assert "stays as it is" in page.text


async def test_training_shows_its_progress_and_is_cancelled(site, jobs, tmp_path):
    """It goes to the data folder, one at a time; its step is a bar, and it can be ended."""
    await site.change("/dashboard/foundry/forge", name="sentiment")
    command = jobs.jobs[0].lines
    busy = await site.change("/dashboard/foundry/forge", name="risk")
    jobs.jobs.clear()
    jobs.add(kind="forge", subject="sentiment", step="train", done=3, total=9)
    running = await site.get("/dashboard/foundry")
    ended = await site.change("/dashboard/foundry/cancel", job=jobs.jobs[0].id)
    gone = await site.change("/dashboard/foundry/cancel", job="nobody")

    assert ("foundry", "forge", "sentiment", "--out", str(tmp_path / "forged" / "sentiment"), "--json") == command
    assert (409, 409) == (busy.status_code, gone.status_code)
    assert "train: 3 of 9" in running.text
    assert "was cancelled" in ended.text


async def test_unknown_blueprint_is_not_trained(site, jobs):
    """A name that is none reaches no command."""
    page = await site.change("/dashboard/foundry/forge", name="--all")

    assert (404, []) == (page.status_code, jobs.jobs)


async def test_without_the_extra_it_says_what_is_missing(site, foundry, jobs):
    """Where training is not possible, the page gives the command that makes it so."""
    foundry.cannot_forge = lambda: True
    page = await site.get("/dashboard/foundry")
    refused = await site.change("/dashboard/foundry/forge", name="sentiment")

    assert "thalamus-proxy[ml]" in page.text
    assert (409, []) == (refused.status_code, jobs.jobs)


async def test_damaged_pointer_does_not_hide_the_others(site, tmp_path):
    """One artefact whose pointer cannot be read is shown without figures."""
    folder = tmp_path / "artefacts" / "intent"
    folder.mkdir(parents=True)
    twin = (await site.get("/dashboard/foundry.json")).json()

    assert 8 <= len(twin["artefacts"])
