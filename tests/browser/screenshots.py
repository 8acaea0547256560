"""`make screenshots`: a picture of every page in English and light, and in Chinese and dark, of an imaginary week."""

from __future__ import annotations

import os
from collections.abc import AsyncGenerator
from datetime import UTC, datetime
from pathlib import Path

import pytest
import pytest_asyncio

from admin.pages.all import PAGES
from tests.browser.conftest import MARKS
from tests.browser.serving import Served, served
from tests.browser.week import MODELS, week

pytestmark = MARKS
INTO = Path(os.environ.get("THALAMUS_SCREENSHOTS", ".pytest_cache/screenshots"))


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def site(tmp_path_factory) -> AsyncGenerator[tuple[Served, str]]:
    """A gateway with a week in its books, and the decision that is explained."""
    INTO.mkdir(parents=True, exist_ok=True)  # noqa: ASYNC240  # once
    records, outcomes = week(datetime.now(UTC))
    interesting = max(
        records[:200], key=lambda each: (len(each.attempts) > 1, len(each.passages), -each.ts.timestamp())
    )
    async with served(tmp_path_factory.mktemp("week"), records=records, outcomes=outcomes, models=tuple(MODELS)) as it:
        yield it, interesting.id


@pytest.mark.parametrize(("language", "theme"), [("en", "light"), ("zh", "dark")])
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
async def test_a_picture_is_taken(look, site, page, language, theme):
    """As somebody with an ordinary screen sees it."""
    gateway, decision = site
    seen = await look(gateway, language=language, theme=theme, height=960)
    answer = await seen.page.goto("/dashboard" + page.path.replace("{id:str}", decision) + PERIOD.get(page.name, ""))
    await seen.page.screenshot(path=INTO / f"{page.name}-{language}-{theme}.png")

    assert 200 == answer.status
    assert [] == seen.complaints


PERIOD = {"overview": "?hours=168", "models": "?hours=168", "settings": "#area-2"}
"""What is worth a look over a week, and the part of a page that says nothing of this machine."""
