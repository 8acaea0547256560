"""What every answer of the dashboard forbids the browser, and which forms are taken."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from admin.page import Refused

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["SAFE_HEADERS", "refuse_foreign_forms"]

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


def refuse_foreign_forms(headers: Mapping[str, str]) -> None:
    """Raise `Refused` for a form that another site sent: a second lock beside the token.

    A browser too old to send `Sec-Fetch-Site` (https://www.w3.org/TR/fetch-metadata/) has the token only.
    """
    if headers.get("sec-fetch-site", "same-origin") not in {"same-origin", "none"}:
        raise Refused("failing.foreign_form", status=403)
