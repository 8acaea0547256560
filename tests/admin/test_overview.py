from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import insert

from router.tables import rollup_hour
from tests.admin.desks import Models

NOW = datetime(2026, 11, 21, 15, 30, tzinfo=UTC)
AHEAD = datetime(2026, 11, 23, 9, tzinfo=UTC)


def hour(at, *, model="good", status="completed", n=10, **more):
    """A row of the hourly sums: requests of 300 ms each."""
    empty = {column.name: 0 for column in rollup_hour.columns}
    own = {"hour": at, "model": model, "status": status, "key_prefix": "", "arm": "", "n_requests": n, "n_le_500_ms": n}
    return {**empty, **own, "cost_usd": 0.5, "input_tokens": 100, "output_tokens": 20, **more}


@pytest.fixture
async def sums(sqlite_database):
    """Some hours: a good model, a cheap one that fails, a refusal, and an hour eight days ago."""
    this = NOW.replace(minute=0)
    rows = [
        hour(this, n=30),
        hour(this, model="cheap", n=10, n_le_500_ms=0, n_le_5000_ms=10, n_cost_unknown=3),
        hour(this, model="cheap", status="failed_upstream", n=10, n_failovers=4),
        hour(this - timedelta(hours=5), model="", status="refused", n=2, n_le_500_ms=0, n_le_100_ms=2, cost_usd=0),
        hour(this - timedelta(hours=23), n=1, n_le_500_ms=0, n_slower=1),
        hour(this - timedelta(hours=24), n=1000),
        hour(this - timedelta(days=8), n=7),
    ]
    async with sqlite_database.writing() as connection:
        await connection.execute(insert(rollup_hour), rows)
    return rows


@pytest.fixture
async def open_at(open_site):
    """The site at a fixed time."""
    return lambda role="admin", **parts: open_site(role, clock=lambda: NOW, **parts)


async def test_a_day_is_the_hour_begun_and_the_23_before(open_at, sums):
    """What lies before is left out; every hour has its place, also one in which nothing came."""
    async with open_at() as site:
        data = (await site.get("/dashboard/overview.json")).json()

    assert 53 == data["total"]["n_requests"]
    assert 24 == len(data["by_time"])
    assert [1, 0, 50] == [data["by_time"][n]["n_requests"] for n in (0, 1, 23)]
    assert {"2026-11-20T16:00:00+00:00", "2026-11-21T15:00:00+00:00"} == {data["by_time"][n]["at"] for n in (0, 23)}


async def test_failures_are_shares_of_what_a_model_was_asked_for(open_at, sums):
    """A refusal is no failure of a model; the interval stands beside the share."""
    async with open_at() as site:
        total = (await site.get("/dashboard/overview.json")).json()["total"]

    assert (51, 10, 41, 2) == (total["n_asked"], total["n_failed"], total["n_completed"], total["n_refused"])
    assert total["error_rate"] == pytest.approx(10 / 51)
    assert total["error_low"] < total["error_rate"] < total["error_high"]


async def test_percentiles_are_of_answers_and_say_between_which_bounds(open_at, sums):
    """A quick refusal makes nothing look quick."""
    async with open_at() as site:
        total = (await site.get("/dashboard/overview.json")).json()["total"]

    assert (250, 500) == (total["p50"]["low_ms"], total["p50"]["high_ms"])
    assert (2500, 5000) == (total["p95"]["low_ms"], total["p95"]["high_ms"])
    assert 250 < total["p50"]["ms"] < 500


async def test_a_percentile_without_an_upper_bound_is_said_to_be_above(open_at, sums):
    """Longer than the last bucket's end: no number is made up."""
    async with open_at() as site:
        page = await site.get("/dashboard/overview", headers={"accept-language": "en"})

    assert "&gt; 30.0\u202fs" in page.text


@pytest.mark.parametrize(("hours", "points", "n"), [(1, 1, 50), (24, 24, 53), (168, 29, 1053), (720, 31, 1060)])
async def test_every_period_has_few_points(open_at, sums, hours, points, n):
    """Steps of an hour, six hours or a day, which begin with the UTC day."""
    async with open_at() as site:
        data = (await site.get(f"/dashboard/overview.json?hours={hours}")).json()
        page = await site.get(f"/dashboard/overview?hours={hours}")

    assert (hours, points, n) == (data["hours"], len(data["by_time"]), data["total"]["n_requests"])
    assert 200 == page.status_code
    assert n == sum(each["n_requests"] for each in data["by_time"])


