"""Row 16 past the total deadline: an answer that never ends."""

from __future__ import annotations

from collections.abc import AsyncGenerator

import pytest
import pytest_asyncio

from tests.e2e.gateway import HEAD
from tests.faults.answering import TEXT
from tests.faults.cells import Cell
from tests.faults.leaving import ENDLESS, cells_with_another_behind
from tests.faults.seen import ANY, Seen, attempt_words, book_words, client_words, decision_of, hold, read_answer
from tests.faults.street import BREAKER, Street, open_street

TOTAL_S = 0.8
CELLS = cells_with_another_behind(ENDLESS)


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def street(tmp_path_factory: pytest.TempPathFactory) -> AsyncGenerator[Street, None]:
    """A gateway whose requests may take less time than silences."""
    head = HEAD + BREAKER + f"[timeouts]\ntotal_s = {TOTAL_S}\n"
    async with open_street(tmp_path_factory.mktemp("street"), CELLS, head=head) as opened:
        yield opened


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("cell", CELLS, ids=lambda cell: cell.id)
async def test_row_16_words_without_end(street: Street, cell: Cell) -> None:
    """An answer that never ends is cut at the total deadline: an error, no finish, and what was said is counted."""
    heard = read_answer(await street.gateway.chat(model=cell.id, stream=True))
    booked = await decision_of(street.gateway, heard.decision_id)
    (attempt,) = booked["attempts"]

    assert heard.text.startswith(TEXT)
    assert (200, None, "upstream_timeout", 1) == (heard.status, heard.finish, heard.error, heard.n_ends)
    assert ("failed_upstream", "estimated") == (booked["status"], attempt["usage_source"])
    assert TOTAL_S * 900 <= attempt["duration_ms"] < TOTAL_S * 1000 + 3_000
    seen = Seen(
        row=16,
        case=cell.fault.name,
        client=client_words(heard, "its text"),
        attempts=attempt_words(booked["attempts"]),
        booked=book_words(booked),
        mode=cell.mode,
        dialect=cell.dialect,
        place=ANY,
    )
    hold(cell.id, seen)
