"""Rows of the books that hold something else than they should."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import text

from proxy.similar import FAR_LOOK_S, Similar
from router.providers.scripted import scripted_upstream
from router.similar.memory import Memory
from tests.proxy.test_similar import LIKE, QUESTION, SCRIPT, ask, rate, served


@pytest.mark.parametrize(
    "damage",
    [
        "UPDATE question_vector SET vector = 'text where bytes belong' WHERE decision_id = :id",
        "UPDATE question_vector SET created_ts = 'no time' WHERE decision_id = :id",
        "UPDATE decision SET ts = 'no time' WHERE id = :id",
        "UPDATE outcome SET score = 'abc' WHERE decision_id = :id",
        "UPDATE outcome SET ts = 'no time' WHERE decision_id = :id",
    ],
)
async def test_one_damaged_row_costs_no_other_question(tmp_path: Path, damage: str) -> None:
    """SQLite keeps whatever it is given; who starts anew reads around it, and who follows goes on."""
    async with scripted_upstream(SCRIPT) as upstream, served(tmp_path, upstream) as gateway:
        house = gateway.house
        bad, good = await ask(gateway, "How do I bake a cake?"), await ask(gateway)
        for each in (bad, good):
            await rate(gateway, each, 5)
        await house.writer.flush(5.0)
        async with house.database.writing() as connection:
            await connection.execute(text(damage), {"id": bad})
        now = [1000.0]
        similar = Similar(house.database, house.similar.hashing, monotonic=lambda: now[0], memory=Memory(10))
        for _ in range(2):
            await similar.look(house)
        later = await ask(gateway, LIKE)
        await house.writer.flush(5.0)
        await similar.look(house)
        now[0] += FAR_LOOK_S
        await similar.look(house)

        found = similar.find(QUESTION, caller=None).neighbours
        assert {good, later} == {each.asked.decision_id for each in found}
        assert "ok" == similar.state()["status"]
