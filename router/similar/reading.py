"""Reads from the books which questions were answered, and what was said of the answers since."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, cast

from sqlalchemy import or_, select

from router.learning.rewards import Word, verdict_of
from router.similar.values import Asked, Rated
from router.tables import decision, outcome, question_vector

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence
    from datetime import datetime

    from sqlalchemy import Select
    from sqlalchemy.ext.asyncio import AsyncConnection

    from config.database import Database

AT_ONCE: Final = 50
"""Questions read at once: about two milliseconds of the loop, as `tests/bench/similar_turns.py` tells."""
IDS_AT_ONCE: Final = 1_000
UNREADABLE: Final = (TypeError, ValueError, ArithmeticError)
"""What a row with something else in it than its column should hold may raise: SQLite keeps whatever it is given."""
_COLUMNS: Final = (
    question_vector.c.decision_id,
    question_vector.c.created_ts,
    question_vector.c.form,
    question_vector.c.vector,
    decision.c.ts,
    decision.c.key_prefix,
    decision.c.served_model,
)


@dataclass(frozen=True, slots=True)
class Stored:
    """One question as the books have it."""

    asked: Asked
    created: datetime
    """About when it was written."""
    form: str
    vector: bytes


async def newest_ids(database: Database, *, limit: int) -> tuple[str, ...]:
    """Return the decisions whose questions are stored, the newest first. Raises `StorageError`."""
    newest = (question_vector.c.created_ts.desc(), question_vector.c.decision_id.desc())
    return await _ids(database, select(question_vector.c.decision_id).order_by(*newest).limit(limit))


async def stored_among(
    database: Database, decision_ids: Sequence[str], *, canonical: Callable[[str], str] = str
) -> tuple[Stored, ...]:
    """Return the questions of some decisions with what was said of their answers. Raises `StorageError`.

    `canonical` gives the name of the model that a name stands for.
    """
    query = _questions().where(question_vector.c.decision_id.in_(decision_ids[:AT_ONCE]))
    async with database.reading() as connection:
        return await _read(connection, query, canonical)


async def stored_since(
    database: Database, since: datetime, *, after: str = "", canonical: Callable[[str], str] = str
) -> tuple[Stored, ...]:
    """Return the first questions from a moment on, at most `AT_ONCE`, by time and id. Raises `StorageError`.

    `after` is the last decision of that very moment which was read already: a burst shares one, and none is lost where
    a page ends within it.
    """
    time, name = question_vector.c.created_ts, question_vector.c.decision_id
    query = _questions().where(time >= since, or_(time > since, name > after)).order_by(time, name)
    async with database.reading() as connection:
        return await _read(connection, query.limit(AT_ONCE), canonical)


async def spoken_of_since(database: Database, since: datetime) -> tuple[str, ...]:
    """Return the decisions of which something was said after a moment. Raises `StorageError`."""
    return await _ids(database, select(outcome.c.decision_id).where(outcome.c.ts > since).distinct())


async def rated_among(
    database: Database, served: Mapping[str, str], *, canonical: Callable[[str], str] = str
) -> dict[str, Rated | None]:
    """Return what by now is said of some decisions, `AT_ONCE` or fewer. Raises `StorageError`.

    `served` tells who answered each; those of which nothing was said are left out.
    """
    async with database.reading() as connection:
        return await _rated_among(connection, served, canonical)


async def _ids(database: Database, query: Select[tuple[str]]) -> tuple[str, ...]:
    """Return ids, fetched by pages: thousands at once would hold the loop."""
    found: list[str] = []
    async with database.reading() as connection:
        rows = (await connection.stream(query)).scalars()
        async for page in rows.partitions(IDS_AT_ONCE):
            found += cast("Sequence[str]", page)
    return tuple(found)


def _questions() -> Select[*tuple[Any, ...]]:
    of_it = decision.c.id == question_vector.c.decision_id
    return select(*_COLUMNS).join_from(question_vector, decision, of_it).where(decision.c.served_model.is_not(None))


async def _read(
    connection: AsyncConnection, query: Select[*tuple[Any, ...]], canonical: Callable[[str], str]
) -> tuple[Stored, ...]:
    rows = cast("Sequence[Mapping[str, Any]]", (await connection.execute(query)).mappings().all())
    words = await _words(connection, [row["decision_id"] for row in rows], canonical)
    return tuple(_stored(row, words.get(row["decision_id"], ())) for row in rows)


async def _rated_among(
    connection: AsyncConnection, served: Mapping[str, str], canonical: Callable[[str], str]
) -> dict[str, Rated | None]:
    """Return what is said of decisions, by id; of one whose rows are damaged, nothing."""
    try:
        words = await _words(connection, served, canonical)
        return {each: _rated(said, served[each]) for each, said in words.items()}
    except UNREADABLE:
        if len(served) == 1:
            return dict.fromkeys(served)
        pairs, found = list(served.items()), dict[str, "Rated | None"]()
        for half in (pairs[: len(pairs) // 2], pairs[len(pairs) // 2 :]):
            found |= await _rated_among(connection, dict(half), canonical)
        return found


async def _words(
    connection: AsyncConnection, decision_ids: Collection[str], canonical: Callable[[str], str]
) -> dict[str, list[Word]]:
    said: dict[str, list[Word]] = {}
    for row in (await connection.execute(select(outcome).where(outcome.c.decision_id.in_(decision_ids)))).mappings():
        named = row["comment"] if row["comment"] is None else canonical(row["comment"])
        said.setdefault(row["decision_id"], []).append(Word(row["source"], row["kind"], row["score"], named, row["ts"]))
    return said


def _stored(row: Mapping[str, Any], words: Sequence[Word]) -> Stored:
    model = row["served_model"]
    asked = Asked(row["decision_id"], model, row["ts"], row["key_prefix"], _rated(words, model))
    vector = row["vector"]
    return Stored(asked, row["created_ts"], row["form"], vector if isinstance(vector, bytes) else b"")


def _rated(words: Sequence[Word], model: str) -> Rated | None:
    verdict = verdict_of(words, served=model)
    return None if verdict is None else Rated(verdict.reward, verdict.source, verdict.said)
