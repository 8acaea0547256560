"""The logs page: what happened, searched; the level; and the audit page, which is searched alike."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select

from admin.desk.logs import LogState
from admin.queries import events
from config.ids import new_id
from config.tables import audit, log_event

NOW = datetime.now(UTC)
HOSTILE = "<script>alert(1)</script><svg onload=x>\x1b[31m\u202e{{7*7}}"


class Logs:
    """A process that logs at INFO."""

    def __init__(self):
        self.now = LogState("INFO", "INFO", is_kept=True, n_lost=0, retention_days=30)

    def state(self):
        return self.now

    def set_level(self, level):
        self.now = replace(self.now, level=level)


@pytest.fixture
def logs():
    """The process's log."""
    return Logs()


@pytest.fixture
def desk(desk, logs):
    """A desk with a log."""
    return replace(desk, logs=logs)


def an_event(n, level="INFO", event="books_recovered", decision_id=None, **fields):
    return {
        "id": new_id(), "ts": NOW - timedelta(seconds=n), "level": level, "logger": "thalamus.test", "event": event,
        "decision_id": decision_id, "fields": fields,
    }  # fmt: skip


def a_change(n, actor="dashboard:mei", action="set_override", subject="balancing.weights.m", **values):
    return {
        "id": new_id(), "ts": NOW - timedelta(seconds=n), "actor": actor, "action": action, "subject": subject,
        "before": values.get("before"), "after": values.get("after"),
    }  # fmt: skip


async def write(database, table, rows):
    async with database.writing() as connection:
        await connection.execute(table.insert(), rows)


async def found(site, path):
    answer = await site.get(path)
    assert 200 == answer.status_code, answer.text
    return answer.json()


async def every_page(site, path, rows):
    """Follow the pages to the end, and return all rows of them."""
    seen = []
    while path is not None:
        page = await found(site, path.replace("?", ".json?", 1) if "?" in path else f"{path}.json")
        seen += page[rows]
        path = page["next"]
    return seen


async def test_events_are_searched(site, sqlite_database):
    """By level, how the event begins, its decision, text in its fields, and time."""
    decision_id = new_id()
    await write(
        sqlite_database,
        log_event,
        [
            an_event(1, "DEBUG"),
            an_event(2, "WARNING", "breaker_opened", deployment="良/one"),
            an_event(3, "ERROR", "request_failed", decision_id, error="Boom_100%"),
            an_event(7200, "CRITICAL", "writer_died"),
        ],
    )

    async def names(query):
        return [each["event"] for each in (await found(site, f"/dashboard/logs.json?{query}"))["events"]]

    an_hour_ago = (NOW - timedelta(hours=1)).isoformat().replace("+", "%2B")
    assert ["books_recovered", "breaker_opened", "request_failed", "writer_died"] == await names("")
    assert ["breaker_opened", "request_failed", "writer_died"] == await names("level=WARNING")
    assert ["request_failed", "writer_died"] == await names("level=ERROR")
    assert ["breaker_opened"] == await names("event=breaker")
    assert ["breaker_opened"] == await names("level=WARNING&text=良")
    assert ["request_failed"] == await names("text=_100%25")
    assert ["request_failed"] == await names(f"decision={decision_id}")
    assert ["writer_died"] == await names(f"until={an_hour_ago}")
    assert ["breaker_opened", "request_failed"] == await names(f"level=WARNING&since={an_hour_ago}")


