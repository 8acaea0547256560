"""The judge page: templates shown, edited, tried and promoted, on a real shelf."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import pytest
from sqlalchemy import select

from config.tables import audit
from proxy.desk.judge import HouseJudge
from router.judge.shelf import Shelf
from tests.admin.desks import Jobs


class Judging:
    """A judge that is there, with a shelf of its own."""

    def __init__(self, home):
        self.shelf = Shelf(home)
        self.n_looks = 0

    def state(self):
        known = {"mode": "unsure", "shadow": False, "served_by": "ollama", "model": "llama3", "breaker": "closed"}
        return {"status": "ok", "answers": {"answered": 3}, "cached": 1, "template": "x", **known}

    async def look(self):
        self.n_looks += 1


@pytest.fixture
def judging(tmp_path):
    """A judge."""
    return Judging(tmp_path / "judge")


@pytest.fixture
def jobs():
    """No job yet."""
    return Jobs()


@pytest.fixture
def desk(desk, judging, jobs):
    """A desk with a judge."""
    house = SimpleNamespace(judging=judging, settings=SimpleNamespace(judge=SimpleNamespace(template=None)))
    return replace(desk, judge=HouseJudge(house), jobs=jobs)


async def _twin(site, query=""):
    return (await site.get(f"/dashboard/judge.json{query}")).json()


async def test_template_is_edited_promoted_and_taken_back(site, judging, sqlite_database):
    """Saving puts nothing in charge; promoting does, the judge looks at once, and each step is audited."""
    before = await _twin(site, "?template=plain")
    words = before["shown"]["toml"].replace('name = "plain"', 'name = "mine"').replace("You decide", "Decide")
    saved = await site.change("/dashboard/judge/save", seen=before["seen"], toml=words)
    after = await _twin(site, "?template=mine")
    promoted = await site.change("/dashboard/judge/promote", seen=after["seen"], version=after["shown"]["version"])
    in_charge = (await _twin(site))["in_charge"]
    await site.change("/dashboard/judge/rollback", seen=(await _twin(site))["seen"])
    async with sqlite_database.reading() as connection:
        actions = (await connection.execute(select(audit.c.action).where(audit.c.action.contains("judge")))).scalars()

    assert "is kept as yours" in saved.text
    assert before["in_charge"] == after["in_charge"] == (await _twin(site))["in_charge"]
    assert in_charge == after["shown"]["version"]
    assert "is in charge" in promoted.text
    assert 2 == judging.n_looks
    assert ["save_judge_template", "promote_judge_template", "rollback_judge_template"] == list(actions)


@pytest.mark.parametrize("words", ["", "no toml [", 'name = "x"', 'name = "../x"\n', "x" * 70_000])
async def test_words_that_are_no_template_are_refused(site, words, tmp_path):
    """Nothing is written where a template cannot be read."""
    page = await site.change("/dashboard/judge/save", seen=(await _twin(site))["seen"], toml=words)

    assert 400 == page.status_code
    assert not (tmp_path / "judge").exists()


async def test_second_admin_changes_nothing(site, judging):
    """A page that was opened before another's promotion is refused."""
    seen = (await _twin(site))["seen"]
    await site.change("/dashboard/judge/promote", seen=seen, version="stepwise")
    page = await site.change("/dashboard/judge/promote", seen=seen, version="plain")

    assert 409 == page.status_code
    assert 1 == len(judging.shelf.pointers().promotions)


@pytest.mark.parametrize(("path", "version"), [("promote", "nobody"), ("promote", "../../x@1"), ("rollback", "")])
async def test_what_cannot_be_promoted_is_refused(site, judging, path, version):
    """An unknown template, and a rollback with nothing before, change nothing."""
    page = await site.change(f"/dashboard/judge/{path}", seen=(await _twin(site))["seen"], version=version)

    assert (400, ()) == (page.status_code, judging.shelf.pointers().promotions)


async def test_question_is_tried_beside_the_gateway(site, jobs):
    """A question that begins like an option stays a question; what came of it is shown as text."""
    version = (await _twin(site))["in_charge"]
    await site.change("/dashboard/judge/try", version=version, question="--help me <b>")
    begun = jobs.jobs[0].lines
    busy = await site.change("/dashboard/judge/try", version=version, question="again")
    jobs.jobs.clear()
    found = {
        "selectedModel": "good",
        "confidence": 0.8,
        "reasoning": "<i>hard</i>",
        "outcome": "answered",
        "fault": None,
    }
    jobs.add(kind="judge-try", status="done", result={**found, "template": version, "ms": 12.5})
    page = await site.get("/dashboard/judge", headers={"accept-language": "zh"})

    assert ("judge", "try", "--json", "--template", version, "--", "--help me <b>") == begun
    assert 409 == busy.status_code
    assert "&lt;i&gt;hard&lt;/i&gt;" in page.text


@pytest.mark.parametrize(("version", "question", "status"), [("nobody", "x", 404), ("", "x", 404), ("plain", " ", 400)])
async def test_senseless_try_is_not_begun(site, jobs, version, question, status):
    """Only known versions and real questions reach the command."""
    page = await site.change("/dashboard/judge/try", version=version, question=question)

    assert (status, []) == (page.status_code, jobs.jobs)


async def test_optimising_shows_progress_and_result(site, jobs):
    """While it runs its step is shown, then the agreement of each template with its interval."""
    await site.change("/dashboard/judge/optimise")
    begun = jobs.jobs[0].lines
    jobs.jobs.clear()
    jobs.add(kind="judge-optimise", step="plain", done=3, total=9)
    running = await site.get("/dashboard/judge")
    jobs.jobs.clear()
    trial = {"template": "plain@1", "agreement": 0.5, "low": 0.4, "high": 0.6, "n": 40, "n_unread": 2}
    gain = {"value": 0.1, "low": -0.1, "high": 0.3}
    found = {"current": trial, "others": [trial], "selected": "stepwise@2", "gain": gain, "n_confirming": 20}
    jobs.add(kind="judge-optimise", status="done", result={**found, "why_not": "the interval holds 0"})
    done = await site.get("/dashboard/judge")
    jobs.jobs.clear()
    jobs.add(kind="judge-optimise", status="failed", lines=("thalamus: the judge is not there",))
    failed = await site.get("/dashboard/judge")

    assert ("judge", "optimise", "--json") == begun
    assert "plain: 3 of 9" in running.text
    assert "the interval holds 0" in done.text
    assert "the judge is not there" in failed.text


async def test_unknown_template_in_the_address(site, viewer):
    """It is a 404 in words; a viewer sees the words of a template, and no form."""
    page = await viewer.get("/dashboard/judge?template=stepwise")

    assert 404 == (await site.get("/dashboard/judge?template=nobody")).status_code
    assert "/dashboard/judge/save" not in page.text
    assert "<pre>" in page.text
