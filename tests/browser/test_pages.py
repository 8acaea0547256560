"""Every page, in a real browser: no complaint of the console, no barrier, no foreign request, no sideways scrolling."""

from __future__ import annotations

from pathlib import Path

import pytest

from admin.pages.all import PAGES
from tests.browser.conftest import COMBINATIONS, MARKS

HERE = Path(__file__).parent
AXE = (HERE / "axe" / "axe.min.js").read_text("utf-8")
pytestmark = MARKS
SERIOUS = {"serious", "critical"}
MAX_WEIGHT_BYTES = 450_000
"""Of a first visit, uncompressed: page, stylesheet, scripts."""


@pytest.fixture(params=PAGES, ids=lambda page: page.name)
def page(request):
    """Each page there is."""
    return request.param


@pytest.fixture
def address(page, decisions):
    """Where it is; parameters name something that there is."""
    return "/dashboard" + page.path.replace("{id:str}", decisions[0].id).replace("{decision_id:str}", decisions[0].id)


async def barriers(browser_page):
    """What stands in the way of those who do not see, or use no mouse, as axe-core finds it."""
    await browser_page.evaluate(AXE)
    found = await browser_page.evaluate("axe.run(document, {resultTypes: ['violations']})")
    return [
        f"{each['id']}: {node['target']} {node.get('failureSummary', '')}"
        for each in found["violations"]
        if each["impact"] in SERIOUS
        for node in each["nodes"]
    ]


@pytest.mark.parametrize(("language", "theme"), COMBINATIONS)
async def test_a_page_raises_no_complaint_and_no_barrier(look, filled_site, page, address, language, theme):
    """The console is silent, axe finds nothing serious, nothing is fetched from elsewhere, and it is little.

    Made as narrow as a telephone, nothing but tables and pictures, in frames of their own, scrolls sideways.
    """
    seen = await look(filled_site, language=language, theme=theme)
    answer = await seen.page.goto(address)
    found = await barriers(seen.page)
    await seen.page.set_viewport_size({"width": 360, "height": 740})
    await seen.page.wait_for_function("document.documentElement.scrollWidth <= 360", timeout=5_000)

    assert 200 == answer.status
    assert [] == found
    assert [] == seen.complaints
    assert [] == [each.url for each in seen.answers if not each.url.startswith(filled_site.url)]
    assert await seen.weight_bytes() <= MAX_WEIGHT_BYTES


@pytest.mark.parametrize("page", [each for each in PAGES if "{" not in each.path], ids=lambda page: page.name)
async def test_a_page_without_anything_to_show_says_so(look, empty_site, page):
    """Before the first request there is no complaint either."""
    seen = await look(empty_site)
    answer = await seen.page.goto(f"/dashboard{page.path}")

    assert 200 == answer.status
    assert [] == await barriers(seen.page)
    assert [] == seen.complaints


async def test_a_page_reads_well_without_a_script(look, filled_site, page, address):
    """The heading, the question and what follows are all there."""
    seen = await look(filled_site, java_script_enabled=False)
    await seen.page.goto(address)

    assert await seen.page.locator("h1").is_visible()
    assert await seen.page.locator("main .question").is_visible()
    assert (await seen.page.locator("main").inner_text()).count("\n") > 2
