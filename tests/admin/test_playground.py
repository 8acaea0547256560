"""The playground page: who is asked, what is refused, and answers as text while they grow."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from admin.desk.playground import BusyError, Column, Run
from tests.admin.conftest import HOSTILE
from tests.admin.desks import WHEN


class Playground:
    """Keeps runs that a test fills in."""

    def __init__(self):
        self.runs = {}

    def models(self):
        return ("auto", "auto:cheap", "auto:best", "cheap", "good")

    async def start(self, prompt, models, *, by):
        if self.runs:
            raise BusyError
        self.runs["r1"] = Run(id="r1", prompt=prompt, started=WHEN, by=by, columns=tuple(map(Column, models)))
        return self.runs["r1"]

    def find(self, run):
        return self.runs.get(run)

    async def changed(self, run, seen, *, wait_s):
        del seen, wait_s
        await asyncio.sleep(0)
        for column in run.columns:
            column.status, column.text, column.decision_id = "done", HOSTILE, "0192"
        run.version += 1
        return run.version


@pytest.fixture
def playground():
    """No run yet."""
    return Playground()


@pytest.fixture
def desk(desk, playground):
    """A desk with a playground."""
    return replace(desk, playground=playground)


async def test_models_are_asked_side_by_side(site, playground):
    """The run has an address, its columns stand beside each other, and what models say is text."""
    page = await site.change("/dashboard/playground", prompt="写一首诗", model="good")
    await playground.changed(playground.runs["r1"], 0, wait_s=0)
    done = await site.get("/dashboard/playground?run=r1", headers={"accept-language": "zh"})

    assert "写一首诗" in page.text
    assert "data-run" in page.text
    assert "data-run" not in done.text
    assert "<script>alert" not in done.text
    assert "/dashboard/decisions/0192" in done.text


async def test_answers_come_as_events(site):
    """The stream tells the columns and then that it is over."""
    await site.change("/dashboard/playground", prompt="hi", model="good")
    events = (await site.get("/dashboard/playground/events?run=r1")).text

    assert "event: run" in events
    assert "<script>" in events  # JSON in an event stream is no markup: the page's script writes it as text
    assert events.endswith("event: over\ndata: {}\n\n")


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({"prompt": " ", "model": "good"}, 400),
        ({"prompt": "x" * 20_001, "model": "good"}, 400),
        ({"prompt": "x"}, 400),
        ({"prompt": "x", "model": "nobody"}, 404),
    ],
)
async def test_senseless_question_asks_nobody(site, playground, fields, status):
    """Nothing is asked, and the page says why."""
    page = await site.change("/dashboard/playground", **fields)

    assert (status, {}) == (page.status_code, playground.runs)


async def test_too_many_models_or_runs(site, playground):
    """Five models are too many, and so is a second run here."""
    fields = {"_csrf_token": await site.token(), "prompt": "x", "model": list(playground.models())}
    five = await site.post("/dashboard/playground", data=fields)
    await site.change("/dashboard/playground", prompt="x", model="good")
    second = await site.change("/dashboard/playground", prompt="x", model="good")

    assert (400, 409) == (five.status_code, second.status_code)


async def test_old_run_is_said_to_be_gone(site, viewer):
    """An address of a run that is not kept says so; a viewer may not spend money."""
    gone = [await site.get(f"/dashboard/playground{path}?run=r9") for path in ("", "/events")]
    refused = await viewer.get("/dashboard/playground")

    assert [404, 404] == [each.status_code for each in gone]
    assert 403 == refused.status_code
