"""The models page: shares, health, and every change that an operator may make."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import insert

from router.learning.profiles import wilson
from router.tables import rollup_deployment_hour, rollup_hour
from tests.admin.desks import Models

NOW = datetime(2026, 11, 21, 15, 30, tzinfo=UTC)
AHEAD = datetime(2026, 11, 23, 9, tzinfo=UTC)


@pytest.fixture
def models():
    """Two models."""
    return Models()


@pytest.fixture
def desk(desk, models):
    """A desk with models."""
    return replace(desk, models=models)


async def _seen(site):
    return (await site.get("/dashboard/models.json")).json()["seen"]


async def test_shares_and_health_are_shown(site, filled):
    """The twin has the realised share; the page says in a word why a deployment is out."""
    twin = (await site.get("/dashboard/models.json?hours=24")).json()
    page = await site.get("/dashboard/models", headers={"accept-language": "zh"})
    models = [each for each in twin["entries"] if each["kind"] == "model"]

    assert 30 == twin["n_requests"]
    assert 1.0 == pytest.approx(sum(each["realised"] for each in models))
    assert {"cheap", "good"} == {each["model"] for each in twin["profile"]}
    assert "已熔断" in page.text


def attempts(at, deployment="good/one", failure_class="", *, n=10, **more):
    """A row of the hourly sums of a deployment, whose model stands before the stroke."""
    empty = {column.name: 0 for column in rollup_deployment_hour.columns}
    key = {"hour": at, "deployment": deployment, "failure_class": failure_class}
    return {**empty, **key, "model": deployment.partition("/")[0], "n_attempts": n, **more}


async def tried(database, *rows):
    """Put rows into the sums of deployments."""
    async with database.writing() as connection:
        await connection.execute(insert(rollup_deployment_hour), rows)


async def deployments_at(open_site, *, hours=24):
    """What the page tells of each deployment at half past three, by name."""
    async with open_site("admin", clock=lambda: NOW) as site:
        twin = (await site.get(f"/dashboard/models.json?hours={hours}")).json()
    return {each["name"]: each for each in twin["deployments"]}


async def test_each_deployment_tells_how_its_attempts_went(site, filled):
    """Attempts, failures with their interval, first content and cost are those of the books."""
    twin = (await site.get("/dashboard/models.json?hours=24")).json()
    found = {each["name"]: each for each in twin["deployments"]}["cheap/one"]
    its = [each for record in filled for each in record.attempts if each.deployment == "cheap/one"]
    n_failed = sum(each.failure_class is not None for each in its)
    first = [each.ttft_ms for each in its if each.ttft_ms is not None]

    assert (len(its), n_failed, "rate") == (found["n_attempts"], found["n_failures"], found["usual_failure"])
    assert wilson(n_failed, len(its)) == (found["failed_low"], found["failed_high"])
    assert pytest.approx(sum(first) / len(first)) == found["mean_ttft_ms"]
    assert pytest.approx(sum(each.cost.usd for each in its if each.cost)) == found["cost_usd"]
    assert (1.0, 0.5, 0) == (found["realised"], found["share"], found["priority"])


async def test_realised_share_is_among_the_attempts_of_the_same_model(open_site, sqlite_database):
    """A deployment that the settings no longer name counts too, beside its model's, without a share by weight."""
    this = NOW.replace(minute=0)
    tries = {"good/one": 30, "good/gone": 10, "cheap/one": 999, "cheap/gone": 9, "away/one": 4}
    await tried(sqlite_database, *(attempts(this, name, n=n) for name, n in tries.items()))
    found = await deployments_at(open_site)

    assert ["cheap/one", "cheap/gone", "good/one", "good/gone", "away/one"] == list(found)
    assert (0.75, 0.25) == (found["good/one"]["realised"], found["good/gone"]["realised"])
    assert (None, None) == (found["good/gone"]["share"], found["good/gone"]["priority"])


async def test_shares_by_weight_name_their_priority_where_a_model_has_several(site, models):
    """A deployment that stands by has all of its own group, which is not all of the model."""
    plain = await site.get("/dashboard/models", headers={"accept-language": "en"})
    entries = models.weights()["weights"]
    spare = {**entries[1], "name": "cheap/spare", "priority": 1, "share": 1.0}
    models.weights = lambda: {"weights": [*entries, spare], "ignored": []}
    page = await site.get("/dashboard/models", headers={"accept-language": "en"})

    assert "<small>priority" not in plain.text
    assert ["0", "1"] == re.findall(r"<small>priority (\d)</small>", page.text)