@pytest.mark.parametrize("query", ["", "?level=WARNING", "?text=odd", "?level=INFO&text=odd", "?level=ERROR"])
async def test_pages_miss_nothing_and_repeat_nothing(site, sqlite_database, query):
    """Following "older" shows every event that fits exactly once, in order, also where many have one time."""
    levels = ("INFO", "INFO", "WARNING", "DEBUG", "ERROR")
    rows = [an_event(n // 7, levels[n % 5], f"e{n}", kind="odd" if n % 3 else "even") for n in range(230)]
    await write(sqlite_database, log_event, rows)
    wanted = {
        "": rows,
        "?level=WARNING": [each for each in rows if each["level"] in {"WARNING", "ERROR"}],
        "?text=odd": [each for each in rows if each["fields"]["kind"] == "odd"],
        "?level=INFO&text=odd": [each for each in rows if each["fields"]["kind"] == "odd" and each["level"] != "DEBUG"],
        "?level=ERROR": [each for each in rows if each["level"] == "ERROR"],
    }[query]
    wanted.sort(key=lambda each: (each["ts"], each["id"]), reverse=True)
    seen = await every_page(site, f"/dashboard/logs{query}", "events")

    assert [each["event"] for each in wanted] == [each["event"] for each in seen]


async def test_a_rare_text_is_looked_for_a_stretch_at_a_time(site, sqlite_database):
    """A page looks at so many rows at most, says how far back it looked, and the next one goes on."""
    rows = [an_event(n, "INFO" if n % 2 else "WARNING", f"e{n}") for n in range(2 * events.REACH + 500)]
    rows[-1]["fields"] = {"word": "needle"}
    await write(sqlite_database, log_event, rows)
    first = await found(site, "/dashboard/logs.json?text=needle")
    page = await site.get("/dashboard/logs?text=needle")
    seen = await every_page(site, "/dashboard/logs?text=needle", "events")
    warnings = await every_page(site, "/dashboard/logs?text=needle&level=INFO", "events")

    assert [] == first["events"]
    assert first["searched_back_to"] is not None
    assert "Looked back to" in page.text
    assert [rows[-1]["event"]] == [each["event"] for each in seen] == [each["event"] for each in warnings]


async def test_log_search_goes_along_its_indexes(sqlite_database):
    """No scan and no sort, whatever the level: a million events are searched as fast as a thousand."""
    table = log_event
    plans = []
    async with sqlite_database.reading() as connection:
        for lead in ([], [table.c.level == "ERROR"], [table.c.ts >= NOW]):
            query = events._walk(table, lead, events.Cursor(NOW, new_id())).limit(50)
            compiled = query.compile(connection.engine, compile_kwargs={"literal_binds": True})
            explained = await connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {compiled}")
            plans.append(" ".join(row[3] for row in explained))

    assert ["ix_log_event_ts_id", "ix_log_event_level_ts_id", "ix_log_event_ts_id"] == [
        plan.split("INDEX ")[1].split(" ")[0] for plan in plans
    ]
    assert [] == [plan for plan in plans if "SCAN" in plan or "TEMP B-TREE" in plan]


@pytest.mark.parametrize(
    ("query", "told_of"),
    [
        ("level=LOUD", "LOUD"),
        ("decision=42", "no id of a decision"),
        ("event=" + "x" * 201, "200"),
        ("since=yesterday", "yesterday"),
        ("since=2026-11-22&until=2026-11-21", ""),
        ("before=2026", ""),
    ],
)
async def test_questions_that_make_no_sense_are_refused(site, query, told_of):
    """In words, with status 400, on the page and in its twin."""
    page, twin = await site.get(f"/dashboard/logs?{query}"), await site.get(f"/dashboard/logs.json?{query}")

    assert (400, 400) == (page.status_code, twin.status_code)
    assert told_of in page.text


@pytest.mark.parametrize("language", ["en", "zh"])
async def test_what_events_hold_is_text(site, sqlite_database, language):
    """Neither an event nor its fields nor an audit row can be markup."""
    await write(sqlite_database, log_event, [an_event(1, "ERROR", HOSTILE, **{HOSTILE: HOSTILE, "long": HOSTILE * 20})])
    hostile = {"value": [HOSTILE, HOSTILE * 20]}
    await write(sqlite_database, audit, [a_change(1, HOSTILE, HOSTILE, HOSTILE, before=HOSTILE, after=hostile)])
    for path in ("/dashboard/logs", "/dashboard/audit"):
        page = await site.get(path, headers={"accept-language": language})

        assert 200 == page.status_code
        assert "<script>alert" not in page.text
        assert "<svg onload" not in page.text
        assert "&lt;script&gt;alert(1)" in page.text
        assert "{{7*7}}" in page.text


async def test_the_level_is_set_and_audited(site, logs, sqlite_database):
    """At once, until a restart; setting it again writes nothing."""
    page = await site.change("/dashboard/logs/level", level="DEBUG")
    await site.change("/dashboard/logs/level", level="DEBUG")
    wrong = await site.change("/dashboard/logs/level", level="TRACE")
    async with sqlite_database.reading() as connection:
        rows = (await connection.execute(select(audit).where(audit.c.action == "set_log_level"))).mappings().all()

    assert "Events from DEBUG on are logged, until a restart." in page.text
    assert "The settings say INFO" in page.text
    assert "DEBUG" == logs.now.level
    assert 400 == wrong.status_code
    assert [("dashboard:the-admin", "logging.level", "INFO", "DEBUG")] == [
        (row["actor"], row["subject"], row["before"], row["after"]) for row in rows
    ]


async def test_who_may_look_sets_no_level(viewer, logs):
    """The form is not there, and what is sent without it is refused."""
    page = await viewer.get("/dashboard/logs")
    refused = await viewer.send_form("/dashboard/logs/level", level="DEBUG")

    assert "/dashboard/logs/level" not in page.text
    assert (403, "INFO") == (refused.status_code, logs.now.level)


async def test_what_is_not_kept_is_said(site, logs):
    """Where another program logs, or events were lost, the page does not look as if all were well."""
    logs.now = replace(logs.now, is_kept=False, n_lost=12, retention_days=0)
    page = await site.get("/dashboard/logs")

    assert "no event is kept here" in page.text
    assert "12 events since the start are not here" in page.text
    assert "kept for ever" in page.text


async def test_without_a_log_there_is_no_page(open_site):
    """A gateway that offers none shows none."""
    async with open_site(logs=None) as site:
        assert 404 == (await site.get("/dashboard/logs")).status_code
        assert 404 == (await site.send_form("/dashboard/logs/level", level="DEBUG")).status_code


async def test_changes_are_searched(site, sqlite_database):
    """By who, what and of what, newest first; an empty book gives the command that fills it."""
    await write(sqlite_database, audit, [a_change(1, action="revoke_key", subject="sk-thal-abc", after={"n": None})])
    await write(sqlite_database, audit, [a_change(2, "cli"), a_change(3, subject="规则")])

    async def subjects(query):
        changes = (await found(site, f"/dashboard/audit.json?{query}"))["changes"]
        return [each["subject"] for each in changes if each["action"] != "make_user"]

    assert ["sk-thal-abc", "balancing.weights.m", "规则"] == await subjects("")
    assert ["balancing.weights.m"] == await subjects("actor=cli")
    assert ["sk-thal-abc"] == await subjects("action=revoke")
    assert ["规则"] == await subjects("subject=规则&actor=MEI")
    assert [] == await subjects("subject=%25")
    assert "Revoked a key" in (await site.get("/dashboard/audit")).text


async def test_pages_of_changes_miss_nothing(site, sqlite_database):
    """Following "older" shows each exactly once."""
    rows = [a_change(n // 9, actor="many", subject=f"s{n}") for n in range(120)]
    await write(sqlite_database, audit, rows)
    seen = await every_page(site, "/dashboard/audit?actor=many", "changes")

    assert 120 == len(seen) == len({each["subject"] for each in seen})


async def test_empty_books_say_so(open_site, sqlite_database):
    """The empty state says what would fill the page; a search that fits nothing says that."""
    async with open_site("viewer") as site:
        async with sqlite_database.writing() as connection:
            await connection.execute(audit.delete())
        audit_page, searched = await site.get("/dashboard/audit"), await site.get("/dashboard/audit?actor=nobody")
        log_page = await site.get("/dashboard/logs")

    assert "Nothing was changed yet" in audit_page.text
    assert "No change fits" in searched.text
    assert "Nothing happened yet" in log_page.text
