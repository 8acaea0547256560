"""uvicorn's HTTP protocol with bounds on a request's head: its size, its number of headers, and the time it may take.

uvicorn on httptools has none of these: a head that never ends would be collected until memory is gone.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, ClassVar, Final

from typing_extensions import override
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from config.errors import InvalidRequestError
from config.ids import new_id
from proxy.corked import CorkedTransport
from proxy.error_responses import error_body

if TYPE_CHECKING:
    import asyncio

MAX_HEAD_BYTES: Final = 64 * 1024
MAX_HEADERS: Final = 128
_ABSOLUTE: Final = re.compile(rb"[A-Za-z][A-Za-z0-9+.-]*://([^/?#]*)(/?)(.*)", re.DOTALL)
"""A request's target in absolute form: the host that it names, and what remains."""


class _HeadTooLargeError(Exception):
    """The parser stops here."""


class BoundedHttpProtocol(HttpToolsProtocol):
    """Reads requests; refuses a head that is too large with 431, and hangs up on one that is too slow."""

    head_timeout_s: ClassVar = 30.0
    """Seconds from a request's first byte, or from a connection's begin, to the end of its head."""
    _in_head = True
    """Whether what comes next belongs to a head."""
    _head_bytes = 0
    """Size so far of the head that has begun and not ended, as it came; 0 where none has."""
    _parsed_bytes = 0
    """Size of its lines that are whole."""
    _n_begun = 0
    _too_large = False
    _head_timer: asyncio.TimerHandle | None = None

    @override
    def connection_made(self, transport: asyncio.Transport) -> None:
        super().connection_made(CorkedTransport(transport))
        self._head_timer = self.loop.call_later(self.head_timeout_s, transport.close)

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_timer()
        super().connection_lost(exc)

    @override
    def data_received(self, data: bytes) -> None:
        expected = self._in_head, 0 if self._head_bytes else 1
        self._n_begun = 0
        super().data_received(data)
        if not self._head_bytes or not self._in_head or self.transport.is_closing():
            return
        if self._head_timer is None:
            self._head_timer = self.loop.call_later(self.head_timeout_s, self.transport.close)
        if expected == (True, self._n_begun):  # all of it belongs to one head, and its end has not come
            self._head_bytes += len(data)  # a line without an end never reaches `on_header`
            if self._head_bytes > MAX_HEAD_BYTES:
                self._too_large = True
                self.send_400_response("")

    @override
    def on_message_begin(self) -> None:
        self._in_head, self._head_bytes, self._parsed_bytes = True, 1, 0
        self._n_begun += 1
        super().on_message_begin()

    @override
    def on_message_complete(self) -> None:
        self._in_head, self._head_bytes = True, 0
        super().on_message_complete()

    @override
    def on_url(self, url: bytes) -> None:
        self._grow(len(url))
        super().on_url(url)

    @override
    def on_header(self, name: bytes, value: bytes) -> None:
        if not self._in_head:
            return  # a trailer; those must not be taken for headers (RFC 9110, 6.5.1)
        if len(self.headers) >= MAX_HEADERS:
            self._grow(MAX_HEAD_BYTES)
        self._grow(len(name) + len(value))
        super().on_header(name, value)

    @override
    def on_headers_complete(self) -> None:
        self._in_head = False
        self._stop_timer()
        if absolute := _ABSOLUTE.fullmatch(self.url):
            authority, _, rest = absolute.groups()
            self.url = b"/" + rest
            self._name_host(authority)
        super().on_headers_complete()

    @override
    def send_400_response(self, msg: str) -> None:
        """Say in the API's own shape what is wrong, and hang up."""
        status, code = (431, "headers_too_large") if self._too_large else (400, "invalid_http")
        said = "The request's headers are too large." if self._too_large else msg
        body = error_body(InvalidRequestError(said, code=code))
        self.transport.write(
            STATUS_LINE[status]
            + b"content-type: application/json\r\nconnection: close\r\n"
            + b"server-timing: refused\r\n"  # no request was read, hence no time either
            + f"x-request-id: {new_id()}\r\ncontent-length: {len(body)}\r\n\r\n".encode()
            + body
        )
        self.transport.close()

    def _name_host(self, authority: bytes) -> None:
        """Let the target's host stand in the one Host field; none or several stay for `guard.py` to refuse.

        An origin server ignores what Host says beside a target in absolute form (RFC 9112, 3.2.2).
        """
        given = [n for n, (name, _) in enumerate(self.headers) if name == b"host"]
        version = self.parser.get_http_version()  # pyright: ignore[reportOptionalMemberAccess]  # gone at the end only
        if len(given) == 1:
            self.headers[given[0]] = (b"host", authority)
        elif not given and version == "1.0":
            self.headers.append((b"host", authority))

    def _grow(self, n_bytes: int) -> None:
        self._parsed_bytes += n_bytes
        if self._parsed_bytes > MAX_HEAD_BYTES:
            self._too_large = True
            raise _HeadTooLargeError

    def _stop_timer(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None
