"""What is checked of every request before anything else: how it is framed, which host it names, whether it came round.

Keys are `admission.py`'s; the size of a request's head is `protocol.py`'s.
"""

from __future__ import annotations

import re
import time
from ipaddress import ip_address
from typing import TYPE_CHECKING, Final, cast

from config.checks import is_loopback
from config.errors import ClientFacingError, InvalidRequestError
from config.ids import new_id
from proxy.connection import Connection
from proxy.error_handlers import STARTED, headers_of_undecided
from proxy.error_responses import error_body, headers_for

if TYPE_CHECKING:
    from collections.abc import Sequence

    from litestar.types import ASGIApp, HTTPScope, Receive, Scope, Send

    from config.settings import ServerSettings
    from proxy.house import House

    Headers = Sequence[tuple[bytes, bytes]]

LOCAL_NAMES: Final = frozenset({"localhost", "host.docker.internal", "host.containers.internal"})
"""Names that nobody outside can make lead here: `localhost`, and what containers call the machine they run on."""
MAX_HOPS: Final = 5
"""Gateways of this kind that a request may pass."""
_HOST: Final = re.compile(r"(?P<name>[A-Za-z0-9._-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\])(?::[0-9]{1,5})?")
_HOP: Final = re.compile(r"1\.[01] thalamus-[0-9a-f]{16}")


class Guard:
    """Stands before the whole application."""

    def __init__(self, app: ASGIApp, house: House) -> None:
        self._app = app
        self._house = house

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse, or pass on."""
        fields = cast("dict[str, object]", scope)
        started = time.perf_counter()
        cast("dict[str, object]", fields.setdefault("state", {}))[STARTED] = started
        headers = cast("Headers", fields["headers"])
        try:
            check_framing(headers)
            check_host(headers, self._house.settings.server, http_version=str(fields.get("http_version", "1.1")))
            check_loop(headers, self._house.instance_id)
        except ClientFacingError as error:
            if scope["type"] == "http":
                await _refuse(Connection(cast("HTTPScope", scope), receive, send), error, time.perf_counter() - started)
            else:
                await send({"type": "websocket.close", "code": 1008, "reason": error.code or ""})
            return
        await self._app(scope, receive, send)


def check_framing(headers: Headers) -> None:
    """Raise `InvalidRequestError` where two readers could disagree on where the request ends (RFC 9112, 6.3)."""
    lengths = [value for name, value in headers if name == b"content-length"]
    encodings = [value for name, value in headers if name == b"transfer-encoding"]
    if lengths and encodings:
        raise _unclear("both Content-Length and Transfer-Encoding")
    if len(lengths) > 1:
        raise _unclear("more than one Content-Length")
    if encodings and [value.strip().lower() for value in encodings] != [b"chunked"]:
        raise _unclear("a Transfer-Encoding other than chunked")


def check_host(headers: Headers, server: ServerSettings, *, http_version: str) -> None:
    """Raise `InvalidRequestError` for a Host that is none, or that is not ours.

    A page whose name was made to lead to this machine (DNS rebinding) names its own host here. Where the target is a
    whole URL, `protocol.py` has put that URL's host into the field.
    """
    given = [value for name, value in headers if name == b"host"]
    if not given and http_version == "1.0":
        return
    match = _HOST.fullmatch(given[0].decode("latin-1")) if len(given) == 1 else None
    if match is None:
        raise InvalidRequestError("The request needs one valid Host header.", code="invalid_host")
    name = match["name"].lower().rstrip(".")
    if not is_allowed(name, server):
        raise InvalidRequestError(
            f"This server does not answer as {name!r}; whoever runs it can allow that in 'server.allowed_hosts'.",
            status=421,
            code="host_not_allowed",
        )


def is_allowed(name: str, server: ServerSettings) -> bool:
    """Return whether a host's name, without port and in lower case, may be used for this server.

    Without `allowed_hosts` a server on loopback has this machine's names only, and any other server every name.
    """
    allowed = server.allowed_hosts
    if not allowed and not is_loopback(server.host):
        return True
    if name in LOCAL_NAMES or name.endswith(".localhost") or name == server.host.lower() or _is_loopback_address(name):
        return True
    return any(_fits(name, pattern.lower()) for pattern in allowed)


def check_loop(headers: Headers, instance_id: str) -> None:
    """Raise a 508 where this very process, or too many of its kind, have passed the request on already."""
    hops = hops_of(", ".join(value.decode("latin-1") for name, value in headers if name == b"via"))
    if _hop(instance_id) in hops or len(hops) >= MAX_HOPS:
        raise ClientFacingError(
            "This request came from this gateway: one of its deployments leads back to it.",
            status=508,
            code="loop_detected",
            error_type="server_error",
        )


def via(instance_id: str, received: str | None) -> str:
    """Return the `Via` header for upstreams: the gateways of our kind so far, and this one. Other hops stay here."""
    return ", ".join([*hops_of(received or ""), _hop(instance_id)])


def hops_of(value: str) -> list[str]:
    """Return the entries of a `Via` header that gateways of our kind wrote."""
    return [entry for part in value.split(",") if _HOP.fullmatch(entry := part.strip())]


def _hop(instance_id: str) -> str:
    return f"1.1 thalamus-{instance_id}"


def _is_loopback_address(name: str) -> bool:
    try:
        return ip_address(name.strip("[]")).is_loopback
    except ValueError:
        return False


def _fits(name: str, pattern: str) -> bool:
    if pattern == "*":
        return True
    return name.endswith(pattern[1:]) if pattern.startswith("*.") else name == pattern


def _unclear(what: str) -> InvalidRequestError:
    return InvalidRequestError(f"The request has {what}.", code="invalid_framing", headers={"connection": "close"})


async def _refuse(connection: Connection, error: ClientFacingError, seconds: float) -> None:
    own = [("content-type", "application/json"), ("connection", "close"), ("x-request-id", new_id())]
    always = [(name.decode(), value.decode()) for name, value in headers_of_undecided(seconds)]
    await connection.respond(error.status, [*own, *always, *headers_for(error)], error_body(error))
