"""Memory follows the books page by page, whatever comes at once, and leaves the loop to others between pages."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import pytest
from sqlalchemy import delete, insert, select

from config.ids import new_id
from proxy.similar import FAR_LOOK_S, Similar
from router.providers.scripted import scripted_upstream
from router.similar.reading import AT_ONCE, IDS_AT_ONCE
from router.tables import decision, question_vector
from tests.e2e.gateway import Gateway
from tests.proxy.test_similar import QUESTION, SCRIPT, ask, served


@pytest.fixture
async def served_gateway(tmp_path: Path) -> AsyncGenerator[Gateway, None]:
    """A gateway of two models without micro-models."""
    async with scripted_upstream(SCRIPT) as upstream, served(tmp_path, upstream) as running:
        yield running


async def planted(gateway: Gateway, n: int, *, apart: timedelta) -> list[str]:
    """Write the same question many times, beginning now, and return all decisions."""
    house, moment = gateway.house, datetime.now(UTC)
    template = await ask(gateway)
    await house.writer.flush(5.0)
    hashing = house.similar.hashing
    vector, form = hashing.vector_of(QUESTION), hashing.form
    ids = [new_id() for _ in range(n)]
    async with house.database.writing() as connection:
        row = (await connection.execute(select(decision).where(decision.c.id == template))).mappings().one()
        await connection.execute(insert(decision), [{**row, "id": each} for each in ids])
        await connection.execute(
            insert(question_vector),
            [
                {"decision_id": each, "created_ts": moment + apart * at, "form": form, "vector": vector}
                for at, each in enumerate(ids)
            ],
        )
    return [template, *ids]


@pytest.mark.parametrize("apart", [timedelta(milliseconds=1), timedelta()])
async def test_a_burst_of_questions_is_followed_page_by_page(served_gateway: Gateway, apart: timedelta) -> None:
    """More than are read at once, all within one look, also where all were written at one moment."""
    similar = Similar(served_gateway.house.database, served_gateway.house.similar.hashing)
    await similar.look(served_gateway.house)
    ids = await planted(served_gateway, 2 * AT_ONCE + 20, apart=apart)
    await similar.look(served_gateway.house)

    assert set(ids) == set(similar.memory.seen)


async def test_no_turn_of_the_loop_takes_in_or_forgets_many(served_gateway: Gateway) -> None:
    """Requests are answered on that loop, so others have their turn between pages: at the load and at a comparison."""
    house, now, sizes = served_gateway.house, [1000.0], list[int]()
    similar = Similar(house.database, house.similar.hashing, monotonic=lambda: now[0])
    n = len(await planted(served_gateway, 2 * IDS_AT_ONCE, apart=timedelta()))
    loop = asyncio.get_running_loop()

    def beat() -> None:
        sizes.append(len(similar.memory))
        if not done.is_set():
            loop.call_soon(beat)

    done = asyncio.Event()
    loop.call_soon(beat)
    await similar.look(house)
    n_loaded = len(similar.memory)
    async with house.database.writing() as connection:
        await connection.execute(delete(question_vector))
    now[0] += FAR_LOOK_S
    await similar.look(house)
    done.set()

    steps = [after - before for before, after in pairwise(sizes)]
    assert (n, 0) == (n_loaded, len(similar.memory))
    assert 0 < max(steps) <= AT_ONCE
    assert 0 > min(steps) >= -IDS_AT_ONCE
