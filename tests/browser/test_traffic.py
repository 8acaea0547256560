"""Live traffic in a browser: rows come by themselves, as text; pausing holds them back; a filter holds for what comes."""

from __future__ import annotations

import pytest
import pytest_asyncio

from tests.browser.conftest import MARKS
from tests.browser.serving import served
from tests.e2e.gateway import user

pytestmark = MARKS
HOSTILE = "<img src=x onerror=alert(1)>"


@pytest_asyncio.fixture(loop_scope="session")
async def site(tmp_path):
    """A gateway of its own: what happens here is seen by nobody else."""
    async with served(tmp_path) as it:
        yield it


@pytest.mark.parametrize("language", ["en", "zh"])
async def test_requests_come_by_themselves_and_wait_while_paused(look, site, language):
    """The empty page fills; a prompt is text; what came during a pause is shown after it; nothing complains."""
    seen = await look(site, language=language, theme="light")
    page = seen.page
    await page.goto("/dashboard/traffic")
    await page.locator("[data-traffic-state][data-now=live]").wait_for()
    await site.gateway.chat(model="cheap", messages=user(f"first {HOSTILE}"))
    await page.locator("tbody tr", has_text=f"first {HOSTILE}").wait_for()

    button = page.locator("[data-traffic-pause]")
    await button.click()
    await site.gateway.chat(model="good", messages=user("second"))
    await page.locator("[data-traffic-state]", has_text="· 1").wait_for()
    assert ("true", 1) == (await button.get_attribute("aria-pressed"), await page.locator("tbody tr").count())
    await button.click()
    await page.locator("tbody tr", has_text="second").wait_for()
    rows = await page.locator("tbody tr").all_inner_texts()

    assert (2, True, True) == (len(rows), "second" in rows[0], HOSTILE in rows[1])
    assert [] == seen.complaints


async def test_a_filter_holds_for_what_comes(look, site):
    """Another model's request does not show up; the address can be shared."""
    seen = await look(site, language="en", theme="dark")
    page = seen.page
    await page.goto("/dashboard/traffic?model=good")
    await page.locator("[data-traffic-state][data-now=live]").wait_for()
    await site.gateway.chat(model="cheap", messages=user("not this one"))
    await site.gateway.chat(model="good", messages=user("but this one"))
    await page.locator("tbody tr", has_text="but this one").wait_for()

    assert 1 == await page.locator("tbody tr").count()
    assert [] == seen.complaints
