"""The list of decisions: filters, paging, the file; what it asks of the database."""

import csv
import io
import json
import re
from datetime import UTC, datetime, timedelta
from itertools import product

import pytest
from sqlalchemy.dialects import sqlite

from admin.queries.decisions import Cursor, Filters, every_decision, find_decisions, page_query
from admin.queries.names import known_domains, known_intents, known_models
from admin.queries.traffic import figures
from config.ids import new_id
from router.ledger import DecisionBook
from tests.admin.conftest import HOSTILE, a_decision

NOW = datetime(2026, 11, 21, 8, 0, tzinfo=UTC)
VALUES = {"conversation": "c", "key": "k", "intent": "i", "model": "m", "status": "completed", "text": "t"}
BAD_QUERIES = [
    ("status=fine", "no_such_status"),
    ("since=tomorrow", "bad_time"),
    ("since=0001-01-01T00:00%2B14:00", "bad_time"),
    ("until=2026-13-41", "bad_time"),
    ("since=9999-01-01", "in_the_future"),
    ("since=2026-02-02&until=2026-02-01", "ends_before_it_begins"),
    (f"text={'x' * 201}", "too_long"),
    ("before=yesterday", "bad_time"),
    ("before=2026-11-21T08:00:00%2B00:00~../etc/passwd", "bad_cursor"),
    ("before=~", "bad_cursor"),
]


async def ids(site, query=""):
    answer = await site.get(f"/dashboard/decisions.json?{query}")
    assert answer.status_code == 200, answer.text
    return [each["id"] for each in answer.json()["decisions"]]


async def test_the_newest_come_first(site, filled):
    """All thirty, in the order of their times, with what stands in the books of each."""
    twin = (await site.get("/dashboard/decisions.json")).json()
    first = twin["decisions"][0]

    assert [each.id for each in filled] == [each["id"] for each in twin["decisions"]]
    assert (filled[0].served_model, "completed", "good", HOSTILE.replace("\x00", "")) == tuple(
        first[name] for name in ("served_model", "status", "state", "preview")
    )
    assert (["cheap", "good"], ["code", "math"]) == (twin["models"], twin["intents"])


@pytest.mark.parametrize("language", ["en", "zh"])
async def test_what_a_prompt_holds_is_text(site, filled, language):
    """Script and SVG of a question stand there escaped, in both languages."""
    page = await site.get("/dashboard/decisions", headers={"accept-language": language})

    assert 200 == page.status_code
    assert "<script>alert(1)" not in page.text
    assert "&lt;script&gt;alert(1)" in page.text


@pytest.mark.parametrize(
    ("query", "fits"),
    [
        ("model=good", lambda _n, r: r.decision.chosen == "good"),
        ("intent=math", lambda _n, r: r.intent.labels == ("math",)),
        ("conversation=talk-3", lambda _n, r: r.conversation_id == "talk-3"),
        ("key=sk-thal-abcdef&model=good", lambda _n, r: r.decision.chosen == "good"),
        ("status=refused", lambda _n, _r: False),
        ("intent=code&model=cheap&status=completed", lambda n, _r: n % 3 != 0),
        ("text=SORTING", lambda n, _r: n % 2 == 0 and n > 0),
        ("text=排序&model=good", lambda n, r: n % 2 == 1 and r.decision.chosen == "good"),
        ("text=50%25_", lambda _n, _r: False),
    ],
)
async def test_filters_leave_what_fits(site, filled, query, fits):
    """Alone and together; signs that mean something to a database mean nothing in a text."""
    assert [each.id for n, each in enumerate(filled) if fits(n, each)] == await ids(site, query)


async def test_a_time_range_includes_its_beginning_and_not_its_end(site, filled):
    """Moments without a zone are UTC."""
    since, until = filled[20].ts, filled[10].ts
    query = f"since={since.replace(tzinfo=None).isoformat()}&until={until.isoformat()}"

    assert [each.id for each in filled[11:21]] == await ids(site, query)


async def test_pages_join_without_gap_or_overlap(sqlite_database, filled):
    """Whatever is asked for: following the cursor gives every decision that fits, once."""
    for filters in (Filters(), Filters(model="cheap"), Filters(key="sk-thal-abcdef", intent="code")):
        whole = await find_decisions(sqlite_database, filters, n_rows=100)
        seen, after = [], None
        while True:
            found = await find_decisions(sqlite_database, filters, after=after, n_rows=4)
            seen += [each["id"] for each in found.rows]
            after = found.after
            if after is None:
                break

        assert [each["id"] for each in whole.rows] == seen
        assert len(seen) > 10


async def test_decisions_of_one_moment_are_all_paged(sqlite_database, filled):
    """Where many have the same time, their ids decide."""
    async with sqlite_database.writing() as connection:
        await connection.exec_driver_sql("UPDATE decision SET ts = '2026-11-21T08:00:00.000000+00:00'")
    seen, after = set(), None
    for _ in range(8):
        found = await find_decisions(sqlite_database, Filters(key="sk-thal-abcdef"), after=after, n_rows=4)
        seen |= {each["id"] for each in found.rows}
        after = found.after

    assert (None, 30) == (after, len(seen))


