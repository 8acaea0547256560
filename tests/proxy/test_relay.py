"""The client's event stream: late headers, keep-alive, slow readers."""

from __future__ import annotations

import asyncio

import pytest

from proxy.connection import Connection
from proxy.relay import EventStream, SlowReaderError


class Client:
    """Collects what is sent; may stop reading."""

    def __init__(self) -> None:
        self.sent: list[dict[str, object]] = []
        self.reads = asyncio.Event()
        self.reads.set()
        self.got = asyncio.Event()
        scope = {"method": "POST", "path": "/", "client": None, "headers": []}
        self.connection = Connection(scope, self.receive, self.send)  # type: ignore[arg-type]

    async def receive(self) -> dict[str, object]:
        await asyncio.Event().wait()
        return {}

    async def send(self, message: dict[str, object]) -> None:
        await self.reads.wait()
        self.sent.append(message)
        self.got.set()

    @property
    def data(self) -> list[object]:
        return [message["body"] for message in self.sent if message["type"] == "http.response.body"]


def stream_to(client: Client, *, keepalive_s: float = 0, write_timeout_s: float = 0) -> EventStream:
    return EventStream(
        client.connection,
        lambda: [("x-thalamus-model", "m")],
        keepalive=b": keep-alive\n\n",
        keepalive_s=keepalive_s,
        write_timeout_s=write_timeout_s,
    )


async def test_nothing_is_sent_before_the_first_write() -> None:
    """The status stays open until there is something to show."""
    client = Client()
    async with stream_to(client) as stream:
        assert not stream.started
        await stream.write(b"data: 1\n\n")
        await stream.write(b"data: 2\n\n")
        await stream.close(b"data: [DONE]\n\n")

    assert ["http.response.start"] + ["http.response.body"] * 3 == [each["type"] for each in client.sent]
    assert [b"data: 1\n\n", b"data: 2\n\n", b"data: [DONE]\n\n"] == client.data
    assert [True, True, False] == [each["more_body"] for each in client.sent[1:]]
    assert sum(map(len, client.data)) == stream.n_bytes  # type: ignore[arg-type]


async def test_an_empty_stream_still_has_a_status() -> None:
    """Closing without a word sends the headers first."""
    client = Client()
    async with stream_to(client) as stream:
        await stream.close()

    assert 200 == client.sent[0]["status"]


async def test_keepalive_comes_in_silence_and_sends_the_status() -> None:
    """A client behind a 60 s hop sees a comment before the first content, again and again."""
    client = Client()
    async with stream_to(client, keepalive_s=0.01) as stream:
        while len(client.data) < 3:
            client.got.clear()
            await client.got.wait()
        assert stream.started
        await stream.close(b"data: [DONE]\n\n")

    assert [b": keep-alive\n\n"] * 3 == client.data[:3]
    assert 1 == sum(each["type"] == "http.response.start" for each in client.sent)
    assert b"data: [DONE]\n\n" == client.data[-1]


async def test_no_keepalive_while_events_flow_or_when_switched_off() -> None:
    """Comments fill silence only."""
    client = Client()
    async with stream_to(client, keepalive_s=30) as stream:
        await stream.write(b"data: 1\n\n")
        await stream.close()
    async with stream_to(Client(), keepalive_s=0):
        pass

    assert [b"data: 1\n\n", b""] == client.data


async def test_a_reader_that_takes_nothing_is_given_up() -> None:
    """One write may wait only so long."""
    client = Client()
    client.reads.clear()
    async with stream_to(client, write_timeout_s=0.01) as stream:
        with pytest.raises(SlowReaderError, match="took nothing"):
            await stream.write(b"data: 1\n\n")


async def test_a_slow_reader_holds_the_writer_back() -> None:
    """Back-pressure: the next piece waits until the last was taken."""
    client = Client()
    client.reads.clear()
    async with stream_to(client) as stream:
        writing = asyncio.create_task(stream.write(b"data: 1\n\n"))
        await asyncio.sleep(0)
        assert not writing.done()
        client.reads.set()
        await writing

    assert [b"data: 1\n\n"] == client.data
