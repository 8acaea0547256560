"""The wire to upstreams, against a raw server on loopback."""

from __future__ import annotations

import asyncio
import gc
import ssl
from typing import TYPE_CHECKING

import pytest

from config.errors import UpstreamError
from router.providers.base import UpstreamRequest
from router.transport import AiohttpTransport
from tests.router.wire_double import (
    LAST_CHUNK,
    Exchange,
    answering,
    answering_and_closing,
    chunked,
    chunked_head,
    head,
    serving,
    whole,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

SELF_SIGNED = """\
-----BEGIN CERTIFICATE-----
MIIBmjCCAUGgAwIBAgIUYvbHzEZ5LaV40jnM/XxgqL1C3IIwCgYIKoZIzj0EAwIw
FDESMBAGA1UEAwwJbG9jYWxob3N0MCAXDTI2MTEyMTA5MDg0OFoYDzIxMjYxMDI4
MDkwODQ4WjAUMRIwEAYDVQQDDAlsb2NhbGhvc3QwWTATBgcqhkjOPQIBBggqhkjO
PQMBBwNCAAR7v5a0Gqokne4gAFsy8pn0G7f7sPLxfSoLG/MeTS/2r1FVtk0a3QYy
JvWhPRZBBEkDPwwptx01pJh+B/HSf1ouo28wbTAdBgNVHQ4EFgQUUnqKgI3gersv
yAOpbxzeaC7a0u8wHwYDVR0jBBgwFoAUUnqKgI3gersvyAOpbxzeaC7a0u8wDwYD
VR0TAQH/BAUwAwEB/zAaBgNVHREEEzARhwR/AAABgglsb2NhbGhvc3QwCgYIKoZI
zj0EAwIDRwAwRAIgC7Y27/MPT5PRLkHkFQb2InT9eY62bga92GWL8htoSOUCIGwP
xbBeuZKw+YgCb4438hktfWmHfVmr9IemFuGFqZJw
-----END CERTIFICATE-----
-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgbL6/I0dxlThPqbDV
4ugb5gFyLE2UZzknI5HRsBBj2F2hRANCAAR7v5a0Gqokne4gAFsy8pn0G7f7sPLx
fSoLG/MeTS/2r1FVtk0a3QYyJvWhPRZBBEkDPwwptx01pJh+B/HSf1ou
-----END PRIVATE KEY-----
"""


@pytest.fixture
async def transport() -> AsyncIterator[AiohttpTransport]:
    """A transport, closed afterwards."""
    opened = AiohttpTransport()
    yield opened
    await opened.aclose()


@pytest.fixture
def server_tls(tmp_path: Path) -> ssl.SSLContext:
    """A server's TLS with a certificate that nobody signed."""
    path = tmp_path / "self-signed.pem"
    path.write_text(SELF_SIGNED)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path)
    return context


def post(url: str, body: bytes = b"{}", *, connect_s: float = 5.0, idle_s: float | None = 5.0) -> UpstreamRequest:
    headers = {"content-type": "application/json", "authorization": "Bearer sk-canary-key"}
    return UpstreamRequest("POST", f"{url}/v1/x?key=canary-query", headers, body, connect_s=connect_s, idle_s=idle_s)


async def exchange_whole(transport: AiohttpTransport, request: UpstreamRequest) -> bytes:
    response = await transport.send(request)
    try:
        return await response.read(1_000_000)
    finally:
        response.close()


async def failure(transport: AiohttpTransport, request: UpstreamRequest) -> UpstreamError:
    """Return how sending and reading fails, having looked for secrets in it."""
    with pytest.raises(UpstreamError) as caught:
        await exchange_whole(transport, request)
    error = caught.value
    assert "canary" not in error.message
    assert "transient" == error.failure_class
    return error


async def test_a_request_goes_out_as_it_is_and_the_body_comes_back(transport: AiohttpTransport) -> None:
    """Method, path, query, headers and body are ours; nothing is compressed, and no cookies are kept."""
    async with serving(answering(whole(b'{"a":1}', x_Mixed="Value", set_cookie="a=b"))) as upstream:
        response = await transport.send(post(upstream.url, b'{"q":1}'))
        body = await response.read(100)
        await (await transport.send(post(upstream.url))).read(100)

    first, second = upstream.received
    assert (200, "Value", b'{"a":1}') == (response.status, response.headers["x-mixed"], body)
    assert response.headers is response.headers
    assert "POST /v1/x?key=canary-query HTTP/1.1" == first.line
    assert ("identity", "application/json", b'{"q":1}') == (
        first.headers["accept-encoding"],
        first.headers["content-type"],
        first.body,
    )
    assert "cookie" not in second.headers


