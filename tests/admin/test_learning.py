"""The learning page: the curve, versions put in force and taken back, another policy on old traffic."""

from __future__ import annotations

from dataclasses import replace

import pytest
from sqlalchemy import select

from config.tables import audit
from tests.admin.desks import Jobs, Learning


@pytest.fixture
def learning():
    """Three versions."""
    return Learning()


@pytest.fixture
def jobs():
    """No job yet."""
    return Jobs()


@pytest.fixture
def desk(desk, learning, jobs):
    """A desk that learns."""
    return replace(desk, learning=learning, jobs=jobs)


async def _audited(database):
    async with database.reading() as connection:
        rows = await connection.execute(select(audit.c.actor, audit.c.action, audit.c.before, audit.c.after))
        return [tuple(row) for row in rows if "policy" in row.action]


async def test_curve_and_versions_are_shown(site):
    """The picture has its sentence and table; names from data are text."""
    page = await site.get("/dashboard/learning")
    twin = (await site.get("/dashboard/learning.json")).json()

    assert "<svg" in page.text
    assert "learned &lt;i&gt;" in page.text
    assert ["v-00000003", "v-00000002", "v-00000001"] == [each["id"] for each in twin["versions"]]
    assert [12, 20] == [each["n"] for each in twin["curve"]]


async def test_promotion_and_rollback_are_audited(site, learning, sqlite_database):
    """Each puts another version in force and writes which there was before."""
    await site.change("/dashboard/learning/promote", version="v-00000003")
    promoted = learning.active
    page = await site.change("/dashboard/learning/rollback")

    assert ("v-00000003", "v-00000001") == (promoted, learning.active)
    assert "v-00000001 is in force" in page.text
    assert [
        ("dashboard:the-admin", "promote_policy", "v-00000002", "v-00000003"),
        ("dashboard:the-admin", "rollback_policy", "v-00000003", "v-00000001"),
    ] == await _audited(sqlite_database)


@pytest.mark.parametrize("version", ["", "v-0000000g", "v-99999999", "<script>"])
async def test_unknown_version_changes_nothing(site, learning, sqlite_database, version):
    """A version that is none is not put in force, and nothing is audited."""
    page = await site.change("/dashboard/learning/promote", version=version)

    assert (404, "v-00000002") == (page.status_code, learning.active)
    assert [] == await _audited(sqlite_database)


async def test_what_if_runs_beside_and_is_shown(site, jobs):
    """The command is the one of the terminal; while it runs the page says so, and then shows its numbers."""
    asked = await site.change("/dashboard/learning/evaluate", candidate="weights", since="7d")
    busy = await site.change("/dashboard/learning/evaluate", candidate="weights", since="7d")
    number = {"value": 0.61, "low": 0.5, "high": 0.7}
    part = {"estimates": {"doubly_robust": number}, "current": number, "refused": []}
    report = {"decisions": 500, "conversations": 80, "quality": [part], "cost_usd": [part]}
    jobs.jobs.clear()
    verdict = {"verdict": {"en": "It is not better.", "zh": "并不更好。"}}
    jobs.add(kind="evaluate", status="done", result={**report, **verdict}, subject="weights")
    page = await site.get("/dashboard/learning", headers={"accept-language": "zh"})

    assert "is being judged" in asked.text
    assert 409 == busy.status_code
    assert "0.61" in page.text
    assert "并不更好。" in page.text


async def test_failed_what_if_says_why(site, jobs):
    """What the command said is on the page, as text."""
    jobs.add(kind="evaluate", status="failed", lines=("thalamus: no decision <yet>",))
    jobs.add(kind="other", status="running")
    page = await site.get("/dashboard/learning")

    assert "no decision &lt;yet&gt;" in page.text


@pytest.mark.parametrize("fields", [{"candidate": "--help", "since": "7d"}, {"candidate": "weights", "since": "1y"}])
async def test_senseless_what_if_is_not_begun(site, jobs, fields):
    """Only versions, weights and offered periods reach the command."""
    page = await site.change("/dashboard/learning/evaluate", **fields)

    assert page.status_code in {400, 404}
    assert [] == jobs.jobs


async def test_newest_opinions_are_steps_of_the_same_number(site, filled):
    """Ten ratings are two steps of five; signs that no person gave are not opinions."""
    recent = (await site.get("/dashboard/learning.json")).json()["recent"]

    assert [5, 5] == [each["n"] for each in recent]
    assert recent[0]["to"] <= recent[1]["from"]
    assert all(each["low"] <= each["success_rate"] <= each["high"] for each in recent)
