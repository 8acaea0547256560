"""A real browser at the dashboard. Needs a Chromium: `tests/bin/ensure-chromium` installs Debian's."""

from __future__ import annotations

import os
import shutil
from collections.abc import AsyncGenerator, Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime

import pytest
import pytest_asyncio
from playwright.async_api import Browser, BrowserContext, Page, Request, Response, async_playwright

from config.types import DecisionRecord
from tests.admin.conftest import a_decision
from tests.browser.serving import Served, served

BROWSERS = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome")
MARKS = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]
"""`pytestmark` of every file here: the browser lives in the session's loop, and `make check` leaves it out."""
COMBINATIONS = [("en", "light"), ("en", "dark"), ("zh", "light"), ("zh", "dark")]


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def chromium() -> AsyncGenerator[Browser]:
    """A browser without a window; where none can be had it fails in CI and skips elsewhere."""
    named = os.environ.get("THALAMUS_CHROMIUM") or next(filter(None, map(shutil.which, BROWSERS)), None)
    if named is None:
        reason = "no Chromium is installed; tests/bin/ensure-chromium installs one"
        if os.environ.get("CI") or os.environ.get("THALAMUS_REQUIRE_CHROMIUM"):
            pytest.fail(reason, pytrace=False)
        pytest.skip(reason)
    # root has no other way, and /dev/shm is small in containers
    options = ["--disable-dev-shm-usage", *(["--no-sandbox"] if os.geteuid() == 0 else [])]
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=named, args=options)
        yield browser
        await browser.close()


@pytest.fixture(scope="session")
def decisions() -> list[DecisionRecord]:
    """What the filled dashboard shows, newest first."""
    now = datetime.now(UTC)
    return [a_decision(n, now=now) for n in range(60)]


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def filled_site(tmp_path_factory, decisions) -> AsyncGenerator[Served]:
    """A gateway with sixty decisions in its books."""
    async with served(tmp_path_factory.mktemp("filled"), records=decisions) as site:
        yield site


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def empty_site(tmp_path_factory) -> AsyncGenerator[Served]:
    """A gateway before the first request."""
    async with served(tmp_path_factory.mktemp("empty")) as site:
        yield site


@dataclass(slots=True)
class Seen:
    """What a browser noticed while it showed pages."""

    page: Page
    complaints: list[str] = field(default_factory=list)
    """Errors and warnings of the console, exceptions, requests that failed."""
    answers: list[Response] = field(default_factory=list)
    """Of whatever was fetched."""

    def watch(self) -> None:
        """Note from now on."""
        self.page.on("console", lambda said: said.type in {"error", "warning"} and self.complaints.append(said.text))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("requestfailed", lambda request: self._fail(request))  # noqa: PLW0108  # see below
        self.page.on("response", lambda answer: self._keep(answer))  # noqa: PLW0108  # Playwright marks what it is given

    def _fail(self, request: Request) -> None:
        if request.failure != "net::ERR_ABORTED":  # who leaves a page ends its stream of events
            self.complaints.append(f"failed: {request.url}: {request.failure}")

    def _keep(self, answer: Response) -> None:
        self.answers.append(answer)

    async def weight_bytes(self) -> int:
        """Return the size of all that was fetched, uncompressed; a stream of events has none."""
        ended = [each for each in self.answers if "event-stream" not in each.headers.get("content-type", "")]
        return sum([len(await each.body()) for each in ended])


Look = Callable[..., Awaitable[Seen]]


@pytest_asyncio.fixture(loop_scope="session")
async def look(chromium: Browser) -> AsyncGenerator[Look]:
    """Open a browser at a dashboard, as somebody has it: language, theme, width, role (`None`: not logged in)."""
    opened: list[BrowserContext] = []

    async def looking(  # what one browser differs in from another
        site: Served, *, language="en", theme="light", width=1440, height=900, role="admin", **options
    ) -> Seen:
        context = await chromium.new_context(
            viewport={"width": width, "height": height},
            locale={"en": "en-GB", "zh": "zh-CN"}[language],
            color_scheme=theme,
            base_url=site.url,
            **options,
        )
        opened.append(context)
        if role is not None:
            await context.add_cookies(
                [{"name": "thalamus_session", "value": site.cookies[role], "url": f"{site.url}/dashboard"}]
            )
        await context.add_init_script("window.alert = (words) => console.error(`alert: ${words}`)")
        seen = Seen(await context.new_page())
        seen.page.set_default_timeout(15_000)
        seen.watch()
        return seen

    yield looking
    for context in opened:
        await context.close()
