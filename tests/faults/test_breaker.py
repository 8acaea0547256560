"""Row 34, and the second request of row 5: whoever fails is left alone, and comes back by one probe."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from typing import Any

import pytest
import pytest_asyncio

from tests.e2e.gateway import HEAD
from tests.faults.answering import TEXT
from tests.faults.cells import Cell
from tests.faults.returning import ALONE, BENCHED, FAILED, LOST, N_FAILURES, PROBED, RETURNING
from tests.faults.seen import Heard, Seen, attempt_words, book_words, client_words, decision_of, hold, read_answer
from tests.faults.seen import who_of as who
from tests.faults.street import SOUND_TEXT, Street, open_street, question
from tests.upstreams import raw_client

N_AT_ONCE = 10
BREAKER = f"""
[breaker]
min_retries = 1_000_000
min_requests = {N_FAILURES}
open_s = 0.2
open_max_s = 7.0
ramp_s = 0.0
"""
pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def street(tmp_path_factory: pytest.TempPathFactory) -> AsyncGenerator[Street, None]:
    """One gateway whose breakers open after three failures."""
    async with open_street(tmp_path_factory.mktemp("street"), RETURNING, head=HEAD + BREAKER) as opened:
        yield opened


@pytest.mark.parametrize("cell", PROBED, ids=lambda cell: cell.id)
async def test_row_34_exactly_one_probe(street: Street, cell: Cell) -> None:
    """While it is down nobody waits for it; of ten at its return one asks it; then all do. No client sees any of it."""
    faulty = street.faulty[cell.id]
    await _knock_out(street, cell)
    heard, booked = await _ask(street, cell)
    assert (SOUND_TEXT, ["sound"]) == (heard.text, [who(each) for each in booked["attempts"]])
    assert N_FAILURES == len(faulty.requests)

    await _until_half_open(street, cell)
    asking = [asyncio.create_task(_ask(street, cell)) for _ in range(N_AT_ONCE)]
    async with asyncio.timeout(20):
        while sum(each.done() for each in asking) < N_AT_ONCE - 1:
            await asyncio.wait([each for each in asking if not each.done()], return_when=asyncio.FIRST_COMPLETED)
    faulty.go_on.set()  # only now may the probe end, and the others be let through
    answers = await asyncio.gather(*asking)
    assert N_FAILURES + 1 == len(faulty.requests)
    assert [TEXT, *[SOUND_TEXT] * (N_AT_ONCE - 1)] == sorted((each.text for each, _ in answers), key=TEXT.__ne__)

    heard, booked = await _ask(street, cell)
    assert (TEXT, "completed") == (heard.text, booked["status"])
    _hold(cell, ("all answered", "one by the probe"), ("faulty: transient 503", "sound: ok", "faulty: ok"), booked)


@pytest.mark.parametrize("cell", LOST, ids=lambda cell: cell.id)
async def test_row_34_a_lost_probe_is_released(street: Street, cell: Cell) -> None:
    """The client of the probe leaves; the next request is the next probe, and finds it well."""
    faulty = street.faulty[cell.id]
    await _knock_out(street, cell)
    await _until_half_open(street, cell)
    async with raw_client(street.gateway.url) as (_, writer):
        writer.write(question(cell))
        async with asyncio.timeout(5):
            while len(faulty.requests) == N_FAILURES:  # noqa: ASYNC110  # what is awaited has no event
                await asyncio.sleep(0.005)
    async with asyncio.timeout(1):
        await faulty.closed_by_peer.wait()
    heard, booked = await _ask(street, cell)

    assert (TEXT, "completed") == (heard.text, booked["status"])
    _hold(cell, client_words(heard, "its text"), attempt_words(booked["attempts"]), booked)


@pytest.mark.parametrize("cell", FAILED, ids=lambda cell: cell.id)
async def test_row_34_a_failed_probe_is_not_seen(street: Street, cell: Cell) -> None:
    """Who sent the probe is answered by the next candidate, and the breaker is open again."""
    faulty = street.faulty[cell.id]
    await _knock_out(street, cell)
    await _until_half_open(street, cell)
    heard, booked = await _ask(street, cell)
    after, _ = await _ask(street, cell)

    assert [("faulty", "transient"), ("sound", None)] == [(who(e), e["failure_class"]) for e in booked["attempts"]]
    assert (SOUND_TEXT, SOUND_TEXT) == (heard.text, after.text)
    assert N_FAILURES + 1 == len(faulty.requests)
    _hold(cell, client_words(heard, "the next one's answer"), attempt_words(booked["attempts"]), booked)


@pytest.mark.parametrize("cell", ALONE, ids=lambda cell: cell.id)
async def test_row_34_with_nobody_else_it_is_tried_all_the_same(street: Street, cell: Cell) -> None:
    """An outage of everybody ends as soon as somebody is back: the least bad is asked once, and its error told."""
    faulty = street.faulty[cell.id]
    for _ in range(N_FAILURES):
        await _ask(street, cell)
    heard, booked = await _ask(street, cell)

    assert N_FAILURES + 1 == len(faulty.requests)
    assert (502, "false", "failed_upstream") == (heard.status, heard.should_retry, booked["status"])
    _hold(cell, client_words(heard, ""), attempt_words(booked["attempts"]), booked)


@pytest.mark.parametrize("cell", BENCHED, ids=lambda cell: cell.id)
async def test_row_5_a_rate_limit_is_honoured(street: Street, cell: Cell) -> None:
    """The next client gets 429 with the time that is left, and the upstream is not asked again."""
    first, _ = await _ask(street, cell)
    heard, booked = await _ask(street, cell)

    assert (429, 429, 1) == (first.status, heard.status, len(street.faulty[cell.id].requests))
    assert 0 < (heard.retry_after_s or 0) <= 7
    assert ([], "failed_upstream", 429) == (booked["attempts"], booked["status"], booked["http_status"])
    _hold(cell, client_words(heard, ""), (), booked)


async def _ask(street: Street, cell: Cell) -> tuple[Heard, dict[str, Any]]:
    response = await street.gateway.chat(model=cell.id, stream=cell.mode == "streamed")
    heard = read_answer(response)
    return heard, await decision_of(street.gateway, heard.decision_id)


async def _knock_out(street: Street, cell: Cell) -> None:
    """Ask until the breaker opens; each time the next candidate answers."""
    for _ in range(N_FAILURES):
        heard, _ = await _ask(street, cell)
        assert SOUND_TEXT == heard.text


async def _until_half_open(street: Street, cell: Cell) -> None:
    house = street.gateway.house
    deployment = next(each for each in house.catalog.resolve(cell.id).deployments if "faulty" in each.target.provider)
    async with asyncio.timeout(5):
        while not house.health.available(deployment.target):  # noqa: ASYNC110  # what is awaited has no event
            await asyncio.sleep(0.01)


def _hold(cell: Cell, client: tuple[str, ...], attempts: tuple[str, ...], booked: dict[str, Any]) -> None:
    hold(
        cell.id,
        Seen(
            row=cell.fault.row,
            case=cell.fault.name,
            client=client,
            attempts=attempts,
            booked=book_words(booked),
            mode=cell.mode,
            dialect=cell.dialect,
            place=cell.place,
        ),
    )