async def test_a_connection_serves_again_after_a_whole_body(transport: AiohttpTransport) -> None:
    """Handshakes are paid once."""
    async with serving(answering(whole(b"{}"))) as upstream:
        for _ in range(3):
            response = await transport.send(post(upstream.url))
            await response.read(100)
            response.close()
            response.close()

    assert 1 == upstream.n_connections


async def test_a_stream_arrives_piece_by_piece(transport: AiohttpTransport) -> None:
    """A piece is given as soon as it is here, not when the body is whole."""
    go_on = asyncio.Event()

    async def handle(exchange: Exchange) -> None:
        await exchange.send(chunked_head() + chunked(b"one"))
        await go_on.wait()
        await exchange.send(chunked(b"two") + LAST_CHUNK)

    async with serving(handle) as upstream:
        response = await transport.send(post(upstream.url))
        pieces = []
        async for piece in response.chunks():
            pieces.append(piece)
            go_on.set()

    assert [b"one", b"two"] == pieces


async def test_closing_in_mid_stream_drops_the_connection_at_once(transport: AiohttpTransport) -> None:
    """When the client hangs up, the upstream learns it and stops generating."""

    async def handle(exchange: Exchange) -> None:
        await exchange.send(chunked_head() + chunked(b"one"))

    async with serving(handle) as upstream:
        response = await transport.send(post(upstream.url))
        await anext(response.chunks())
        response.close()
        async with asyncio.timeout(1):
            await upstream.gone.wait()

    assert 1 == upstream.n_connections


async def test_cancelling_the_wait_for_headers_drops_the_connection(transport: AiohttpTransport) -> None:
    """A client that leaves before the answer begins costs no further generation."""
    arrived = asyncio.Event()

    async def handle(_exchange: Exchange) -> None:
        arrived.set()

    async with serving(handle) as upstream:
        sending = asyncio.create_task(transport.send(post(upstream.url)))
        await arrived.wait()
        sending.cancel()
        async with asyncio.timeout(1):
            await upstream.gone.wait()

    assert sending.cancelled()


async def test_redirects_are_not_followed(transport: AiohttpTransport) -> None:
    """A redirect could lead a key to another host."""
    async with serving(answering(whole(b"", 302, location="http://127.0.0.1:1/"))) as upstream:
        response = await transport.send(post(upstream.url))

    assert 302 == response.status


async def test_a_refused_connection_names_its_phase(transport: AiohttpTransport) -> None:
    """Nothing listens: the error says so and keeps its cause."""
    async with serving(answering(b"")) as upstream:
        url = upstream.url
    error = await failure(transport, post(url))

    assert f"connect: no connection to {url.removeprefix('http://')} (ECONNREFUSED)." == error.message
    assert isinstance(error.__cause__, OSError)
    assert not error.timed_out


async def test_a_name_without_an_address_names_its_phase(transport: AiohttpTransport) -> None:
    """DNS failures are told apart from refusals."""
    assert "dns: nowhere.invalid has no address." == (await failure(transport, post("http://nowhere.invalid"))).message


@pytest.mark.parametrize("url", ["nonsense", "http://", "http://[::1", "http://h:99999", "http://a b"])
async def test_a_base_url_that_is_none_is_an_upstream_error(transport: AiohttpTransport, url: str) -> None:
    """A wrong setting fails over like a dead host, with a message of its own."""
    assert (await failure(transport, post(url))).message.endswith(".")


async def test_a_line_break_in_a_header_is_an_upstream_error(transport: AiohttpTransport) -> None:
    """A key file with a stray line in its middle cannot smuggle headers, and its text is not told."""
    async with serving(answering(b"")) as upstream:
        headers = {"x": "canary\r\ny: z"}
        error = await failure(transport, UpstreamRequest("POST", upstream.url, headers, b"", connect_s=1, idle_s=None))

    assert error.message.endswith("could not be asked (ValueError).")
    assert [] == upstream.received


async def test_an_unknown_certificate_is_refused(transport: AiohttpTransport, server_tls: ssl.SSLContext) -> None:
    """TLS is verified."""
    async with serving(answering(whole(b"{}")), tls=server_tls) as upstream:
        error = await failure(transport, post(upstream.url))

    host = upstream.url.removeprefix("https://")
    assert f"tls: the connection to {host} could not be secured (self-signed certificate)." == error.message


