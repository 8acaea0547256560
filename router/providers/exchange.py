"""One HTTP exchange of a provider: sending what was prepared, refusing what is no answer, leaving a used connection."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final
from urllib.parse import urlencode

from config.errors import UpstreamError
from router.failures import error_from_event, error_from_response
from router.providers.base import MAX_ERROR_BODY_BYTES, UpstreamRequest
from router.providers.json_values import as_object, decode

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from config.types import Json
    from router.providers.base import Prepared, Target, UpstreamResponse, Wire

_DRAIN_S: Final = 0.25
"""How long the end of a finished answer's body is waited for, so that its connection can be used again."""


def join_url(target: Target, path: str) -> str:
    """Return the URL of `path` below the deployment's base, with its query."""
    url = f"{target.base_url.rstrip('/')}{path}"
    return f"{url}?{urlencode(target.query)}" if target.query else url


async def send_streamed(prepared: Prepared, wire: Wire) -> UpstreamResponse:
    """Send a request whose answer streams; its silences are bounded by the idle deadline."""
    return await wire.transport.send(_to_request(prepared, wire.connect_s, wire.idle_s))


async def send_plain(prepared: Prepared, wire: Wire) -> UpstreamResponse:
    """Send a request whose answer comes whole; only the total deadline bounds it."""
    return await wire.transport.send(_to_request(prepared, wire.connect_s, None))


def _to_request(prepared: Prepared, connect_s: float, idle_s: float | None) -> UpstreamRequest:
    headers = prepared.headers
    via = prepared.request.headers.get("via")  # whoever leads back to us must know that we were here already
    if via is not None:
        headers = {**headers, "via": via}
    return UpstreamRequest("POST", prepared.url, headers, prepared.body, connect_s=connect_s, idle_s=idle_s)


async def raise_for_status(response: UpstreamResponse, provider: str) -> None:
    """Raise the `UpstreamError` of a response that is no success."""
    if 200 <= response.status < 300:  # noqa: PLR2004 - HTTP's own border
        return
    raise error_from_response(response.status, response.headers, await _read_error(response), provider)


async def raise_for_media_type(response: UpstreamResponse, media_types: frozenset[str]) -> None:
    """Raise where a success is no stream: an error as JSON keeps its own meaning, anything else is transient.

    A missing content type is taken for the right one.
    """
    found = response.headers.get("content-type", "").partition(";")[0].strip().lower()
    if not found or found in media_types:
        return
    wrong = UpstreamError(f"The upstream answered {found[:80]} instead of a stream.", failure_class="transient")
    try:
        body = as_object(decode(await _read_error(response)))
    except ValueError:
        raise wrong from None
    raise error_from_event(body) if body is not None and "error" in body else wrong


async def _read_error(response: UpstreamResponse) -> bytes:
    try:
        return await response.read(MAX_ERROR_BODY_BYTES)
    except UpstreamError:
        # The status says enough; a body that is cut or huge may not hide it.
        return b""


def ended_early(*, began: bool) -> UpstreamError:
    """Return the error of a stream that ended without its own end; one that never began is an empty answer."""
    if began:
        return UpstreamError("The upstream's stream ended before its answer did.", failure_class="transient")
    return _empty()


def read_answer(body: bytes) -> Json:
    """Return the body of a plain answer as an object. Raises `UpstreamError` where it is none, or nothing at all."""
    if not body.strip():
        raise _empty()
    return read_object(body, "its answer")


def read_object(data: str | bytes, what: str) -> Json:
    """Return a JSON object of the upstream. Raises `UpstreamError` where it is none."""
    try:
        value = as_object(decode(data))
    except ValueError as error:
        raise UpstreamError(f"The upstream sent broken JSON in {what}.", failure_class="transient") from error
    if value is None:
        raise UpstreamError(f"The upstream sent no JSON object in {what}.", failure_class="transient")
    return value


def _empty() -> UpstreamError:
    message = "The upstream answered with nothing."
    return UpstreamError(message, failure_class="transient", status=200, code="empty_completion")


async def drain(chunks: AsyncIterator[bytes]) -> None:
    """Drop what comes after the end of an answer, shortly and quietly."""
    try:
        async with asyncio.timeout(_DRAIN_S):
            async for _ in chunks:
                pass
    except (TimeoutError, UpstreamError):
        return
