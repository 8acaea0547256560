"""Live traffic: the page without a script, the events with it, the figures of the last minutes."""

import asyncio
import json
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

import pytest

from admin.pages.traffic import Pace, cells_of, events_of
from admin.queries.traffic import figures, percentile
from config.database import open_database
from config.errors import StorageError
from config.events import Feed
from config.ids import new_id
from config.types import DecisionRecord
from router.ledger import DecisionBook
from tests.admin.conftest import HOSTILE, a_decision

NOW = datetime(2026, 11, 21, 8, 0, tzinfo=UTC)
QUICK = Pace(figures_s=0.01, look_s=0.01, life_s=0.05)


@dataclass
class Traffic:
    """A `TrafficDesk` whose gateway ends after so many looks."""

    feed: Feed = field(default_factory=Feed)
    looks: int = 1_000
    on_look: object = None

    def in_flight(self):
        return {"cheap/one": 2, "good/one": 0}

    def is_ending(self):
        self.looks -= 1
        if self.on_look is not None:
            self.on_look()
        return self.looks < 0


@pytest.fixture
def traffic():
    """What the page is given of the gateway."""
    return Traffic()


@pytest.fixture
def desk(desk, traffic):
    """The desk with the page's part."""
    return replace(desk, traffic=traffic)


def told(text):
    """Return the events of a stream as (name, data)."""
    blocks = [block.split("\n") for block in text.split("\n\n") if block.startswith("event: ")]
    return [(block[0].removeprefix("event: "), json.loads(block[1].removeprefix("data: "))) for block in blocks]


@pytest.mark.parametrize("language", ["en", "zh"])
async def test_without_a_script_the_last_fifty_are_shown(site, filled, language):
    """With who is busy; a prompt is text."""
    page = await site.get("/dashboard/traffic", headers={"accept-language": language})
    twin = (await site.get("/dashboard/traffic.json")).json()

    assert [each.id for each in filled] == [each["id"] for each in twin["decisions"]]
    assert {"cheap/one": 2, "good/one": 0} == twin["in_flight"]
    assert "<script>alert(1)" not in page.text
    assert 'data-events="/dashboard/traffic/events?"' in page.text


async def test_filters_hold_for_the_page_and_for_what_comes(site, filled, traffic):
    """By model, status and key, in one address; others are refused in words."""
    cheap, good = a_decision(1, now=NOW), a_decision(3, now=NOW)
    records = iter([(cheap, good, replace(cheap, status="refused"), replace(cheap, key_prefix="other"))])

    def tell():
        for each in next(records, ()):
            traffic.feed.finished(each)

    traffic.looks, traffic.on_look = 3, tell
    query = "model=cheap&status=completed&key=sk-thal-abcdef"
    twin = (await site.get(f"/dashboard/traffic.json?{query}")).json()
    stream = await site.get(f"/dashboard/traffic/events?{query}")

    assert {"cheap"} == {each["chosen"] for each in twin["decisions"]}
    assert [cheap.id] == [data["id"] for name, data in told(stream.text) if name == "decision"]
    assert ("text/event-stream", "no", "no-store") == (
        stream.headers["content-type"].partition(";")[0],
        stream.headers["x-accel-buffering"],
        stream.headers["cache-control"],
    )
    for path in ("traffic", "traffic.json", "traffic/events"):
        assert 400 == (await site.get(f"/dashboard/{path}?intent=code")).status_code
        assert 400 == (await site.get(f"/dashboard/{path}?status=fine")).status_code


async def test_only_who_is_logged_in_may_listen(stranger, traffic):
    """And nobody is left in the feed."""
    assert 401 == (await stranger.get("/dashboard/traffic/events")).status_code
    assert 0 == traffic.feed.n_viewers


