"""The savings page: daily sums against named baselines, and the comparison with what was held out."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.admin.desks import Jobs


@pytest.fixture
def jobs():
    """No job yet."""
    return Jobs()


@pytest.fixture
def desk(desk, jobs):
    """A desk that can compare."""
    return replace(desk, jobs=jobs)


async def test_nothing_yet_says_what_to_do(site):
    """An empty page gives the command that fills it."""
    page = await site.get("/dashboard/savings")

    assert "curl" in page.text
    assert "thalamus savings" in page.text


async def test_sums_are_those_of_the_books(site, filled):
    """Completed requests of the period are counted once, by day and by model alike."""
    twin = (await site.get("/dashboard/savings.json?days=7")).json()
    page = await site.get("/dashboard/savings?days=7", headers={"accept-language": "zh"})

    assert 30 == twin["total"]["n_requests"]
    assert 30 == sum(each["n_requests"] for each in twin["by_model"])
    assert "节省的 token" in page.text


async def test_comparison_is_begun_once_and_shown(site, jobs):
    """It runs beside the gateway; its intervals are shown, and too few conversations are said to be too few."""
    await site.change("/dashboard/savings/compare", days="7")
    busy = await site.change("/dashboard/savings/compare", days="7")
    begun = jobs.jobs[0].lines
    jobs.jobs.clear()
    known = {"difference": -120.5, "low": -200.0, "high": -50.0, "n_with_passages": 900, "n_held_out": 100}
    few = {"n_with_passages": 9, "n_held_out": 1, "note": "not enough data yet"}
    experiment = {"conversations_with_passages": 900, "conversations_held_out": 100}
    experiment["measures"] = {"tokens": known, "rating": few}
    jobs.add(kind="savings", status="done", result={"experiment": experiment}, subject="7")
    page = await site.get("/dashboard/savings")

    assert ("savings", "--days", "7", "--json") == begun
    assert 409 == busy.status_code
    assert "-120.5" in page.text
    assert "not enough data yet" in page.text


@pytest.mark.parametrize("days", ["0", "x", "9999", "-1", "٣"])
async def test_senseless_days_are_refused(site, jobs, days):
    """Neither the page nor the comparison takes them."""
    page = await site.get("/dashboard/savings", params={"days": days})
    begun = await site.change("/dashboard/savings/compare", days=days)

    assert (400, 400, []) == (page.status_code, begun.status_code, jobs.jobs)
