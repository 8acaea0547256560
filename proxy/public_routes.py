"""The one list of routes that answer without a key; every other route needs one wherever keys are needed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, cast

from proxy.admission import admit_key

if TYPE_CHECKING:
    from litestar.connection import ASGIConnection
    from litestar.datastructures import State
    from litestar.handlers.base import BaseRouteHandler

    from proxy.house import House

PUBLIC_ROUTES: Final = frozenset({"/health", "/health/ready"})
"""Path templates. What stands here is read by anybody who can reach the port: no names, no counts, no content."""
CHECKS_ITSELF: Final = "checks_key_itself"
"""Mark of the relaying routes: their pipeline asks for the key first of all, and refuses in the door's own shape."""


async def needs_key(connection: ASGIConnection[BaseRouteHandler, object, object, State], handler: object) -> None:
    """Guard of the whole application. Raises `AuthenticationError`, `UnavailableError`."""
    del handler
    route = connection.scope["route_handler"]
    if CHECKS_ITSELF in route.opt or connection.scope["path_template"] in PUBLIC_ROUTES:
        return
    house = cast("House", connection.app.state.house)
    await admit_key(house, dict(connection.headers))
