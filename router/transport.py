"""The wire to upstreams on aiohttp: connections are kept, nothing is followed, guessed or decompressed.

Every error of the wire becomes one `UpstreamError(transient)` here. Its message names the phase and the host, never a
query or a key. Retrying is the dispatcher's, but for one case: see `_is_stale`.
"""

from __future__ import annotations

import asyncio
import errno
import io
import ssl
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

import aiohttp

from config.errors import UpstreamError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping
    from types import SimpleNamespace

    from router.providers.base import UpstreamRequest

_KEEPALIVE_S: Final = 30.0
_STALE_WITHIN_S: Final = 1.0
_MAX_HEADER_BYTES: Final = 64 * 1024
_LARGE_BODY_BYTES: Final = 1024 * 1024
_STALE_ERRNOS: Final = frozenset({errno.ECONNRESET, errno.EPIPE})
_WIRE_ERRORS: Final = (aiohttp.ClientError, OSError, ValueError)
"""`OSError` covers time-outs, resets and TLS; `ValueError` bad URLs and line breaks in header values."""


class AiohttpTransport:
    """Keeps one pool of connections, built inside the running loop by the first request.

    `ssl_context` replaces the system's certificates. The pool has no limit of its own: admission bounds what runs.
    """

    def __init__(self, *, ssl_context: ssl.SSLContext | None = None) -> None:
        self._ssl_context = ssl_context
        self._session: aiohttp.ClientSession | None = None
        self._closed = False

    async def send(self, request: UpstreamRequest) -> AiohttpResponse:
        """Send and return once the response's headers are in. Raises `UpstreamError(transient)`."""
        started = asyncio.get_running_loop().time()
        use = _ConnectionUse()
        try:
            response = await self._send_once(request, use)
        except _WIRE_ERRORS as error:
            waited = asyncio.get_running_loop().time() - started
            if not _is_stale(error, use, waited):
                raise _translate(error, request, "headers") from error
            response = await self._send_again(request)
        return await _accept(response, request)

    async def aclose(self) -> None:
        """Close all connections; nothing can be sent afterwards."""
        self._closed = True
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    async def _send_again(self, request: UpstreamRequest) -> aiohttp.ClientResponse:
        try:
            return await self._send_once(request, _ConnectionUse())
        except _WIRE_ERRORS as error:
            raise _translate(error, request, "headers") from error

    async def _send_once(self, request: UpstreamRequest, use: _ConnectionUse) -> aiohttp.ClientResponse:
        return await self._open_session().request(
            request.method,
            request.url,
            headers={"accept-encoding": "identity", **request.headers},
            # aiohttp writes large bytes in one piece, which holds up the loop; a file object goes out in pieces.
            data=io.BytesIO(request.body) if len(request.body) > _LARGE_BODY_BYTES else request.body,
            allow_redirects=False,
            timeout=aiohttp.ClientTimeout(total=None, connect=request.connect_s),
            trace_request_ctx=use,
        )

    def _open_session(self) -> aiohttp.ClientSession:
        if self._closed:
            raise UpstreamError("connect: the transport is closed.", failure_class="transient")
        if self._session is None:
            trace = aiohttp.TraceConfig()
            trace.on_connection_reuseconn.append(_note_reuse)
            connector = aiohttp.TCPConnector(limit=0, keepalive_timeout=_KEEPALIVE_S, ssl=self._ssl_context or True)
            self._session = aiohttp.ClientSession(
                connector=connector,
                cookie_jar=aiohttp.DummyCookieJar(),
                auto_decompress=False,
                trust_env=False,
                trace_configs=[trace],
                max_line_size=_MAX_HEADER_BYTES,
                max_field_size=_MAX_HEADER_BYTES,
            )
        return self._session


class AiohttpResponse:
    """One response whose body is read as it arrives; iterate over it at most once."""

    def __init__(self, response: aiohttp.ClientResponse, request: UpstreamRequest) -> None:
        self._response = response
        self._request = request
        self._headers: dict[str, str] | None = None

    @property
    def status(self) -> int:
        """HTTP status code."""
        return self._response.status

    @property
    def headers(self) -> Mapping[str, str]:
        """Response headers, names in lower case; of a repeated one, the first."""
        if self._headers is None:
            self._headers = {}
            for name, value in self._response.headers.items():
                self._headers.setdefault(name.lower(), value)
        return self._headers

    def chunks(self) -> AsyncIterator[bytes]:
        """Yield the body as it arrives. Raises `UpstreamError` when the connection is cut or silent too long."""
        return self

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        try:
            data = await self._response.content.readany()
        except _WIRE_ERRORS as error:
            raise _translate(error, self._request, "body") from error
        if not data:
            raise StopAsyncIteration
        return data

    async def read(self, limit: int) -> bytes:
        """Return the whole body. Raises `UpstreamError` beyond `limit` bytes or when the connection is cut."""
        parts: list[bytes] = []
        size = 0
        async for part in self:
            size += len(part)
            if size > limit:
                self.close()
                message = f"{_host(self._request.url)} sent a body of more than {limit} bytes."
                raise UpstreamError(message, failure_class="transient", status=self.status, code="body_too_large")
            parts.append(part)
        return b"".join(parts)

    def close(self) -> None:
        """Drop the connection at once unless the body was read to its end; safe to call twice."""
        self._response.close()


