"""Writes the books: decisions with their attempts, outcomes, and with them the sums. Each record counts once.

A record may come twice (see `config/writer.py`). Whether it is new is asked of the database before it is inserted;
everything that adds up is derived from the new ones only, in the same transaction.
"""

from __future__ import annotations

from datetime import UTC, datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Any, cast

from sqlalchemy import Connection, Table, select, tuple_, update

from config.books import Insert, dialect_of, insert_into, insert_rows
from router import sums
from router.rows import decision_payload
from router.tables import (
    attempt,
    body,
    decision,
    model_performance,
    outcome,
    preview,
    question_vector,
    rollup_deployment_hour,
    rollup_hour,
    rollup_intent_day,
    rollup_saving_day,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from config.database import Dialect
    from config.types import DecisionRecord, Json, OutcomeRecord
    from config.writer import GroupWriter
    from router.similar.vectors import Hashing

REPLACED = frozenset({"updated_ts", "model"})
"""Columns beside the key that are no sums."""
RATED_KINDS = frozenset({"rating", "thumbs"})
"""Outcomes whose score counts as an opinion of the model."""
OPINION_COLUMNS = (
    decision.c.id,
    decision.c.ts,
    decision.c.served_model,
    decision.c.chosen,
    decision.c.features,
    decision.c.intent,
    decision.c.intent_source,
)
"""Of the decision, what decides to which sums an opinion is added."""
OUTCOME_KEY = (outcome.c.decision_id, outcome.c.source, outcome.c.kind)


class SqlLedger:
    """The ledger of `config/types.py` on a group writer. Make it before the writer starts.

    Without `hashing` no vectors of questions are kept.
    """

    def __init__(self, writer: GroupWriter, *, hashing: Hashing | None = None) -> None:
        self._writer = writer
        self._decisions = DecisionBook(hashing)
        self._outcomes = OutcomeBook()
        writer.register(self._decisions)
        writer.register(self._outcomes)  # after decisions, so that a batch finds the decision of its outcome

    def record(self, record: DecisionRecord) -> None:
        """Queue one decision with its attempts."""
        size_bytes = len(record.request_body or b"") + len(record.response_body or b"")
        self._writer.submit(self._decisions, record, key=record.id, size_bytes=size_bytes)

    def record_outcome(self, outcome: OutcomeRecord) -> None:
        """Queue one outcome; a later one of the same decision, source and kind replaces it."""
        self._writer.submit(self._outcomes, outcome, key=outcome.decision_id)


class DecisionBook:
    """Decisions, their attempts, previews, bodies and vectors, and what they add to the sums."""

    name = "decision"

    def __init__(self, hashing: Hashing | None = None) -> None:
        self._hashing = hashing

    def payload(self, record: DecisionRecord) -> Json:
        """Return the rows of one request."""
        return decision_payload(record, self._hashing)

    def write(self, connection: Connection, payloads: Sequence[Json]) -> None:
        """Insert what is new, and add it to the sums."""
        by_id = {_row(payload)["id"]: cast("dict[str, Any]", payload) for payload in payloads}
        # Nobody else writes these ids, so what is not there now is new: ids belong to the process that made them.
        known = connection.execute(select(decision.c.id).where(decision.c.id.in_(by_id)))
        for each in known.scalars():
            del by_id[each]
        new = list(by_id.values())
        # A journal of an older version knows nothing of savings.
        insert_rows(connection, decision, [{"savings": None} | payload["decision"] for payload in new])
        insert_rows(connection, attempt, [row for payload in new for row in payload["attempts"]])
        insert_rows(connection, preview, [payload["preview"] for payload in new if payload["preview"]])
        insert_rows(connection, body, [payload["body"] for payload in new if payload["body"]])
        # Nor of vectors.
        insert_rows(connection, question_vector, [payload["vector"] for payload in new if payload.get("vector")])
        _add(connection, rollup_hour, sums.hourly(new))
        _add(connection, model_performance, sums.performance(new))
        _add(connection, rollup_deployment_hour, sums.deployments(new))
        _add(connection, rollup_intent_day, sums.intents(new))
        _add(connection, rollup_saving_day, sums.savings(new))
        self._rate(connection, {payload["decision"]["id"]: payload["decision"] for payload in new})

    def _rate(self, connection: Connection, rows: dict[str, Json]) -> None:
        """Count the outcomes that reached the database before their decision."""
        found = connection.execute(
            select(outcome.c.decision_id, outcome.c.score, outcome.c.ts).where(
                outcome.c.decision_id.in_(rows), outcome.c.kind.in_(RATED_KINDS), outcome.c.score.is_not(None)
            )
        )
        scores = found.all()
        _add(connection, model_performance, sums.ratings((rows[each[0]], each[1], 1, each[2]) for each in scores))
        _add(connection, rollup_intent_day, sums.intent_ratings((rows[each[0]], None, each[1]) for each in scores))


class OutcomeBook:
    """What people, or signals, thought of answers; the newest of each kind and source counts."""

    name = "outcome"

    def payload(self, record: OutcomeRecord) -> Json:
        """Return the row of one outcome."""
        return {
            "decision_id": record.decision_id,
            "source": record.source,
            "kind": record.kind,
            "score": record.score,
            "comment": record.comment,
            "ts": record.ts,
        }

    def write(self, connection: Connection, payloads: Sequence[Json]) -> None:
        """Insert what is new, replace what is older, and correct the sums by the difference."""
        newest = _newest(payloads)
        inserted = connection.execute(
            insert_into(outcome, dialect_of(connection)).on_conflict_do_nothing().returning(*OUTCOME_KEY),
            list(newest.values()),
        )
        changes: dict[tuple[str, ...], tuple[float | None, float | None]] = {}
        for each in inserted:
            changes[tuple(each)] = (None, newest[tuple(each)]["score"])
        changes |= self._replace(connection, {key: row for key, row in newest.items() if key not in changes})
        self._rate(connection, {key: change for key, change in changes.items() if key[2] in RATED_KINDS}, newest)

    def _replace(
        self, connection: Connection, rows: dict[tuple[str, ...], dict[str, Any]]
    ) -> dict[tuple[str, ...], tuple[float | None, float | None]]:
        if not rows:
            return {}
        query = select(*OUTCOME_KEY, outcome.c.score, outcome.c.ts).where(tuple_(*OUTCOME_KEY).in_(list(rows)))
        changes: dict[tuple[str, ...], tuple[float | None, float | None]] = {}
        for *key, score, ts in (connection.execute(query.with_for_update())).all():
            row = rows[tuple(key)]
            if _moment(row["ts"]) <= ts:  # the same again, or older than what is there
                continue
            is_this = [column == value for column, value in zip(OUTCOME_KEY, key, strict=True)]
            connection.execute(
                update(outcome).where(*is_this).values(score=row["score"], comment=row["comment"], ts=row["ts"])
            )
            changes[tuple(key)] = (score, row["score"])
        return changes

    def _rate(
        self,
        connection: Connection,
        changes: dict[tuple[str, ...], tuple[float | None, float | None]],
        newest: dict[tuple[str, ...], dict[str, Any]],
    ) -> None:
        if not changes:
            return
        found = connection.execute(select(*OPINION_COLUMNS).where(decision.c.id.in_({key[0] for key in changes})))
        rows = {row["id"]: dict(row) for row in found.mappings()}
        # A decision that is not among the rows still waits somewhere, and counts the opinion when it comes.
        known = [(key, before, after) for key, (before, after) in changes.items() if key[0] in rows]
        opinions = (
            (
                rows[key[0]],
                (after or 0.0) - (before or 0.0),
                int(after is not None) - int(before is not None),
                _moment(newest[key]["ts"]),
            )
            for key, before, after in known
        )
        _add(connection, model_performance, sums.ratings(opinions))
        of_intents = ((rows[key[0]], before, after) for key, before, after in known)
        _add(connection, rollup_intent_day, sums.intent_ratings(of_intents))


def _newest(payloads: Sequence[Json]) -> dict[tuple[str, ...], dict[str, Any]]:
    newest: dict[tuple[str, ...], dict[str, Any]] = {}
    for payload in payloads:
        row = cast("dict[str, Any]", payload)
        key = (row["decision_id"], row["source"], row["kind"])
        if key not in newest or _moment(newest[key]["ts"]) <= _moment(row["ts"]):
            newest[key] = row
    return newest


def _add(connection: Connection, table: Table, rows: list[Json]) -> None:
    """Add the rows' numbers to those that are there; what is no number is replaced."""
    if rows:
        connection.execute(_addition(table, dialect_of(connection)), rows)


@lru_cache(maxsize=8)
def _addition(table: Table, dialect: Dialect) -> Insert:
    keys = [column.name for column in table.primary_key]
    statement = insert_into(table, dialect)
    added = {
        column.name: statement.excluded[column.name]
        if column.name in REPLACED
        else column + statement.excluded[column.name]
        for column in table.columns
        if column.name not in keys
    }
    return statement.on_conflict_do_update(index_elements=keys, set_=added)


def _row(payload: Json) -> dict[str, Any]:
    return cast("dict[str, Any]", payload["decision"])


def _moment(ts: datetime | str) -> datetime:
    moment = datetime.fromisoformat(ts) if isinstance(ts, str) else ts
    return moment.astimezone(UTC)
