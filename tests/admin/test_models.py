"""The models page: shares, health, and every change that an operator may make."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.admin.desks import Models


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