async def test_requests_at_fault_are_no_failures_of_a_deployment(open_site, sqlite_database):
    """What nobody would have answered is left out of the share of failures, and is not the most frequent one."""
    this = NOW.replace(minute=0)
    failed = [("caller", 50), ("context", 20), ("policy", 20), ("rate", 2), ("transient", 3), ("", 5)]
    await tried(sqlite_database, *(attempts(this, failure_class=name, n=n) for name, n in failed))
    found = (await deployments_at(open_site))["good/one"]

    assert (100, 10, 5, "transient") == tuple(
        found[name] for name in ("n_attempts", "n_judged", "n_failures", "usual_failure")
    )
    assert (0.5, *wilson(5, 10)) == tuple(found[name] for name in ("failed", "failed_low", "failed_high"))


async def test_only_requests_at_fault_say_nothing_of_failures(open_site, sqlite_database):
    """There is no share and no interval of none."""
    await tried(sqlite_database, attempts(NOW.replace(minute=0), failure_class="caller"))
    found = (await deployments_at(open_site))["good/one"]

    assert (10, 0) == (found["n_attempts"], found["n_judged"])
    assert [None] * 4 == [found[name] for name in ("failed", "failed_low", "failed_high", "usual_failure")]


@pytest.mark.parametrize("hours", [1, 24, 168, 720])
async def test_hours_before_the_period_and_ahead_of_the_clock_are_left_out(open_site, sqlite_database, hours):
    """A clock that was put back brings back no request that has not happened, of models as of deployments."""
    this = NOW.replace(minute=0)
    times = (this, this - timedelta(hours=hours), AHEAD)
    await tried(sqlite_database, *(attempts(at, n=n) for at, n in zip(times, (3, 70, 500), strict=True)))
    empty = {column.name: 0 for column in rollup_hour.columns} | {"model": "good", "status": "completed"}
    rows = [
        {**empty, "hour": at, "key_prefix": "", "arm": "", "n_requests": n}
        for at, n in zip(times, (3, 70, 500), strict=True)
    ]
    async with sqlite_database.writing() as connection:
        await connection.execute(insert(rollup_hour), rows)
    async with open_site("admin", clock=lambda: NOW) as site:
        twin = (await site.get(f"/dashboard/models.json?hours={hours}")).json()

    assert 3 == twin["n_requests"]
    assert {"cheap/one": 0, "good/one": 3} == {each["name"]: each["n_attempts"] for each in twin["deployments"]}


@pytest.mark.parametrize("language", ["en", "zh"])
async def test_period_without_attempts_shows_dashes(open_site, sqlite_database, language):
    """Nothing that looks measured: no share, no interval, no time, no cost."""
    async with open_site("admin", clock=lambda: NOW) as site:
        page = (await site.get("/dashboard/models", headers={"accept-language": language})).text
        twin = (await site.get("/dashboard/models.json")).json()
    table = page.partition('id="attempts"')[2].partition("</section>")[0]
    row = table.partition(">good/one<")[2].partition("</tr>")[0]
    measured = ("realised", "failed", "failed_low", "failed_high", "usual_failure", "mean_ttft_ms", "cost_usd")

    assert [None] * 14 == [each[name] for each in twin["deployments"] for name in measured]
    assert 6 == row.count(">–<")
    assert ">0" not in row
    assert "$" not in row


async def test_unknown_cost_is_no_zero(open_site, sqlite_database):
    """Where no attempt has a known cost there is a dash, not a measured nothing."""
    this = NOW.replace(minute=0)
    await tried(sqlite_database, attempts(this, n=4), attempts(this, "cheap/one", n=4, cost_usd=0.25))
    found = await deployments_at(open_site)

    assert (None, 0.25) == (found["good/one"]["cost_usd"], found["cheap/one"]["cost_usd"])


async def test_usual_failure_is_named_in_the_language_of_the_reader(site, filled):
    """As on a decision's page."""
    english = await site.get("/dashboard/models?hours=24", headers={"accept-language": "en"})
    chinese = await site.get("/dashboard/models?hours=24", headers={"accept-language": "zh"})

    assert "rate limit" in english.text
    assert "限速" in chinese.text


async def test_weights_are_set_and_others_are_not(site, models):
    """Only what the form changes is set, with the name of who did it; the page says how many."""
    fields = {"weight:cheap": "1.0", "weight:good": "3", "weight:nobody": "9", "seen": await _seen(site)}
    page = await site.change("/dashboard/models/weights", **fields)

    assert [("weights", {"good": 3.0}, "dashboard:the-admin")] == models.done
    assert "Weights saved: 1" in page.text


@pytest.mark.parametrize("value", ["-1", "nan", "inf", "1e9", "much", "1,5", "1_0", "٣"])
async def test_senseless_weight_saves_nothing(site, models, value):
    """A weight that is none, or far too large, is refused with the name, and no other weight is saved either."""
    fields = {"weight:cheap": "5", "weight:good": value, "seen": await _seen(site)}
    page = await site.change("/dashboard/models/weights", **fields)

    assert (400, []) == (page.status_code, models.done)
    assert "nothing was changed" in page.text


