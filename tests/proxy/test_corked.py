"""The head of a response travels with its body, and no byte is lost or out of order."""

import asyncio

from hypothesis import given
from hypothesis import strategies as st
from typing_extensions import override

from proxy.corked import CorkedTransport

HEAD = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n"


class Wire(asyncio.Transport):
    """Keeps what was written, one entry a write."""

    def __init__(self) -> None:
        super().__init__()
        self.writes: list[bytes] = []
        self.calls: list[str] = []

    @override
    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.writes.append(bytes(data))

    @override
    def close(self) -> None:
        self.calls.append("close")

    @override
    def abort(self) -> None:
        self.calls.append("abort")

    @override
    def write_eof(self) -> None:
        self.calls.append("eof")

    @override
    def get_write_buffer_size(self) -> int:
        return 0


async def test_the_head_leaves_with_the_first_bytes_of_the_body() -> None:
    """One write for a small response, and the next response is corked anew."""
    wire = Wire()
    transport = CorkedTransport(wire)

    for body in (b"ok", b"no"):
        transport.write(HEAD)
        assert len(HEAD) == transport.get_write_buffer_size()
        transport.write(body)

    assert [HEAD + b"ok", HEAD + b"no"] == wire.writes


async def test_a_head_without_a_body_leaves_in_the_next_turn_of_the_loop() -> None:
    """A stream whose first event is far away is not held back, nor sent twice."""
    wire = Wire()
    transport = CorkedTransport(wire)

    transport.write(HEAD)
    await asyncio.sleep(0)
    transport.write(b"data: 1\n\n")
    await asyncio.sleep(0)

    assert [HEAD, b"data: 1\n\n"] == wire.writes


async def test_closing_sends_the_head_first_and_aborting_drops_it() -> None:
    """An answer without a body is whole before the connection closes."""
    closed, ended, aborted = Wire(), Wire(), Wire()

    for wire, end in ((closed, "close"), (ended, "write_eof"), (aborted, "abort")):
        transport = CorkedTransport(wire)
        transport.write(HEAD)
        getattr(transport, end)()
    await asyncio.sleep(0)

    assert [[HEAD], [HEAD], []] == [closed.writes, ended.writes, aborted.writes]
    assert [["close"], ["eof"], ["abort"]] == [closed.calls, ended.calls, aborted.calls]


@given(st.lists(st.one_of(st.just(HEAD), st.binary(max_size=20), st.none()), max_size=30))
def test_every_byte_arrives_once_and_in_order(steps: list[bytes | None]) -> None:
    """Whatever is written, and whenever the loop turns, the wire carries the same bytes."""

    async def play() -> list[bytes]:
        wire = Wire()
        transport = CorkedTransport(wire)
        for step in steps:
            if step is None:
                await asyncio.sleep(0)
            else:
                transport.writelines([step])
        transport.close()
        return wire.writes

    assert b"".join(step for step in steps if step) == b"".join(asyncio.run(play()))