async def test_events_tell_figures_and_decisions_until_their_time_is_over(sqlite_database, filled, traffic):
    """The browser then comes anew, and is asked again who it is."""
    stream = events_of(traffic, sqlite_database, lambda _: True, pace=QUICK)
    first = await anext(stream)
    second = await anext(stream)
    traffic.feed.finished(filled[0])
    rest = b"".join([each async for each in stream]).decode()
    [(name, data)] = told(second.decode())

    assert (b"retry: 2000\n\n", "figures", {"cheap/one": 2, "good/one": 0}) == (first, name, data["in_flight"])
    assert ("1", "0") == (data["n"], data["n_failed"])
    assert [filled[0].id] == [data["id"] for name, data in told(rest) if name == "decision"]
    assert 0 == traffic.feed.n_viewers


async def test_a_viewer_that_leaves_is_forgotten(sqlite_database, traffic):
    """Also in the middle of waiting."""
    stream = events_of(traffic, sqlite_database, lambda _: True)
    await anext(stream)
    await anext(stream)
    assert 1 == traffic.feed.n_viewers
    waiting = asyncio.ensure_future(anext(stream))
    await asyncio.sleep(0)
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    await stream.aclose()

    assert 0 == traffic.feed.n_viewers


async def test_events_go_on_without_a_database(tmp_path, traffic):
    """Who is busy and what ends is known without it."""
    lost = open_database(f"sqlite:///{tmp_path}/nothing.sqlite")
    (tmp_path / "nothing.sqlite").mkdir()
    with pytest.raises(StorageError):
        await figures(lost, now=NOW)
    stream = events_of(traffic, lost, lambda _: True, pace=QUICK)
    text = b"".join([each async for each in stream]).decode()
    await lost.aclose()

    assert {"in_flight": {"cheap/one": 2, "good/one": 0}, "n_dropped": 0} == told(text)[0][1]


def test_a_row_is_written_as_text():
    """Whatever is in it; a request that was refused at the door has one too."""
    full = cells_of(a_decision(0, now=NOW))
    bare = cells_of(DecisionRecord(new_id(), NOW, "refused", "chat", stream=False, decision=None, error_code="bad"))

    assert (HOSTILE, "code 90\u202f%" if full["intent"].startswith("code") else full["intent"]) == (
        full["question"],
        full["intent"],
    )
    assert ("–", "–", "bad", "–", "0", "") == tuple(
        bare[name] for name in ("model", "intent", "question", "cost", "tokens", "attempts")
    )
    assert "×2" == cells_of(a_decision(4, now=NOW))["attempts"]


async def test_figures_are_of_the_last_five_minutes(sqlite_database):
    """Percentiles by nearest rank; who failed is counted."""
    book = DecisionBook()
    young = [replace(a_decision(n, now=NOW), id=new_id(), ts=NOW - timedelta(seconds=n)) for n in range(1, 101)]
    young[0] = replace(young[0], status="failed_upstream")
    old = replace(a_decision(1, now=NOW), ts=NOW - timedelta(minutes=6))
    records = [*young, old]
    await sqlite_database.transact(lambda connection: book.write(connection, [book.payload(each) for each in records]))
    found = await figures(sqlite_database, now=NOW)

    assert (100, 20.0, 1, False, 100) == tuple(
        found[name] for name in ("n", "per_minute", "n_failed", "is_cut", "n_ttft")
    )
    assert {"p50": 130.0, "p95": 175.0, "p99": 179.0} == found["ttft_ms"]


def test_a_percentile_is_a_value_that_was_measured():
    """Of one value it is that one, of none there is none."""
    assert (None, 7.0, 7.0, 50.0, 99.0) == (
        percentile([], 50),
        percentile([7.0], 50),
        percentile([7.0], 99),
        percentile(list(map(float, range(1, 101))), 50),
        percentile(list(map(float, range(1, 101))), 99),
    )


async def test_the_figures_are_read_through_the_index_of_times(sqlite_database, statements):
    """However many decisions there are."""
    await figures(sqlite_database, now=NOW)
    [asked] = statements
    async with sqlite_database.reading() as connection:
        plan = (await connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {asked}", ("2026", "2027", 10, 0))).all()

    assert ["SEARCH decision USING INDEX ix_decision_ts_id (ts>? AND ts<?)"] == [row[3] for row in plan]
