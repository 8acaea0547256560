"""The raw connection, against a hand-fed ASGI server."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from config.errors import InvalidRequestError, PayloadTooLargeError
from proxy.connection import ClientLeftError, Connection, cancelled_when_client_leaves

Message = dict[str, object]


class Server:
    """Plays the ASGI server: hands out messages, then waits until the client leaves."""

    def __init__(self, *messages: Message, headers: dict[str, str] | None = None, method: str = "POST") -> None:
        self.messages = list(messages)
        self.sent: list[Message] = []
        self.left = asyncio.Event()
        self.scope = {
            "type": "http",
            "method": method,
            "path": "/v1/chat/completions",
            "client": ("127.0.0.1", 5),
            "headers": [(name.encode(), value.encode()) for name, value in (headers or {}).items()],
        }

    async def receive(self) -> Message:
        if self.messages:
            return self.messages.pop(0)
        await self.left.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: Message) -> None:
        self.sent.append(message)

    def connection(self) -> Connection:
        return Connection(self.scope, self.receive, self.send)  # type: ignore[arg-type]


def part(data: bytes, *, more: bool = False) -> Message:
    return {"type": "http.request", "body": data, "more_body": more}


async def test_a_body_comes_whole_from_its_parts() -> None:
    """Parts are joined in order."""
    server = Server(part(b"ab", more=True), part(b"", more=True), part(b"c"))

    assert b"abc" == await server.connection().body(10)


@pytest.mark.parametrize(
    "server",
    [
        lambda: Server(part(b"abc"), headers={"content-length": "11"}),
        lambda: Server(part(b"123456", more=True), part(b"78901", more=True), part(b"")),
    ],
)
async def test_a_body_over_the_limit_is_refused_declared_or_real(server: Callable[[], Server]) -> None:
    """Nobody fills our memory, with or without a Content-Length."""
    with pytest.raises(PayloadTooLargeError, match="10 bytes"):
        await server().connection().body(10)


@pytest.mark.parametrize("length", ["-1", "x", "１", ""])
async def test_a_content_length_that_is_no_number_is_refused(length: str) -> None:
    """A broken header is a bad request, not a crash."""
    with pytest.raises(InvalidRequestError):
        await Server(part(b""), headers={"content-length": length}).connection().body(10)


async def test_a_client_that_leaves_while_sending() -> None:
    """There is nobody to answer."""
    server = Server(part(b"a", more=True))
    server.left.set()

    with pytest.raises(ClientLeftError):
        await server.connection().body(10)


async def test_leaving_cancels_the_work_and_says_so() -> None:
    """The block is cancelled, and the cancellation becomes `ClientLeftError`."""
    server = Server()
    reached: list[str] = []

    async def work() -> None:
        try:
            async with cancelled_when_client_leaves(server.connection()):
                server.left.set()
                try:
                    await asyncio.sleep(60)
                finally:
                    reached.append("finally")
        except ClientLeftError:
            reached.append("left")

    task = asyncio.create_task(work())
    await task

    assert ["finally", "left"] == reached
    assert 0 == task.cancelling()


async def test_a_shutdown_stays_a_cancellation() -> None:
    """A cancellation from elsewhere is not taken for a client that left."""
    server = Server()
    entered = asyncio.Event()

    async def work() -> None:
        async with cancelled_when_client_leaves(server.connection()):
            entered.set()
            await asyncio.sleep(60)

    task = asyncio.create_task(work())
    await entered.wait()
    task.cancel()

    with pytest.raises(asyncio.CancelledError):
        await task


async def test_leaving_after_the_whole_response_cancels_nothing() -> None:
    """A closed connection after the last byte is the normal end."""
    server = Server()
    connection = server.connection()
    async with cancelled_when_client_leaves(connection):
        await connection.respond(200, [("content-type", "text/plain")], b"ok")
        server.left.set()
        await asyncio.sleep(0)
        await asyncio.sleep(0)

    assert not connection.client_left
    assert [b"ok"] == [message["body"] for message in server.sent[1:]]


async def test_head_gets_headers_and_no_body() -> None:
    """HEAD answers with the length of what GET would have sent."""
    server = Server(method="HEAD")
    await server.connection().respond(200, [], b"body")

    assert (b"content-length", b"4") in server.sent[0]["headers"]  # type: ignore[operator]
    assert b"" == server.sent[1]["body"]


async def test_header_values_cannot_split_the_response() -> None:
    """Line breaks and characters beyond Latin-1 never reach the wire as they are."""
    server = Server()
    await server.connection().start(200, [("x-thalamus-warning", "a\r\nset-cookie: b=1 支付")])

    assert [(b"x-thalamus-warning", b"a  set-cookie: b=1 ??")] == server.sent[0]["headers"]