@dataclass(slots=True)
class _ConnectionUse:
    """Whether a request went out on a connection that had served before."""

    reused: bool = False


async def _note_reuse(_session: aiohttp.ClientSession, context: SimpleNamespace, _params: object) -> None:
    use: object = context.trace_request_ctx
    if isinstance(use, _ConnectionUse):
        use.reused = True


async def _accept(response: aiohttp.ClientResponse, request: UpstreamRequest) -> AiohttpResponse:
    encoding = response.headers.get("content-encoding", "identity").strip().lower()
    if encoding not in {"", "identity"}:
        response.close()
        message = f"{_host(request.url)} answered with content-encoding {encoding[:40]!r}, which was not asked for."
        raise UpstreamError(message, failure_class="transient", status=response.status)
    _bound_silence(response, request.idle_s)
    return AiohttpResponse(response, request)


def _bound_silence(response: aiohttp.ClientResponse, idle_s: float | None) -> None:
    """Start the idle clock only now: the wait for headers belongs to the first-content deadline of the dispatcher.

    aiohttp's own `sock_read` would cut a cold local model that loads for longer than `idle_s`.
    """
    connection = response.connection
    if idle_s is None or connection is None or connection.protocol is None:
        return
    connection.protocol.read_timeout = idle_s
    connection.protocol.start_timeout()


def _is_stale(error: Exception, use: _ConnectionUse, waited_s: float) -> bool:
    """Return whether a kept connection had been closed by the upstream before our request could reach anyone.

    Answers are billed, so a request is sent again only where no byte came back, on a connection that had served
    before, and at once; a server that took the request and died while working does not fail that quickly. Keep-alive
    races look exactly like this (RFC 9112, 9.3.1 and 9.5).
    """
    if not use.reused or waited_s > _STALE_WITHIN_S:
        return False
    if isinstance(error, aiohttp.ServerDisconnectedError):
        return isinstance(error.message, str)  # else it holds the head of a response that had begun
    if not isinstance(error, aiohttp.ClientOSError):
        return False
    # Where the connection was already closing as we wrote, aiohttp wraps the reset and loses its errno.
    return error.errno in _STALE_ERRNOS or isinstance(error.__cause__, ConnectionError)


def _translate(error: Exception, request: UpstreamRequest, phase: str) -> UpstreamError:
    host = _host(request.url)
    match error:
        case aiohttp.ConnectionTimeoutError():
            what = f"connect: {host} took no connection within {request.connect_s:g} s"
        case aiohttp.ClientConnectorDNSError():
            what = f"dns: {host} has no address"
        case aiohttp.ClientSSLError() | ssl.SSLError():
            what = f"tls: the connection to {host} could not be secured ({_tls_reason(error)})"
        case aiohttp.ClientConnectorError():
            what = f"connect: no connection to {host} ({_os_reason(error)})"
        case aiohttp.InvalidURL():
            what = "connect: the base URL is not valid"
        case _:
            what = f"{phase}: {_describe_break(error, host, request.idle_s)}"
    timed_out = isinstance(error, TimeoutError)
    return UpstreamError(f"{what}.", failure_class="transient", timed_out=timed_out)


def _describe_break(error: Exception, host: str, idle_s: float | None) -> str:
    """What went wrong on a connection that had been made."""
    match error:
        case TimeoutError():
            return f"{host} was silent for more than {idle_s or 0:g} s"
        case aiohttp.ServerDisconnectedError():
            return f"{host} closed the connection before answering"
        case aiohttp.ClientPayloadError():
            return f"{host} cut the answer off"
        case aiohttp.ClientResponseError():
            return f"{host} did not answer in HTTP"
        case OSError():
            return f"the connection to {host} broke ({_os_reason(error)})"
        case _:
            return f"{host} could not be asked ({type(error).__name__})"


def _os_reason(error: OSError) -> str:
    """The errno's name: texts of the operating system may hold addresses and come in many languages."""
    return errno.errorcode.get(error.errno or 0, type(error).__name__)


def _tls_reason(error: Exception) -> str:
    """The verifier's own words, such as "self-signed certificate"; they hold no secrets."""
    inner = error.__cause__ or getattr(error, "certificate_error", None) or error
    message = getattr(inner, "verify_message", None) or getattr(inner, "reason", None)
    return str(message) if message else type(inner).__name__


def _host(url: str) -> str:
    """Host and port of a URL: what may be said aloud."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return "the upstream"
    name = parts.hostname or "the upstream"
    return f"{name}:{port}" if port else name
