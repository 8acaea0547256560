"""A page that says what happened and what to do, whenever a visit cannot be answered."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import structlog
from litestar.exceptions import HTTPException, PermissionDeniedException
from litestar.response import Response

from admin.page import Refused
from config.errors import StorageError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from litestar import Request

__all__ = ["EXCEPTION_HANDLERS"]

log = structlog.stdlib.get_logger("thalamus.admin")


def _refused(request: Request[Any, Any, Any], error: Refused) -> Response[Any]:
    answer = _say(request, error.key, error.status, error.values)
    if error.status == 429:  # noqa: PLR2004  # too many requests: who sends them by a program is told when to go on
        answer.set_header("retry-after", str(error.values["seconds"]))
    return answer


def _database(request: Request[Any, Any, Any], error: StorageError) -> Response[Any]:
    log.warning("dashboard_without_database", reason=str(error))
    return _say(request, "failing.database", 503, {})


def _http(request: Request[Any, Any, Any], error: HTTPException) -> Response[Any]:
    if isinstance(error, PermissionDeniedException):  # Litestar's own check of the form's token
        return _say(request, "failing.stale_form", 403, {})
    key = {404: "failing.no_such_page", 405: "failing.no_such_page", 413: "failing.too_large"}
    return _say(request, key.get(error.status_code, "failing.bad_request"), error.status_code, {})


def _bug(request: Request[Any, Any, Any], error: Exception) -> Response[Any]:
    log.error("dashboard_failed", path=request.url.path, exc_info=error)
    return _say(request, "failing.bug", 500, {})


def _say(request: Request[Any, Any, Any], key: str, status: int, values: Mapping[str, object]) -> Response[Any]:
    from admin.site import html, site_of, texts_of  # noqa: PLC0415  # the site is made of this file's handlers

    if request.url.path.endswith(".json"):
        message = texts_of(request, site_of(request))(key, **values)
        return Response({"error": {"message": message, "code": key}}, status_code=status)
    return html(request, "failing.html", {"key": key, "values": values, "status": status}, user=None, status=status)


EXCEPTION_HANDLERS: dict[int | type[Exception], Callable[[Request[Any, Any, Any], Any], Response[Any]]] = {
    Refused: _refused,
    StorageError: _database,
    HTTPException: _http,
    Exception: _bug,
}
