"""Reads single decisions back; also those that were submitted a moment ago and still wait to be written."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from sqlalchemy import select

from config.columns import json_text, json_value
from config.errors import StorageError, UnavailableError
from router.tables import attempt, body, decision, outcome, preview

if TYPE_CHECKING:
    from collections.abc import Mapping

    from config.database import Database
    from config.types import Json
    from config.writer import GroupWriter

FLUSH_S = 1.0
"""Longest wait for a decision that waits in the journal."""


async def decision_json(database: Database, decision_id: str, *, writer: GroupWriter | None = None) -> Json | None:
    """Return a decision by the names of its columns, with `attempts`, `outcomes` and `preview`; `None` when unknown.

    With `writer`, a decision that is not written yet is found too. Raises `UnavailableError` when the database is away.
    """
    if writer is not None:
        waiting = writer.find("decision", decision_id)
        if waiting is not None:
            return _from_payload(waiting)
    try:
        found = await _from_database(database, decision_id)
        if found is None and writer is not None and not writer.is_settled:
            await writer.flush(FLUSH_S)
            found = await _from_database(database, decision_id)
    except StorageError as error:
        raise UnavailableError("The books cannot be read at the moment.", code="storage_unavailable") from error
    return found


async def decision_bodies(database: Database, decision_id: str) -> tuple[bytes | None, bytes | None]:
    """Return request and answer as they were stored, each `None` when it was not. Raises `StorageError`."""
    async with database.reading() as connection:
        query = select(body.c.request, body.c.response).where(body.c.decision_id == decision_id)
        found = (await connection.execute(query)).one_or_none()
    return (None, None) if found is None else (found.request, found.response)


async def latest_decision_id(
    database: Database, *, conversation_id: str | None = None, key_prefix: str | None = None
) -> str | None:
    """Return the newest decision of a conversation and a key; `None` for either means any. Raises `StorageError`."""
    query = select(decision.c.id).order_by(decision.c.ts.desc(), decision.c.id.desc()).limit(1)
    if conversation_id is not None:
        query = query.where(decision.c.conversation_id == conversation_id)
    if key_prefix is not None:
        query = query.where(decision.c.key_prefix == key_prefix)
    async with database.reading() as connection:
        return (await connection.execute(query)).scalar_one_or_none()


async def _from_database(database: Database, decision_id: str) -> Json | None:
    async with database.reading() as connection:
        row = (await connection.execute(select(decision).where(decision.c.id == decision_id))).mappings().one_or_none()
        if row is None:
            return None
        attempts = await connection.execute(
            select(attempt).where(attempt.c.decision_id == decision_id).order_by(attempt.c.n)
        )
        outcomes = await connection.execute(
            select(outcome).where(outcome.c.decision_id == decision_id).order_by(outcome.c.ts, outcome.c.kind)
        )
        text = await connection.execute(select(preview.c.text).where(preview.c.decision_id == decision_id))
        return {
            **_plain(row),
            "attempts": [_plain(each) for each in attempts.mappings()],
            "outcomes": [_plain(each) for each in outcomes.mappings()],
            "preview": text.scalar_one_or_none(),
        }


def _from_payload(payload: Json) -> Json:
    plain = cast("dict[str, Any]", json_value(json_text(payload | {"body": None, "vector": None})))
    shown = plain["preview"]
    return _timed(payload["decision"], plain["decision"]) | {
        "attempts": [
            _timed(row, each) for row, each in zip(cast("Any", payload["attempts"]), plain["attempts"], strict=True)
        ],
        "outcomes": [],
        "preview": shown["text"] if shown else None,
    }


def _timed(row: object, plain: Json) -> Json:
    """Return the plain row with its time spelled as that of a stored one, and without its parent's id."""
    plain = plain | {"ts": cast("Mapping[str, Any]", row)["ts"].isoformat()}
    plain.pop("decision_id", None)
    return plain


def _plain(row: Mapping[Any, Any]) -> Json:
    values = dict(row)
    values.pop("decision_id", None)
    return values | {"ts": values["ts"].isoformat()}
