"""Reads decisions newest first, a page at a time, through an index whatever is asked for.

One filter leads and is answered by its index. The others are looked for along that index, in at most `REACH` rows a
page: what comes of a rare combination is said to be "not found back to …", and the next page looks further back.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import and_, or_, select

from router.tables import decision, preview

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping, Sequence
    from datetime import datetime

    from sqlalchemy import ColumnElement, Select

    from config.database import Database

__all__ = ["PAGE_ROWS", "REACH", "Cursor", "Filters", "Found", "every_decision", "find_decisions", "page_query"]

PAGE_ROWS: Final = 50
REACH: Final = 2_000
"""Rows looked at for one page: about 20 ms of SQLite where each lies on a page of its own."""
EXPORT_ROWS: Final = 1_000

SHOWN = (
    decision.c.id,
    decision.c.ts,
    decision.c.status,
    decision.c.http_status,
    decision.c.error_code,
    decision.c.endpoint,
    decision.c.requested,
    decision.c.chosen,
    decision.c.served_model,
    decision.c.explored,
    decision.c.intent,
    decision.c.confidence,
    decision.c.intent_source,
    decision.c.conversation_id,
    decision.c.key_prefix,
    decision.c.n_attempts,
    decision.c.duration_ms,
    decision.c.ttft_ms,
    decision.c.input_tokens,
    decision.c.output_tokens,
    decision.c.cost_usd,
)


@dataclass(frozen=True, slots=True)
class Cursor:
    """The last row that was looked at: the next page begins behind it."""

    ts: datetime
    id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Filters:
    """What is asked for; `None` leaves it open."""

    conversation: str | None = None
    key: str | None = None
    intent: str | None = None
    model: str | None = None
    """The model that was chosen."""
    status: str | None = None
    text: str | None = None
    """Stands somewhere in the preview."""
    since: datetime | None = None
    """Inclusive."""
    until: datetime | None = None
    """Exclusive."""


@dataclass(frozen=True, slots=True)
class Found:
    """One page."""

    rows: tuple[Mapping[str, Any], ...]
    """By the names of the columns, with `preview`."""
    after: Cursor | None
    """Where the next page begins; `None` at the end of the books."""
    is_partial: bool
    """Whether the look back ended before the page was full."""


LEADERS: Final[tuple[tuple[str, ColumnElement[Any]], ...]] = (
    ("conversation", decision.c.conversation_id),
    ("key", decision.c.key_prefix),
    ("intent", decision.c.intent),
    ("model", decision.c.chosen),
    ("status", decision.c.status),
)
"""Filters that have an index with the time behind them, those that are usually narrowest first."""


async def find_decisions(
    database: Database,
    filters: Filters,
    *,
    after: Cursor | None = None,
    n_rows: int = PAGE_ROWS,
    reach: int = REACH,
) -> Found:
    """Return the newest decisions that fit, behind `after`, at most `n_rows` < `reach`. Raises `StorageError`."""
    lead, rest = _split(filters)
    query = page_query(filters, after=after, n_rows=n_rows + 1, reach=reach)
    async with database.reading() as connection:
        rows = (await connection.execute(query)).mappings().all()
        is_full = len(rows) > n_rows
        end = None
        if rest and not is_full:
            last = _walk(lead, after, (decision.c.ts, decision.c.id)).limit(1).offset(reach - 1)
            end = (await connection.execute(last)).one_or_none()
        shown = rows[:n_rows]
        ids = [each["id"] for each in shown]
        texts: dict[str, str] = {}
        if ids:
            query = select(preview.c.decision_id, preview.c.text).where(preview.c.decision_id.in_(ids))
            texts = {each.decision_id: each.text for each in await connection.execute(query)}
    onward = Cursor(shown[-1]["ts"], shown[-1]["id"]) if is_full else None
    if end is not None:
        onward = Cursor(end.ts, end.id)
    return Found(
        tuple({**each, "preview": texts.get(each["id"])} for each in shown), onward, is_partial=end is not None
    )


async def every_decision(
    database: Database, filters: Filters, *, n_rows: int = EXPORT_ROWS
) -> AsyncIterator[Mapping[str, Any]]:
    """Yield all that fit, newest first, of which `n_rows` are held at once. Raises `StorageError`."""
    after: Cursor | None = None
    while True:
        found = await find_decisions(database, filters, after=after, n_rows=n_rows)
        for each in found.rows:
            yield each
        after = found.after
        if after is None:
            return


def page_query(filters: Filters, *, after: Cursor | None, n_rows: int, reach: int = REACH) -> Select[Any]:
    """Return the query of a page: at most `n_rows`, newest first."""
    lead, rest = _split(filters)
    if not rest:
        return _walk(lead, after, SHOWN).limit(n_rows)
    walk = _walk(lead, after, SHOWN).limit(reach).subquery("walk")
    query = select(walk)
    wanted = [walk.c[column] == value for column, value in rest if column != "text"]
    text = dict(rest).get("text")
    if text is not None:
        query = query.join(preview, preview.c.decision_id == walk.c.id)
        wanted.append(preview.c.text.icontains(text, autoescape=True))
    return query.where(*wanted).order_by(walk.c.ts.desc(), walk.c.id.desc()).limit(n_rows)


def _split(filters: Filters) -> tuple[list[ColumnElement[bool]], list[tuple[str, str]]]:
    """Return the conditions that the index answers, and the others as (column, value)."""
    lead: list[ColumnElement[bool]] = []
    rest: list[tuple[str, str]] = []
    given: list[tuple[ColumnElement[Any], str]] = [
        (column, value) for name, column in LEADERS if (value := getattr(filters, name)) is not None
    ]
    if given:
        column, value = given[0]
        lead.append(column == value)
        rest += [(str(column.key), value) for column, value in given[1:]]
    if filters.text is not None:
        rest.append(("text", filters.text))
    if filters.since is not None:
        lead.append(decision.c.ts >= filters.since)
    if filters.until is not None:
        lead.append(decision.c.ts < filters.until)
    return lead, rest


def _walk(
    lead: Sequence[ColumnElement[bool]], after: Cursor | None, columns: Sequence[ColumnElement[Any]]
) -> Select[Any]:
    query = select(*columns).where(*lead)
    if after is not None:  # in this form SQLite seeks by the time also where the index has no id
        query = query.where(and_(decision.c.ts <= after.ts, or_(decision.c.ts < after.ts, decision.c.id < after.id)))
    return query.order_by(decision.c.ts.desc(), decision.c.id.desc())
