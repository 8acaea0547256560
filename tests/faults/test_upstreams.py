"""Rows 1 to 22: every fault of an upstream, streamed and plain, in each dialect, first and last in the chain."""

from __future__ import annotations

from collections.abc import AsyncGenerator

import pytest
import pytest_asyncio

from tests.faults.answering import ANSWERING, TEXT
from tests.faults.cells import Cell, cells_of
from tests.faults.contract import check
from tests.faults.reaching import REACHING
from tests.faults.refusing import REFUSING
from tests.faults.seen import Heard, Seen, attempt_words, book_words, client_words, decision_of, hold, read_answer
from tests.faults.street import CANARY, SOUND_TEXT, Street, open_street

CELLS = cells_of((*REACHING, *REFUSING, *ANSWERING))
pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def street(tmp_path_factory: pytest.TempPathFactory) -> AsyncGenerator[Street, None]:
    """One gateway for all cells; each has a model, servers and keys of its own."""
    async with open_street(tmp_path_factory.mktemp("street"), CELLS) as opened:
        yield opened


@pytest.mark.parametrize("cell", CELLS, ids=lambda cell: cell.id)
async def test_fault(street: Street, cell: Cell) -> None:
    """The client, the attempts and the books are as promised, and as `docs/faults.md` says."""
    response = await street.gateway.chat(model=cell.id, stream=cell.mode == "streamed")
    heard = read_answer(response)
    decision = await decision_of(street.gateway, heard.decision_id)
    faulty = street.faulty.get(cell.id)

    check(cell, heard, decision)
    assert (
        faulty is None
        or cell.fault.play == "untrusted"
        or cell.fault.tries + len(cell.fault.prefaces) == len(faulty.requests)
    )
    assert CANARY not in response.text + str(response.headers) + str(decision)
    hold(cell.id, _seen(cell, heard, decision))


def _seen(cell: Cell, heard: Heard, decision: dict[str, object]) -> Seen:
    whose = {"": "no text", TEXT: "its text", SOUND_TEXT: "the next one's answer"}.get(heard.text, "its text")
    return Seen(
        row=cell.fault.row,
        case=cell.fault.name,
        client=client_words(heard, whose),
        attempts=attempt_words(decision["attempts"]),  # type: ignore[arg-type]
        booked=book_words(decision),
        mode=cell.mode,
        dialect=cell.dialect,
        place=cell.place,
    )
