"""A page that says what happened and what to do, whenever a visit cannot be answered."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

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
    context = {"key": key, "values": values, "status": status, "came_from": _came_from(request)}
    return html(request, "failing.html", context, user=None, status=status)


def _came_from(request: Request[Any, Any, Any]) -> str | None:
    """Return the page of ours that led here, so that who was in the midst of something goes on there."""
    from admin.site import ROOT, safe_next  # noqa: PLC0415  # as above

    try:
        parts = urlsplit(request.headers.get("referer", ""))
    except ValueError:
        return None
    path = parts.path + (f"?{parts.query}" if parts.query else "")
    here = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    is_other = (request.method == "POST" or path != here) and parts.path not in {f"{ROOT}/login", f"{ROOT}/logout"}
    return path if is_other and parts.netloc == request.headers.get("host") and safe_next(path) == path else None


EXCEPTION_HANDLERS: dict[int | type[Exception], Callable[[Request[Any, Any, Any], Any], Response[Any]]] = {
    Refused: _refused,
    StorageError: _database,
    HTTPException: _http,
    Exception: _bug,
}