async def test_certificates_of_ones_own_are_trusted_when_given(server_tls: ssl.SSLContext) -> None:
    """A private authority works through the given context."""
    transport = AiohttpTransport(
        ssl_context=ssl.create_default_context(cadata=SELF_SIGNED.partition("-----BEGIN PR")[0])
    )
    async with serving(answering(whole(b"{}")), tls=server_tls) as upstream:
        body = await (await transport.send(post(upstream.url))).read(100)
        await transport.aclose()

    assert b"{}" == body


async def test_plain_http_where_tls_is_expected_is_a_tls_error(transport: AiohttpTransport) -> None:
    """A wrong scheme in the base URL is told as what it is."""
    async with serving(answering(b""), greeting=b"HTTP/1.1 400 Bad Request\r\n\r\n") as upstream:
        error = await failure(transport, post(upstream.url.replace("http:", "https:")))

    assert error.message.endswith("could not be secured (WRONG_VERSION_NUMBER).")


async def test_a_connection_that_is_never_taken_times_out(transport: AiohttpTransport) -> None:
    """TLS to a server that says nothing ends at the connect deadline."""
    block = asyncio.Event()

    async def handle(_exchange: Exchange) -> None:
        await block.wait()

    async with serving(handle) as upstream:
        error = await failure(transport, post(upstream.url.replace("http:", "https:"), connect_s=0.05))

    assert error.timed_out
    assert error.message.startswith("connect: ")


async def test_silence_in_the_body_times_out(transport: AiohttpTransport) -> None:
    """The idle deadline counts from the last piece."""
    async with serving(answering(chunked_head() + chunked(b"one"))) as upstream:
        error = await failure(transport, post(upstream.url, idle_s=0.05))

    assert error.timed_out
    assert error.message.endswith("was silent for more than 0.05 s.")


async def test_the_wait_for_headers_is_not_bounded_by_the_idle_deadline(transport: AiohttpTransport) -> None:
    """A cold local model may load for longer than a stream may be silent; that wait has its own deadline."""
    arrived = asyncio.Event()
    go_on = asyncio.Event()

    async def handle(exchange: Exchange) -> None:
        arrived.set()
        await go_on.wait()
        await exchange.send(whole(b"late"))

    async with serving(handle) as upstream:
        sending = asyncio.create_task(transport.send(post(upstream.url, idle_s=0.01)))
        await arrived.wait()
        await asyncio.wait([sending], timeout=0.1)
        go_on.set()
        body = await (await sending).read(100)

    assert b"late" == body


async def test_a_connection_closed_before_the_answer_is_an_error(transport: AiohttpTransport) -> None:
    """A server that takes the request and leaves gets it once."""

    async def handle(exchange: Exchange) -> None:
        await exchange.close()

    async with serving(handle) as upstream:
        error = await failure(transport, post(upstream.url))

    assert error.message.endswith("closed the connection before answering.")
    assert 1 == len(upstream.received)


async def test_a_body_cut_short_is_an_error(transport: AiohttpTransport) -> None:
    """A chunked body without its end, and a body shorter than its length, are not whole."""
    for cut in (chunked_head() + chunked(b"one"), head(content_length="10") + b"one"):
        async with serving(answering_and_closing(cut)) as upstream:
            error = await failure(transport, post(upstream.url))

        assert error.message.startswith("body: ")


async def test_a_reset_in_the_body_is_an_error(transport: AiohttpTransport) -> None:
    """A TCP reset is told as a broken or cut connection."""

    async def handle(exchange: Exchange) -> None:
        await exchange.send(chunked_head() + chunked(b"one"))
        await exchange.reset()

    async with serving(handle) as upstream:
        error = await failure(transport, post(upstream.url))

    assert error.message.startswith("body: ") or error.message.startswith("headers: ")


async def test_an_answer_that_is_no_http_is_an_error(transport: AiohttpTransport) -> None:
    """Some other service listens on that port."""
    async with serving(answering_and_closing(b"220 smtp ready\r\n\r\n")) as upstream:
        error = await failure(transport, post(upstream.url))

    assert error.message.endswith("did not answer in HTTP.")


