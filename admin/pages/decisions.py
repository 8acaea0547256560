"""Which requests came, and how did each end? A list with filters, a page at a time, and the same as a file."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final, get_args
from urllib.parse import urlencode

from admin.export import CSV, JSONL, as_csv, as_jsonl
from admin.page import Page, Refused, Stream, Streamed
from admin.queries.decisions import Cursor, Filters, every_decision, find_decisions
from admin.queries.names import known_intents, known_models
from config.ids import is_id
from config.types import DecisionStatus

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from admin.page import Data, Visit

STATUSES: Final[tuple[DecisionStatus, ...]] = get_args(DecisionStatus)
STATES: Final[Mapping[str, str]] = {
    "completed": "good",
    "failed_upstream": "bad",
    "aborted_by_client": "warn",
    "refused": "warn",
    "held": "info",
    "analyzed": "off",
}
"""How a status is marked, by its name."""
TEXTS: Final = ("conversation", "key", "intent", "model", "text")
MAX_CHARS: Final = 200
AHEAD: Final = timedelta(days=1)
"""Clocks and zones differ by less."""


async def read(visit: Visit) -> Data:
    """Return the newest decisions that fit, and where the next page is."""
    filters, after = filters_of(visit), cursor_of(visit)
    found = await find_decisions(visit.desk.database, filters, after=after)
    asked = {name: value for name, value in visit.query.items() if value and name not in {"before", "format"}}
    onward = None if found.after is None else {**asked, "before": cursor_text(found.after)}
    return {
        "decisions": [shown(each) for each in found.rows],
        "asked": asked,
        "is_first": after is None,
        "searched_back_to": found.after.ts.isoformat() if found.is_partial and found.after is not None else None,
        "next": None if onward is None else f"/dashboard/decisions?{urlencode(onward)}",
        "first": f"/dashboard/decisions?{urlencode(asked)}",
        "export": {
            kind: f"/dashboard/decisions/export?{urlencode({**asked, 'format': kind})}" for kind in (CSV, JSONL)
        },
        "statuses": list(STATUSES),
        "models": await known_models(visit.desk.database),
        "intents": await known_intents(visit.desk.database, since=visit.now - timedelta(days=30)),
    }


async def export(visit: Visit) -> Streamed:
    """Return everything that fits, newest first, as CSV or as JSON lines."""
    kind = visit.query.get("format", CSV)
    if kind not in {CSV, JSONL}:
        raise Refused("decisions.bad_format", value=kind[:40])
    rows = _exported(every_decision(visit.desk.database, filters_of(visit)))
    name = f"decisions-{visit.now:%Y%m%d-%H%M}.{kind}"
    return as_csv(rows, filename=name) if kind == CSV else as_jsonl(rows, filename=name)


def filters_of(visit: Visit) -> Filters:
    """Return what the address asks for. Raises `Refused` for what makes no sense."""
    query = visit.query
    given = {name: query[name].strip() for name in TEXTS if query.get(name, "").strip()}
    for name, value in given.items():
        if len(value) > MAX_CHARS:
            raise Refused("decisions.too_long", field=name, most=MAX_CHARS)
    status = query.get("status") or None
    if status is not None and status not in STATUSES:
        raise Refused("decisions.no_such_status", value=status[:40], known=", ".join(STATUSES))
    since, until = span_of(visit)
    return Filters(
        conversation=given.get("conversation"),
        key=given.get("key"),
        intent=given.get("intent"),
        model=given.get("model"),
        text=given.get("text"),
        status=status,
        since=since,
        until=until,
    )


def span_of(visit: Visit) -> tuple[datetime | None, datetime | None]:
    """Return begin and end of the time that is asked for. Raises `Refused` for what makes no sense."""
    since, until = _moment(visit.query.get("since"), "since"), _moment(visit.query.get("until"), "until")
    if since is not None and since > visit.now + AHEAD:
        raise Refused("decisions.in_the_future")
    if since is not None and until is not None and since >= until:
        raise Refused("decisions.ends_before_it_begins")
    return since, until


def cursor_of(visit: Visit) -> Cursor | None:
    """Return behind which decision the page begins. Raises `Refused`."""
    text = visit.query.get("before")
    if not text:
        return None
    ts, _, decision_id = text.partition("~")
    moment = _moment(ts, "before")
    if moment is None or not is_id(decision_id):
        raise Refused("decisions.bad_cursor")
    return Cursor(moment, decision_id)


def cursor_text(cursor: Cursor) -> str:
    """Return the cursor as addresses carry it."""
    return f"{cursor.ts.isoformat()}~{cursor.id}"


def shown(row: Mapping[str, Any]) -> Data:
    """Return a row as JSON values."""
    return {**row, "ts": row["ts"].isoformat(), "state": STATES.get(row["status"], "off")}


async def _exported(rows: AsyncIterator[Mapping[str, Any]]) -> AsyncIterator[Data]:
    async for each in rows:
        yield {**each, "ts": each["ts"].isoformat()}


def _moment(text: str | None, name: str) -> datetime | None:
    """Read a moment; one without a zone is UTC. Raises `Refused`."""
    if not text or not text.strip():
        return None
    try:
        moment = datetime.fromisoformat(text.strip().replace(" ", "+") if "T" in text else text.strip())
        return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    except (ValueError, OverflowError) as error:  # year 1 in another zone lies before the first moment
        raise Refused("decisions.bad_time", field=name, value=text[:40]) from error


PAGE = Page(name="decisions", path="/decisions", read=read, group="watch")
EXPORT = Stream(path="/decisions/export", open=export)
