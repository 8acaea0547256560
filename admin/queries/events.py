"""Reads tables of events newest first, a page at a time, along their index by time: the log, and who changed what.

What no index answers is looked for along it, in at most `REACH` rows a page; the next page looks further back.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import String, and_, cast, or_, select

from admin.queries.decisions import Cursor, Found
from config.tables import audit, log_event

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import ColumnElement, Select, Table

    from config.database import Database

__all__ = ["PAGE_ROWS", "REACH", "find_changes", "find_log_events"]

PAGE_ROWS: Final = 50
REACH: Final = 2_000


async def find_log_events(
    database: Database,
    *,
    levels: Sequence[str] | None,
    event: str | None = None,
    decision_id: str | None = None,
    text: str | None = None,
    span: Sequence[ColumnElement[bool]] = (),
    after: Cursor | None = None,
) -> Found:
    """Return the newest events of these levels, `None` for all, that fit, behind `after`. Raises `StorageError`.

    `event` is how its words begin; `text` stands somewhere in its fields. Each level has its own walk along the index:
    ten errors are found at once among a million other events.
    """
    columns = log_event.c
    rest: list[ColumnElement[bool]] = []
    if event is not None:
        rest.append(columns.event.istartswith(event, autoescape=True))
    if decision_id is not None:
        rest.append(columns.decision_id == decision_id)
    if text is not None:
        rest.append(cast(columns.fields, String).icontains(text, autoescape=True))
    if levels is None:
        return await _find(database, log_event, span, rest, after=after)
    return _merged(
        [await _find(database, log_event, [columns.level == each, *span], rest, after=after) for each in levels]
    )


async def find_changes(
    database: Database,
    *,
    actor: str | None = None,
    action: str | None = None,
    subject: str | None = None,
    span: Sequence[ColumnElement[bool]] = (),
    after: Cursor | None = None,
) -> Found:
    """Return the newest changes that fit, behind `after`; what is asked for stands somewhere in its column.

    Raises `StorageError`.
    """
    asked = ((audit.c.actor, actor), (audit.c.action, action), (audit.c.subject, subject))
    rest = [column.icontains(value, autoescape=True) for column, value in asked if value is not None]
    return await _find(database, audit, span, rest, after=after)


async def _find(
    database: Database,
    table: Table,
    lead: Sequence[ColumnElement[bool]],
    rest: Sequence[ColumnElement[bool]],
    *,
    after: Cursor | None,
) -> Found:
    """Return a page: `lead` is answered by the index, `rest` is looked for along it."""
    walk = _walk(table, lead, after)
    async with database.reading() as connection:
        if rest:
            near = walk.with_only_columns(table.c.id).limit(REACH).subquery()
            query = select(table).where(table.c.id.in_(select(near.c.id)), *rest)
            query = query.order_by(table.c.ts.desc(), table.c.id.desc())
        else:
            query = walk
        rows = (await connection.execute(query.limit(PAGE_ROWS + 1))).mappings().all()
        is_full = len(rows) > PAGE_ROWS
        end = None
        if rest and not is_full:
            last = walk.with_only_columns(table.c.ts, table.c.id).limit(1).offset(REACH - 1)
            end = (await connection.execute(last)).one_or_none()
    shown = tuple(dict(each) for each in rows[:PAGE_ROWS])
    onward = Cursor(shown[-1]["ts"], shown[-1]["id"]) if is_full else None
    if end is not None:
        onward = Cursor(end.ts, end.id)
    return Found(shown, onward, is_partial=end is not None)


def _merged(pages: Sequence[Found]) -> Found:
    """Return one page of several: down to where the first of them that goes on ends, since it may have more below."""
    ends = [page.after for page in pages if page.after is not None]
    end = max(ends, key=lambda each: (each.ts, each.id), default=None)
    rows = [row for page in pages for row in page.rows if end is None or (row["ts"], row["id"]) >= (end.ts, end.id)]
    rows.sort(key=lambda row: (row["ts"], row["id"]), reverse=True)
    if len(rows) > PAGE_ROWS:
        last = rows[PAGE_ROWS - 1]
        return Found(tuple(rows[:PAGE_ROWS]), Cursor(last["ts"], last["id"]), is_partial=False)
    return Found(tuple(rows), end, is_partial=any(page.is_partial for page in pages))


def _walk(table: Table, lead: Sequence[ColumnElement[bool]], after: Cursor | None) -> Select[Any]:
    query = select(table).where(*lead)
    if after is not None:
        query = query.where(
            and_(
                table.c.ts <= after.ts, or_(table.c.ts < after.ts, and_(table.c.ts == after.ts, table.c.id < after.id))
            )
        )
    return query.order_by(table.c.ts.desc(), table.c.id.desc())