async def test_a_body_beyond_the_limit_is_an_error_and_closes(transport: AiohttpTransport) -> None:
    """An endless plain answer costs at most the limit."""
    async with serving(answering(whole(b"x" * 1000))) as upstream:
        response = await transport.send(post(upstream.url))
        with pytest.raises(UpstreamError, match="more than 999 bytes"):
            await response.read(999)


async def test_a_compressed_answer_is_refused(transport: AiohttpTransport) -> None:
    """Nobody asked for it, and a bomb is not unpacked."""
    async with serving(answering(whole(b"\x1f\x8b", content_encoding="gzip"))) as upstream:
        error = await failure(transport, post(upstream.url))

    assert "content-encoding 'gzip'" in error.message


async def test_a_kept_connection_that_died_is_replaced_unseen(transport: AiohttpTransport) -> None:
    """The upstream closed a kept connection just as we wrote to it: the request goes out once more, on a new one."""

    async def handle(exchange: Exchange) -> None:
        if len(upstream.received) == 2:
            await exchange.close()
        else:
            await exchange.send(whole(b"ok"))

    async with serving(handle) as upstream:
        await (await transport.send(post(upstream.url))).read(100)
        body = await (await transport.send(post(upstream.url))).read(100)

    assert b"ok" == body
    assert [1, 1, 2] == [request.connection for request in upstream.received]


async def test_a_kept_connection_that_was_reset_is_replaced_unseen(transport: AiohttpTransport) -> None:
    """A reset instead of a farewell means the same."""

    async def handle(exchange: Exchange) -> None:
        if len(upstream.received) == 2:
            await exchange.reset()
        else:
            await exchange.send(whole(b"ok"))

    async with serving(handle) as upstream:
        await (await transport.send(post(upstream.url))).read(100)
        body = await (await transport.send(post(upstream.url))).read(100)

    assert b"ok" == body


async def test_a_kept_connection_that_is_just_closing_is_replaced_unseen(transport: AiohttpTransport) -> None:
    """Servers that close after each answer without saying so are served by new connections."""
    async with serving(answering_and_closing(whole(b"ok"))) as upstream:
        bodies = [await exchange_whole(transport, post(upstream.url)) for _ in range(5)]

    assert [b"ok"] * 5 == bodies
    assert 5 == len(upstream.received)


async def test_a_request_is_resent_at_most_once(transport: AiohttpTransport) -> None:
    """A server that closes every time is not asked a third time."""

    async def handle(exchange: Exchange) -> None:
        if len(upstream.received) > 1:
            await exchange.close()
        else:
            await exchange.send(whole(b"ok"))

    async with serving(handle) as upstream:
        await (await transport.send(post(upstream.url))).read(100)
        await failure(transport, post(upstream.url))

    assert 3 == len(upstream.received)


async def test_a_request_is_not_resent_once_a_byte_came_back(transport: AiohttpTransport) -> None:
    """Half a head proves that the server was at work: answers are billed."""

    async def handle(exchange: Exchange) -> None:
        if len(upstream.received) > 1:
            await exchange.send(b"HTTP/1.1 200 OK\r\ncontent-")
            await exchange.close()
        else:
            await exchange.send(whole(b"ok"))

    async with serving(handle) as upstream:
        await (await transport.send(post(upstream.url))).read(100)
        await failure(transport, post(upstream.url))

    assert 2 == len(upstream.received)


async def test_a_large_body_goes_out_whole(transport: AiohttpTransport) -> None:
    """Several megabytes of conversation arrive with their length and without a warning."""
    body = b"x" * 3_000_000
    async with serving(answering(whole(b"{}"))) as upstream:
        await (await transport.send(post(upstream.url, body))).read(100)

    assert (str(len(body)), body) == (upstream.received[0].headers["content-length"], upstream.received[0].body)


async def test_a_closed_transport_sends_nothing() -> None:
    """After shutdown no connection is opened again."""
    transport = AiohttpTransport()
    await transport.aclose()
    await transport.aclose()

    assert "connect: the transport is closed." == (await failure(transport, post("http://127.0.0.1:1"))).message


async def test_nothing_is_left_open_after_closing() -> None:
    """Sockets and sessions are given back; unclosed ones would warn, and warnings are errors."""
    transport = AiohttpTransport()
    async with serving(answering(chunked_head() + chunked(b"one"))) as upstream:
        response = await transport.send(post(upstream.url))
        await anext(response.chunks())
        response.close()
        await transport.aclose()
    del transport, response
    gc.collect()

    assert 1 == upstream.n_connections
