"""Errors of the ordinary routes in the shape of their dialect, and the headers that every response carries."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, cast

import structlog
from litestar import Response
from litestar.exceptions import HTTPException

from config.errors import (
    ClientFacingError,
    InvalidRequestError,
    MethodNotAllowedError,
    NotFoundError,
    PayloadTooLargeError,
    StorageError,
    ThalamusError,
    UnavailableError,
)
from config.ids import new_id
from proxy.error_responses import anthropic_error_body, error_body, headers_for, unexpected

if TYPE_CHECKING:
    from collections.abc import Callable

    from litestar import Request
    from litestar.datastructures import State
    from litestar.types import Message, Scope

log = structlog.stdlib.get_logger("thalamus.proxy.errors")

STARTED = "thalamus_started"
"""Where `proxy/guard.py` notes in a request's scope when it began, in seconds of `time.perf_counter`."""
_ANTHROPICS = "/api/claude/"
"""Below it Anthropic's clients ask."""


def show(request: Request[object, object, State], error: Exception) -> Response[bytes]:
    """Answer with an error in the shape of the path's dialect.

    What is not meant for clients is logged and shown as a plain 500.
    """
    shown = client_facing(error, method=request.method, path=request.url.path)
    if shown.status >= 500:  # noqa: PLR2004  # HTTP's line between their fault and ours
        trace = None if isinstance(error, ThalamusError) else error  # an outage needs no stack trace
        log.error("request_failed", path=request.url.path, error=type(error).__name__, exc_info=trace)
    write = anthropic_error_body if request.url.path.startswith(_ANTHROPICS) else error_body
    return Response(
        write(shown), status_code=shown.status, media_type="application/json", headers=dict(headers_for(shown))
    )


def client_facing(error: Exception, *, method: str, path: str) -> ClientFacingError:  # noqa: PLR0911  # one line a case
    """Translate any error into one that a client may see."""
    match error:
        case ClientFacingError():
            return error
        case StorageError():
            return UnavailableError("The books cannot be read now.", code="database_unavailable", retry_after_s=5)
        case HTTPException(status_code=404):
            return NotFoundError(f"There is no {path} here.", code="unknown_url")
        case HTTPException(status_code=405):
            return MethodNotAllowedError(f"{path} does not take {method}.")
        case HTTPException(status_code=413):
            return PayloadTooLargeError("The request body is too large.")
        case HTTPException(status_code=status) if 400 <= status < 500:  # noqa: PLR2004
            return InvalidRequestError(error.detail, status=status)
        case _:
            return unexpected()


async def add_missing_headers(message: Message, scope: Scope) -> None:
    """Give every response the headers of a decision, also where nothing was decided."""
    if message["type"] != "http.response.start":
        return
    headers = list(message.get("headers", ()))
    present = {name.lower() for name, _ in headers}
    if not present >= _ALWAYS:
        state = cast("dict[str, float]", scope.get("state", {}))  # pyright: ignore[reportUnknownMemberType]
        started = state.get(STARTED, time.perf_counter())
        undecided = headers_of_undecided(time.perf_counter() - started)
        message["headers"] = [*headers, *((name, value) for name, value in undecided if name not in present)]


def headers_of_undecided(seconds: float) -> list[tuple[bytes, bytes]]:
    """Return the headers of a response for which nothing was decided; it took `seconds` so far."""
    return [
        (b"x-thalamus-decision-id", new_id().encode()),
        (b"x-thalamus-attempts", b"0"),
        (b"server-timing", f"total;dur={seconds * 1000:.2f}".encode()),
    ]


_ALWAYS = frozenset(name for name, _ in headers_of_undecided(0.0))


EXCEPTION_HANDLERS: dict[type[Exception] | int, Callable[..., Response[bytes]]] = {Exception: show}
