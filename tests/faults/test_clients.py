"""Rows 23 and 24: clients that leave or do not read, over bare sockets."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncGenerator
from typing import Any

import pytest
import pytest_asyncio
from sqlalchemy import select

from router.tables import decision
from tests.e2e.gateway import HEAD, Gateway
from tests.faults.answering import TEXT
from tests.faults.cells import Cell
from tests.faults.leaving import LEAVING, SLOW, cells_with_another_behind
from tests.faults.seen import ANY, Seen, attempt_words, book_words, decision_of, hold
from tests.faults.server import FaultServer
from tests.faults.street import BREAKER, Street, open_street, question
from tests.upstreams import raw_client

LEAVERS = cells_with_another_behind(LEAVING)
SLOW_READERS = cells_with_another_behind(SLOW)
WRITE_DEADLINE = HEAD + BREAKER + "[streaming]\nwrite_timeout_s = 1.0\n"
CLOSED_WITHIN_S = 1.0
MAX_BUFFERED_BYTES = 64_000_000
"""What the system's buffers on the way take; without backpressure it would be hundreds of megabytes a second."""
pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def street(tmp_path_factory: pytest.TempPathFactory) -> AsyncGenerator[Street, None]:
    """One gateway for all cells, with a write deadline of a second."""
    folder = tmp_path_factory.mktemp("street")
    async with open_street(folder, (*LEAVERS, *SLOW_READERS), head=WRITE_DEADLINE) as opened:
        yield opened


@pytest.mark.parametrize("cell", LEAVERS, ids=lambda cell: cell.id)
async def test_row_23_leaving_closes_the_upstream(street: Street, cell: Cell) -> None:
    """The upstream is closed within a second, nobody else is asked, and what was said is counted."""
    faulty = street.faulty[cell.id]
    committed = cell.mode == "streamed" and cell.fault.key != "waiting"
    async with raw_client(street.gateway.url) as (reader, writer):
        writer.write(question(cell))
        await _until_asked(faulty)
        if committed:
            await reader.readuntil(TEXT.encode())
    async with asyncio.timeout(CLOSED_WITHIN_S):
        await faulty.closed_by_peer.wait()
    booked = await _booked(street.gateway, cell)
    (attempt,) = booked["attempts"]

    assert ("aborted_by_client", "client_left") == (booked["status"], booked["error_code"])
    assert (committed, None) == (attempt["committed"], attempt["failure_class"])
    assert (attempt["usage_source"] == "estimated" and attempt["output_tokens"] > 0) == committed
    hold(cell.id, _seen(cell, booked, "gone"))


@pytest.mark.parametrize("cell", SLOW_READERS, ids=lambda cell: cell.id)
async def test_row_24_a_reader_that_stops_holds_the_upstream_back(street: Street, cell: Cell) -> None:
    """The upstream cannot send on, others are served meanwhile, and at the write deadline both sides are closed."""
    faulty = street.faulty[cell.id]
    raw = socket.socket()
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    raw.setblocking(False)
    host, port = street.gateway.url.removeprefix("http://").split(":")
    loop = asyncio.get_running_loop()
    with raw:
        await loop.sock_connect(raw, (host, int(port)))
        await loop.sock_sendall(raw, question(cell))
        await _until_asked(faulty)
        others = await street.gateway.http.get("/v1/models")
        async with asyncio.timeout(10):
            await faulty.closed_by_peer.wait()
    booked = await _booked(street.gateway, cell)
    (attempt,) = booked["attempts"]

    assert 200 == others.status_code
    assert faulty.n_sent < MAX_BUFFERED_BYTES
    assert ("aborted_by_client", True) == (booked["status"], attempt["committed"])
    assert attempt["output_tokens"] > 0
    hold(cell.id, _seen(cell, booked, "not reading"))


async def _until_asked(faulty: FaultServer) -> None:
    async with asyncio.timeout(5):
        while not faulty.requests:  # noqa: ASYNC110  # what is awaited has no event
            await asyncio.sleep(0.005)


async def _booked(gateway: Gateway, cell: Cell) -> dict[str, Any]:
    """Return the decision of a client that was told no id: by its model, which nobody else asks."""
    async with asyncio.timeout(5):
        while True:
            await gateway.house.writer.flush(5)
            async with gateway.house.database.reading() as connection:
                found = await connection.execute(select(decision.c.id).where(decision.c.requested == cell.id))
                ids = found.scalars().all()
            if ids:
                assert 1 == len(ids)
                return await decision_of(gateway, ids[0])
            await asyncio.sleep(0.01)


def _seen(cell: Cell, booked: dict[str, Any], client: str) -> Seen:
    return Seen(
        row=cell.fault.row,
        case=cell.fault.name,
        client=(client,),
        attempts=attempt_words(booked["attempts"]),
        booked=book_words(booked),
        mode=cell.mode,
        dialect=cell.dialect,
        place=ANY,
    )