async def test_all_zero_is_refused_in_words(site, models):
    """Draining everybody would answer nobody."""
    page = await site.change(
        "/dashboard/models/weights", **{"weight:cheap": "0", "weight:good": "0", "seen": await _seen(site)}
    )

    assert (400, []) == (page.status_code, models.done)
    assert "every deployment is drained" in page.text


async def test_second_admin_sees_the_first_ones_change(site, models):
    """A form that was opened before somebody else saved changes nothing."""
    seen = await _seen(site)
    await site.change("/dashboard/models/drain", name="cheap")
    page = await site.change("/dashboard/models/weights", **{"weight:good": "3", "seen": seen})

    assert 409 == page.status_code
    assert {"cheap": 0.0, "good": 1.0} == models.set


async def test_form_without_changes_saves_nothing(site, models):
    """Sending the form as it is says so."""
    page = await site.change("/dashboard/models/weights", **{"weight:good": "1.0", "seen": await _seen(site)})

    assert [] == models.done
    assert "Nothing was changed" in page.text


@pytest.mark.parametrize("act", ["drain", "undrain", "trip", "reset"])
async def test_each_act_is_done_and_said(site, models, act):
    """Drain, its undoing, trip and reset reach the gateway under the operator's name."""
    name = "good/one" if act in {"trip", "reset"} else "good"
    page = await site.change(f"/dashboard/models/{act}", name=name)

    assert 200 == page.status_code
    assert "dashboard:the-admin" == models.done[0][-1]


@pytest.mark.parametrize(("act", "name"), [("trip", "nobody"), ("reset", "nobody"), ("trip", ""), ("drain", "")])
async def test_unknown_name_is_not_found(site, models, act, name):
    """A name that nobody has changes nothing."""
    page = await site.change(f"/dashboard/models/{act}", name=name)

    assert (404, []) == (page.status_code, models.done)


async def test_model_is_tested(site):
    """The answer is shown once, as text; a failure says why."""
    good = await site.change("/dashboard/models/test", name="good", question="<i>Which planet?</i>")
    again = await site.get("/dashboard/models")
    bad = await site.change("/dashboard/models/test", name="cheap", question="Which?")
    empty = await site.change("/dashboard/models/test", name="good", question=" ")

    assert "&lt;b&gt;&lt;i&gt;Which planet?&lt;/i&gt;&lt;/b&gt;" in good.text
    assert "Which planet?" not in again.text
    assert "it is down" in bad.text
    assert 400 == empty.status_code


async def test_viewer_sees_no_forms_and_may_not_change(viewer, models):
    """Whoever may only look is shown weights as text, and refused."""
    page = await viewer.get("/dashboard/models")
    refused = await viewer.change("/dashboard/models/drain", name="good")

    assert "/dashboard/models/drain" not in page.text
    assert (403, []) == (refused.status_code, models.done)


async def test_period_that_is_none_is_refused(site):
    """An address with a senseless period says which there are."""
    assert 400 == (await site.get("/dashboard/models?hours=0")).status_code


async def test_page_is_absent_without_its_part(open_site):
    """Where the gateway has nothing to show, there is no page and no link."""
    async with open_site("admin", models=None) as site:
        page = await site.get("/dashboard/models")
        overview = await site.get("/dashboard/overview")

    assert 404 == page.status_code
    assert "/dashboard/models" not in overview.text


async def _believe(site, **fields):
    seen = (await site.get("/dashboard/models.json")).json()["beliefs_seen"]
    return await site.change("/dashboard/models/believe", seen=seen, **fields)


async def test_starting_values_are_set_replaced_and_removed(site, models):
    """One a model, domain and language; the same place again replaces it."""
    await _believe(site, model="good", domain="code", language="zh", quality="0.9")
    await _believe(site, model="good", domain="code", language="zh", quality="0.8")
    await _believe(site, model="cheap", quality="0.4")
    page = await site.get("/dashboard/models", headers={"accept-language": "zh"})
    await _believe(site, model="good", domain="code", language="zh", remove="yes")

    assert "起始值" in page.text
    assert [{"model": "cheap", "domain": "", "language": "", "quality": 0.4}] == models.believed


@pytest.mark.parametrize(("model", "quality", "status"), [("good", "2", 400), ("good", "much", 400), ("x", "0.5", 404)])
async def test_senseless_starting_value_is_refused(site, models, model, quality, status):
    """Nothing is set of it."""
    page = await _believe(site, model=model, quality=quality)

    assert (status, []) == (page.status_code, models.believed)
