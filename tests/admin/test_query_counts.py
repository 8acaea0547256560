"""How often each page asks the database: a small number, which does not grow with what is in the books."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from admin.pages.all import PAGES
from config.settings import Settings
from config.writer import GroupWriter
from proxy.app import build_house
from proxy.desk.wiring import build_desk
from router.ledger import SqlLedger
from router.transport import AiohttpTransport
from tests.admin.conftest import a_decision

MOST = 9
"""Questions of the page that asks most: the sums, the lists, and the names that its filters offer."""


@pytest.fixture
async def desk(sqlite_database, tmp_path):
    """Every part of a real house over the test's database."""
    house = build_house(Settings(state_dir=tmp_path), transport=AiohttpTransport())
    own = house.database
    house.database = house.learning.database = sqlite_database
    yield replace(build_desk(house), database=sqlite_database)
    await house.writer.aclose()
    await house.jobs.aclose()
    await house.playground.aclose()
    await house.prober.aclose()
    await house.understanding.aclose()
    await house.judging.aclose()
    await house.transport.aclose()
    await own.aclose()


async def _write(database, n):
    writer = GroupWriter(database, group_commit_ms=1)
    ledger = SqlLedger(writer)
    writer.start()
    now = datetime.now(UTC)
    records = [a_decision(each, now=now) for each in range(n)]
    for record in records:
        ledger.record(record)
    await writer.flush(20)
    await writer.aclose()
    return records[0].id


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
async def test_a_page_asks_few_questions_however_much_there_is(page, site, sqlite_database, statements):
    """As many with five decisions in the books as with sixty, and a handful in all."""
    found: list[int] = []
    for n in (5, 60):
        newest = await _write(sqlite_database, n)
        address = "/dashboard" + page.path.replace("{id:str}", newest)
        await site.get(address)  # who is logged in is asked once
        statements.clear()
        answer = await site.get(address)
        found.append(len(statements))

        assert 200 == answer.status_code

    assert found[0] == found[1]
    assert found[1] <= MOST
