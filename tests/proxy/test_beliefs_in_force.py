"""Starting values that are set while the gateway runs: kept, taken up by learning, and given up again."""

from __future__ import annotations

import pytest
from sqlalchemy import update

from config.errors import InvalidRequestError
from config.overrides import OverrideStore
from config.tables import setting_override
from proxy.beliefs_in_force import BELIEFS_AREA, MAX_ROWS, BeliefsInForce

ROW = {"model": "good", "domain": "code", "language": "zh", "quality": 0.9}


@pytest.fixture
def store(sqlite_database):
    """Where they are kept."""
    return OverrideStore(sqlite_database, BELIEFS_AREA)


async def test_they_survive_a_restart(store):
    """What one process sets another reads; the same rows are the same table, and no row gives it up."""
    first, second = BeliefsInForce(store), BeliefsInForce(store)
    await first.change([ROW], changed_by="dashboard:admin")
    await second.load()
    table = second.beliefs
    await second.load()

    assert {("good", "", "code", "zh"): 0.9} == table.quality
    assert table is second.beliefs
    await second.change([], changed_by="dashboard:admin")
    assert (None, ()) == (second.beliefs, second.rows)


@pytest.mark.parametrize("rows", [[{**ROW, "quality": 2}], [{"quality": 0.5}], [ROW] * (MAX_ROWS + 1)])
async def test_bad_rows_change_nothing(store, rows):
    """One bad row, and the table stays."""
    beliefs = BeliefsInForce(store)
    with pytest.raises(InvalidRequestError):
        await beliefs.change(rows, changed_by="a")

    assert (None, {}) == (beliefs.beliefs, await store.load())


async def test_what_cannot_be_read_is_not_used(store, sqlite_database):
    """What somebody wrote by hand leaves what was in force."""
    beliefs = BeliefsInForce(store)
    await beliefs.change([ROW], changed_by="a")
    async with sqlite_database.writing() as connection:
        await connection.execute(update(setting_override).values(value=[{"model": 3, "quality": 0.1}]))
    await beliefs.load()

    assert (ROW,) == beliefs.rows
