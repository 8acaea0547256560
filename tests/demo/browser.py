"""Somebody at the dashboard: logs in with the password, opens pages, and sends their forms as a browser does."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import httpx

from admin.site import CSRF_COOKIE, ROOT

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from tests.demo.gateway import Served

LOOKS_EVERY_S = 0.25


class Browser:
    """A browser that is logged in."""

    def __init__(self, http: httpx.AsyncClient) -> None:
        self._http = http

    async def page(self, path: str) -> str:
        """Return a page. Raises `httpx.HTTPStatusError` for one that fails."""
        return (await self._http.get(f"{ROOT}{path}")).raise_for_status().text

    async def data(self, path: str) -> dict[str, Any]:
        """Return the data of a page, from its `.json` twin. Raises `httpx.HTTPStatusError`."""
        return (await self._http.get(f"{ROOT}{path}.json")).raise_for_status().json()

    async def send(self, path: str, **fields: str) -> None:
        """Send a form. Raises `httpx.HTTPStatusError` where it is refused."""
        form = {"_csrf_token": self._http.cookies[CSRF_COOKIE], **fields}
        answer = await self._http.post(f"{ROOT}{path}", data=form)
        if not answer.is_redirect:
            answer.raise_for_status()

    async def log_in(self, name: str, password: str) -> None:
        """Enter by the login form. Raises `httpx.HTTPStatusError` for a wrong password."""
        await self.page("/login")
        await self.send("/login", name=name, password=password)
        await self.page("/overview")


@asynccontextmanager
async def logged_in(served: Served) -> AsyncGenerator[Browser, None]:
    """Yield a browser of the administrator."""
    async with httpx.AsyncClient(base_url=served.url, timeout=30, headers={"sec-fetch-site": "same-origin"}) as http:
        browser = Browser(http)
        await browser.log_in(served.name, served.password)
        yield browser


async def run_the_house(browser: Browser) -> None:
    """Do what an operator would do once there is some traffic: compare, evaluate, and make a key."""
    await browser.send("/savings/compare", days="30")
    await _until_done(browser, "/savings", "comparison")
    await browser.send("/learning/evaluate", candidate="weights", since="1d")
    await _until_done(browser, "/learning", "evaluation")
    await browser.send("/keys", name="demo-app", scope="chat")


async def _until_done(browser: Browser, path: str, job: str) -> None:
    while (await browser.data(path))[job]["status"] == "running":  # noqa: ASYNC110  # it runs in another process
        await asyncio.sleep(LOOKS_EVERY_S)
