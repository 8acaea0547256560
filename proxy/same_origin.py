"""Tells an operator from a page in the operator's browser, where no key does: by what a page may not send unasked."""

from __future__ import annotations

from typing import TYPE_CHECKING

from config.errors import UnsupportedMediaTypeError

if TYPE_CHECKING:
    from collections.abc import Mapping

JSON = "application/json"


def refuse_what_pages_can_send(headers: Mapping[str, str]) -> None:
    """Raise `UnsupportedMediaTypeError` for a POST that a page of another origin may send without being asked for it.

    `application/json` it may not, see https://fetch.spec.whatwg.org/#cors-safelisted-request-header. `headers` has
    lower-case names.
    """
    if headers.get("content-type", "").partition(";")[0].strip().lower() != JSON:
        raise UnsupportedMediaTypeError(
            f"Send the header 'content-type: {JSON}'; a route that reads no body takes an empty one."
        )
