"""The relaying routes: raw ASGI below Litestar's handler layer, one door each."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from litestar import asgi

from config.errors import MethodNotAllowedError
from config.ids import new_id
from proxy.connection import Connection
from proxy.doors import ANTHROPIC, EMBEDDINGS, OPENAI, ROUTE, UNIFIED, Door
from proxy.error_responses import headers_for
from proxy.pipeline import handle
from proxy.public_routes import CHECKS_ITSELF

if TYPE_CHECKING:
    from litestar.handlers import ASGIRouteHandler
    from litestar.types import HTTPScope, Receive, Scope, Send

    from proxy.house import House

PATHS: dict[str, Door] = {
    "/v1/chat/completions": OPENAI,
    "/chat/completions": OPENAI,
    "/v1/embeddings": EMBEDDINGS,
    "/embeddings": EMBEDDINGS,
    "/api/chat": UNIFIED,
    "/route": ROUTE,
    "/api/claude": ANTHROPIC,
    "/api/claude/v1/messages": ANTHROPIC,  # where Anthropic's SDK asks with the base URL /api/claude
}


def relay_routes(house: House) -> list[ASGIRouteHandler]:
    """Return one raw route per path; each takes POST only."""
    return [_route(house, path, door) for path, door in PATHS.items()]


def _route(house: House, path: str, door: Door) -> ASGIRouteHandler:
    async def relay(scope: Scope, receive: Receive, send: Send) -> None:
        connection = Connection(cast("HTTPScope", scope), receive, send)
        if connection.method != "POST":
            await _refuse_method(connection, path, door)
            return
        await handle(house, door, connection)

    return asgi(path, copy_scope=False, opt={CHECKS_ITSELF: True})(relay)


async def _refuse_method(connection: Connection, path: str, door: Door) -> None:
    error = MethodNotAllowedError(f"{path} takes POST, not {connection.method}.")
    headers = [("content-type", "application/json"), ("allow", "POST"), ("x-request-id", new_id()), *headers_for(error)]
    await connection.respond(error.status, headers, door.error_body(error))
