"""Leads requests below `/dashboard` to the pages, and all others on; the pages are loaded when somebody first comes."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final, cast

import structlog

from config.errors import SettingsError
from proxy.connection import Connection

if TYPE_CHECKING:
    from litestar.types import ASGIApp, HTTPScope, Receive, Scope, Send

    from admin.site import Site
    from proxy.house import House

ROOT: Final = "/dashboard"
LEADING_THERE: Final = frozenset({"/admin", "/admin/"})
LEADING_THERE_ON_ITS_PORT: Final = frozenset({"/", *LEADING_THERE})

log = structlog.stdlib.get_logger("thalamus.proxy.dashboard")


class Dashboard:
    """Stands between the guard and the application; a relayed request costs it one look at its path."""

    def __init__(self, app: ASGIApp, house: House) -> None:
        self._app = app
        self._house = house
        self._site: ASGIApp | None = None
        self._building = asyncio.Lock()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a page, or pass on."""
        fields = cast("dict[str, object]", scope)
        path = cast("str", fields["path"])
        if not path.startswith((ROOT, "/admin")) or scope["type"] != "http" or not self.is_ours(path):
            await self._app(scope, receive, send)
        else:
            await self.serve(cast("HTTPScope", scope), receive, send)

    def is_ours(self, path: str) -> bool:
        """Return whether a page stands at this path, while pages are served."""
        is_here = path == ROOT or path.startswith(f"{ROOT}/") or path in LEADING_THERE
        return is_here and self._house.settings.dashboard.enabled

    async def serve(self, scope: HTTPScope, receive: Receive, send: Send) -> None:
        """Serve a page."""
        if scope["path"] in LEADING_THERE_ON_ITS_PORT:
            await Connection(scope, receive, send).respond(303, [("location", ROOT)], b"")
            return
        try:
            site = self._site or await self._built()
        except SettingsError as error:
            log.error("dashboard_not_served", reason=str(error))  # noqa: TRY400  # the reason is enough
            plain = [("content-type", "text/plain; charset=utf-8")]
            await Connection(scope, receive, send).respond(503, plain, SECRET_MISSING.encode())
            return
        await site(scope, receive, send)

    async def _built(self) -> ASGIApp:
        async with self._building:
            if self._site is None:
                self._site = await asyncio.to_thread(_build, self._house)
        return self._site


class OwnPort:
    """The dashboard alone, for a port of its own."""

    def __init__(self, dashboard: Dashboard) -> None:
        self._dashboard = dashboard

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a page; there is nothing else here."""
        if scope["type"] != "http":
            await send({"type": "websocket.close", "code": 1008, "reason": ""})
        elif self._dashboard.is_ours(scope["path"]) or scope["path"] == "/":
            await self._dashboard.serve(scope, receive, send)
        else:
            plain = [("content-type", "text/plain; charset=utf-8")]
            await Connection(scope, receive, send).respond(404, plain, NOTHING_ELSE.encode())


SECRET_MISSING: Final = "The dashboard cannot be served: its secret cannot be read or made. The log says why.\n"  # noqa: S105  # a sentence
NOTHING_ELSE: Final = "This port serves the dashboard only; it is at /dashboard.\n"


def _build(house: House) -> ASGIApp:
    """Load and build the site, in a thread, so that relayed requests do not wait for it."""
    from admin.session_store import SessionStore  # noqa: PLC0415  # most gateways serve long before anybody looks
    from admin.site import create_site  # noqa: PLC0415
    from proxy.desk.wiring import build_desk  # noqa: PLC0415

    desk = build_desk(house)
    site = create_site(desk, SessionStore(desk.database))
    cast("Site", site.state["site"]).renderer.compile_all()
    return cast("ASGIApp", site)