@pytest.mark.parametrize("value", ["0", "-1", "25", "NaN", "day", "", "1e3", "9" * 300])
async def test_a_period_that_is_none_is_refused_in_words(open_at, value):
    """Both as a page and as data."""
    async with open_at() as site:
        page = await site.get("/dashboard/overview", params={"hours": value})
        twin = await site.get("/dashboard/overview.json", params={"hours": value})

    assert (400, 400, "asked.bad_period") == (page.status_code, twin.status_code, twin.json()["error"]["code"])


@pytest.mark.parametrize(("language", "words"), [("en", "No request came"), ("zh", "没有请求")])
async def test_nothing_yet_gives_the_command_that_changes_it(open_at, language, words):
    """No empty charts."""
    async with open_at() as site:
        page = await site.get("/dashboard/overview", headers={"accept-language": language})

    assert words in page.text
    assert "curl http://127.0.0.1:8000/v1/chat/completions" in page.text
    assert "<figure" not in page.text


async def test_both_languages_show_models_and_unknown_prices(open_at, sums):
    """A viewer may look."""
    async with open_at("viewer") as site:
        english = (await site.get("/dashboard/overview", headers={"accept-language": "en"})).text
        chinese = (await site.get("/dashboard/overview", headers={"accept-language": "zh"})).text

    assert "price unknown for 3 requests" in english
    assert "3 个请求价格未知" in chinese
    assert "(refused before a choice)" in english
    assert 2 == english.count('<figure class="chart" data-uplot=')


@pytest.mark.parametrize("hours", [1, 24, 168, 720])
async def test_hours_ahead_of_a_clock_that_was_put_back_are_left_out(open_at, sqlite_database, hours):
    """The page is there, with what came until now."""
    async with sqlite_database.writing() as connection:
        await connection.execute(insert(rollup_hour), [hour(NOW.replace(minute=0), n=3), hour(AHEAD, n=5)])
    async with open_at() as site:
        data = (await site.get(f"/dashboard/overview.json?hours={hours}")).json()

    assert 3 == data["total"]["n_requests"] == sum(each["n_requests"] for each in data["by_model"])


async def test_what_searching_and_cheaper_models_saved_is_said_with_its_baseline(open_at, filled):
    """From the daily sums."""
    async with open_at() as site:
        data = (await site.get("/dashboard/overview.json?hours=720")).json()

    assert {"days": 30} == {"days": data["savings"]["days"]}
    assert {"saved_tokens", "saved_usd", "n_priced", "n_passages"} <= data["savings"].keys()


async def test_who_is_out_of_play_stands_on_top(open_at, sums):
    """By word and icon; where no gateway is at hand, there is no strip."""
    async with open_at(models=Models()) as site:
        data = (await site.get("/dashboard/overview.json")).json()
        page = (await site.get("/dashboard/overview")).text
    async with open_at() as site:
        without = await site.get("/dashboard/overview.json")

    assert ["open", "closed"] == [each["state"] for each in data["deployments"]]
    assert "Out of play" in page
    assert "1 in play" in page
    assert without.json()["deployments"] is None


async def test_a_drained_deployment_is_said_to_be(open_at, sums):
    """It is not broken."""
    desk = Models()
    desk.set["good"] = 0.0
    async with open_at(models=desk) as site:
        page = (await site.get("/dashboard/overview")).text

    assert "Drained" in page
    assert "0 in play" in page


async def test_all_in_play_is_one_word(open_at, sums):
    """Nothing to look at."""
    desk = Models()
    desk.health = dict
    async with open_at(models=desk) as site:
        page = (await site.get("/dashboard/overview")).text

    assert "All 2 in play" in page


async def test_the_page_asks_few_questions(open_at, sums, statements):
    """The session, its notice, sums by time, by model, and savings by day."""
    async with open_at() as site:
        statements.clear()
        await site.get("/dashboard/overview?hours=720")

    assert len([each for each in statements if "rollup" in each]) == 3