async def test_a_rare_combination_is_looked_for_a_bounded_way_back(sqlite_database, filled):
    """The page says how far it looked; the next one goes on there and finds it."""
    filters = Filters(key="sk-thal-abcdef", text="Write")
    first = await find_decisions(sqlite_database, Filters(status="completed", text="nowhere"), n_rows=3, reach=6)
    pages, after = 0, None
    seen = []
    while True:
        found = await find_decisions(sqlite_database, filters, after=after, n_rows=3, reach=6)
        seen += [each["id"] for each in found.rows]
        pages, after = pages + 1, found.after
        if after is None:
            break

    assert ((), True, filled[5].id) == (first.rows, first.is_partial, first.after.id)
    assert [each.id for n, each in enumerate(filled) if n % 2 == 0 and n > 0] == seen
    assert pages >= 5


@pytest.mark.parametrize(("query", "key"), BAD_QUERIES)
async def test_filters_that_make_no_sense_are_refused_in_words(site, query, key):
    """400 with a sentence, on the page, its twin and the file alike."""
    page = await site.get(f"/dashboard/decisions?{query}")
    twin = await site.get(f"/dashboard/decisions.json?{query}")
    if key != "bad_cursor" and not query.startswith("before"):
        file = await site.get(f"/dashboard/decisions/export?{query}")
        assert 400 == file.status_code

    assert (400, 400, f"decisions.{key}") == (page.status_code, twin.status_code, twin.json()["error"]["code"])


async def test_an_empty_book_says_how_to_fill_it(site):
    """The command that sends a request; and with filters, that nothing fits."""
    empty = await site.get("/dashboard/decisions")
    filtered = await site.get("/dashboard/decisions?model=x")

    assert "curl" in empty.text
    assert "No decision fits" in filtered.text


async def test_the_file_holds_everything_that_fits(site, sqlite_database, filled):
    """As CSV with names in the first row and as JSON lines, read from the books a few rows at a time."""
    paged = [each["id"] async for each in every_decision(sqlite_database, Filters(text="sorting"), n_rows=4)]
    as_csv = await site.get("/dashboard/decisions/export?model=good&format=csv")
    lines = await site.get("/dashboard/decisions/export?format=jsonl")
    rows = list(csv.DictReader(io.StringIO(as_csv.content.decode("utf-8-sig"))))

    assert [each.id for each in filled if each.decision.chosen == "good"] == [each["id"] for each in rows]
    assert [each.id for each in filled[2::2]] == paged
    assert [each.id for each in filled] == [json.loads(line)["id"] for line in lines.text.splitlines()]
    assert re.fullmatch(r'attachment; filename="decisions-\d{8}-\d{4}\.csv"', as_csv.headers["content-disposition"])
    assert ("text/csv; charset=utf-8", "no-store") == (
        as_csv.headers["content-type"],
        as_csv.headers["cache-control"],
    )


async def test_only_who_is_logged_in_gets_the_file(stranger, site):
    """And only in a format that there is."""
    assert 401 == (await stranger.get("/dashboard/decisions/export")).status_code
    assert 400 == (await site.get("/dashboard/decisions/export?format=xlsx")).status_code


async def test_every_combination_of_filters_is_served_by_an_index(sqlite_database):
    """No plan scans the decisions or the previews, or sorts more than rows of one moment."""
    cursor = Cursor(NOW, new_id())
    statements = []
    for chosen in product((False, True), repeat=len(VALUES)):
        given = {name: value for take, (name, value) in zip(chosen, VALUES.items(), strict=True) if take}
        for times, after in product(({}, {"since": NOW - timedelta(1), "until": NOW}), (None, cursor)):
            statements.append(page_query(Filters(**given, **times), after=after, n_rows=51))
    async with sqlite_database.reading() as connection:
        for statement in statements:
            text = statement.compile(dialect=sqlite.dialect(), compile_kwargs={"render_postcompile": True})
            plan = await connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {text}", tuple(text.params.values()))
            steps = [row[3] for row in plan]

            for step in steps:
                is_whole_scan = step.startswith("SCAN ") and "USING INDEX" not in step and step != "SCAN walk"
                assert not is_whole_scan, (str(text), steps)
                is_bounded = step != "USE TEMP B-TREE FOR ORDER BY" or "SCAN walk" in steps  # of the rows in reach
                assert is_bounded, (str(text), steps)


async def test_the_page_asks_the_database_a_handful_of_questions(site, filled, statements):
    """However many decisions there are."""
    await site.get("/dashboard/decisions")

    assert len([each for each in statements if "admin_" not in each]) <= 5


async def test_both_databases_find_and_page_alike(database):
    """Filters, a text in any case, the cursor and the figures, on SQLite and on PostgreSQL."""
    book = DecisionBook()
    records = [a_decision(n, now=NOW) for n in range(30)]
    await database.transact(lambda connection: book.write(connection, [book.payload(each) for each in records]))
    first = await find_decisions(database, Filters(model="good"), n_rows=4)
    second = await find_decisions(database, Filters(model="good"), after=first.after, n_rows=40)
    worded = await find_decisions(database, Filters(key="sk-thal-abcdef", intent="code", text="SORTING"))
    timed = await find_decisions(database, Filters(since=records[20].ts, until=records[10].ts))
    lately = await figures(database, now=NOW)

    assert [each.id for n, each in enumerate(records) if n % 3 == 0] == [
        each["id"] for each in (*first.rows, *second.rows)
    ]
    assert [each.id for n, each in enumerate(records) if n % 2 == 0 and n % 3 and n] == [
        each["id"] for each in worded.rows
    ]
    assert [each.id for each in records[11:21]] == [each["id"] for each in timed.rows]
    assert (1, 80.0) == (lately["n"], lately["ttft_ms"]["p99"])
    assert (["cheap", "good"], ["code", "math"]) == (await known_models(database), await known_domains(database))
    assert ["code", "math"] == await known_intents(database, since=NOW - timedelta(days=2))
