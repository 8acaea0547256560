"""What every answer of the dashboard forbids the browser, and which forms are taken."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from admin.page import Refused

if TYPE_CHECKING:
    from collections.abc import Mapping

    from litestar.types import Message, Scope

__all__ = ["SAFE_HEADERS", "add_safe_headers", "refuse_foreign_forms"]

SAFE_HEADERS: Final[Mapping[str, str]] = {
    "content-security-policy": (
        "default-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'none'; form-action 'self'; "
        "frame-ancestors 'none'"
    ),
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "permissions-policy": "camera=(), microphone=(), geolocation=()",
}
_ENCODED: Final = [(name.encode(), value.encode()) for name, value in SAFE_HEADERS.items()]


async def add_safe_headers(message: Message, _scope: Scope) -> None:
    """Put them on an answer, whoever made it: a page, a file, an error that came before any handler."""
    if message["type"] == "http.response.start":
        message["headers"] = [*message.get("headers", ()), *_ENCODED]


def refuse_foreign_forms(headers: Mapping[str, str]) -> None:
    """Raise `Refused` for a form that another site sent: a second lock beside the token.

    A browser too old to send `Sec-Fetch-Site` (https://www.w3.org/TR/fetch-metadata/) has the token only.
    """
    if headers.get("sec-fetch-site", "same-origin") not in {"same-origin", "none"}:
        raise Refused("failing.foreign_form", status=403)
