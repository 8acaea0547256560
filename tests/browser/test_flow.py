"""What somebody comes for: see traffic, open one decision, rate its answer, move a weight, and see what it did."""

from __future__ import annotations

import pytest
import pytest_asyncio

from tests.browser.conftest import COMBINATIONS, MARKS
from tests.browser.serving import served

pytestmark = MARKS
HEAD = """
[server]
port = 0
[routing]
shipped_models = false
[health]
find_ollama = false
[classifier]
enabled = false
"""


@pytest_asyncio.fixture(loop_scope="session")
async def site(tmp_path):
    """A gateway of its own: what happens here is seen by nobody else."""
    async with served(tmp_path, head=HEAD) as it:
        yield it


@pytest.mark.parametrize(("language", "theme"), COMBINATIONS)
async def test_traffic_is_seen_explained_rated_and_steered(look, site, language, theme):
    """From a request to a changed share, in each language and theme, with a silent console."""
    seen = await look(site, language=language, theme=theme)
    page = seen.page
    await page.goto("/dashboard/traffic")
    asked = await site.gateway.chat(model="auto")
    assert 200 == asked.status_code, asked.text
    decision = asked.headers["x-thalamus-decision-id"]
    row = page.locator(f"a[href$='{decision}']").first
    await row.click()
    await page.wait_for_url(f"**/dashboard/decisions/{decision}")

    assert decision in await page.locator("main").inner_text()
    await rate(page)
    booked = (await site.gateway.http.get(f"/v1/decisions/{decision}")).json()
    assert 1 == len(booked["outcomes"])

    await page.goto("/dashboard/models")
    await page.locator("tr", has=page.locator("input[name='weight:good']")).locator("input[type=range]").fill("3")
    assert ["25.0\u202f%", "75.0\u202f%"] == await page.locator("[data-share]").all_inner_texts()
    assert "4" == await page.locator("output[data-total=models]").inner_text()
    await page.locator("button[form=weights]").click()
    await page.get_by_role("status").first.wait_for()
    shares = (await site.gateway.http.get("/api/config/weights")).json()["weights"]
    assert {"cheap": 0.25, "good": 0.75} == {each["name"]: each["share"] for each in shares if each["kind"] == "model"}

    await page.goto("/dashboard/audit")
    assert "dashboard:admin" in await page.locator("main").inner_text()
    assert [] == seen.complaints


async def rate(page):
    """Say what one thinks of the answer, and wait until the page says that it was heard."""
    await page.locator("form[action$='/say'] button").first.click()
    await page.get_by_role("status").first.wait_for()
