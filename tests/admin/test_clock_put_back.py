"""A clock that was put back, or a gateway beside this one that is ahead: what has not happened yet is in no sum."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from admin.queries.traffic import figures
from config.ids import new_id
from config.types import OutcomeRecord
from config.writer import GroupWriter
from router.ledger import SqlLedger
from tests.admin.conftest import a_decision

NOW = datetime(2026, 11, 21, 15, 30, tzinfo=UTC)


@pytest.fixture
async def books(sqlite_database):
    """Four decisions of the last minute, and nine of the day after tomorrow, all rated."""
    now = [replace(a_decision(0, now=NOW - timedelta(seconds=n)), id=new_id()) for n in range(1, 5)]
    ahead = [replace(a_decision(0, now=NOW + timedelta(days=2, minutes=n)), id=new_id()) for n in range(9)]
    writer = GroupWriter(sqlite_database, group_commit_ms=1)
    ledger = SqlLedger(writer)
    writer.start()
    for record in (*now, *ahead):
        ledger.record(record)
        ledger.record_outcome(OutcomeRecord(record.id, "user", "rating", record.ts, score=1.0))
    await writer.flush(10)
    await writer.aclose()
    return sqlite_database


@pytest.mark.parametrize(
    ("address", "part", "counted"),
    [
        ("savings.json?days={days}", "by_day", "n_requests"),
        ("savings.json?days={days}", "by_model", "n_requests"),
        ("intents.json?days={days}", "intents", "n_requests"),
        ("intents.json?days={days}", "tiers", "n_requests"),
        ("feedback.json?days={days}", "opinions", "n"),
    ],
)
@pytest.mark.parametrize("days", [1, 7, 30, 90])
async def test_days_ahead_of_the_clock_are_left_out(open_site, books, address, part, counted, days):
    """Whatever the period, a page counts what came until now."""
    async with open_site("admin", clock=lambda: NOW) as site:
        twin = (await site.get(f"/dashboard/{address.format(days=days)}")).json()

    assert 4 == sum(each[counted] for each in twin[part])


@pytest.mark.parametrize("page", ["overview", "savings", "intents", "feedback", "decisions"])
async def test_every_page_of_sums_is_there(open_site, books, page):
    """None of them looks for a place for an hour or a day that it does not show."""
    async with open_site("admin", clock=lambda: NOW) as site:
        answer = await site.get(f"/dashboard/{page}")

    assert 200 == answer.status_code


async def test_last_minutes_end_now(books):
    """The rate is of the five minutes before now."""
    found = await figures(books, now=NOW)

    assert (4, 0.8, 4) == (found["n"], found["per_minute"], found["n_ttft"])
