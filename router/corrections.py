"""Reads back what people said a request had asked for; writing it is `feedback.py`'s."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, cast

from sqlalchemy import select

from router.tables import body, decision, outcome

if TYPE_CHECKING:
    from collections.abc import Sequence

    from config.database import Database

CORRECTED: Final = "corrected_intent"
_PAGE: Final = 500


@dataclass(frozen=True, slots=True)
class Correction:
    """One decision whose intent somebody named, with the request where it was stored."""

    decision_id: str
    labels: tuple[str, ...]
    decided: tuple[str, ...]
    """What the classifier had said, or guessed."""
    endpoint: str
    request: bytes | None
    """The body as it came; `None` where bodies are not stored, or no longer."""

    @property
    def confirms(self) -> bool:
        """Whether the person said what the classifier had said."""
        return set(self.labels) == set(self.decided)


def labels_of(text: str | None) -> tuple[str, ...]:
    """Return the names in a corrected intent: one, or several with commas between them."""
    return tuple(dict.fromkeys(name for each in (text or "").split(",") if (name := each.strip())))


async def corrected_labels(database: Database) -> dict[str, frozenset[str]]:
    """Return the labels that people named, by decision; the latest word counts. Raises `StorageError`."""
    query = select(outcome.c.decision_id, outcome.c.comment).where(outcome.c.kind == CORRECTED).order_by(outcome.c.ts)
    async with database.reading() as connection:
        found = (await connection.execute(query)).all()
    return {row.decision_id: frozenset(labels_of(row.comment)) for row in found}


async def corrections(database: Database) -> tuple[Correction, ...]:
    """Return every decision whose intent was named, oldest word first. Raises `StorageError`."""
    named = await corrected_labels(database)
    ids = list(named)
    found: list[Correction] = []
    for start in range(0, len(ids), _PAGE):
        found += await _page(database, ids[start : start + _PAGE], named)
    return tuple(found)


async def _page(database: Database, ids: Sequence[str], named: dict[str, frozenset[str]]) -> list[Correction]:
    query = (
        select(decision.c.id, decision.c.endpoint, decision.c.intents, body.c.request)
        .join_from(decision, body, body.c.decision_id == decision.c.id, isouter=True)
        .where(decision.c.id.in_(ids))
    )
    async with database.reading() as connection:
        rows = {row.id: row for row in (await connection.execute(query)).all()}
    return [
        Correction(each, tuple(sorted(named[each])), _decided(row.intents), row.endpoint, row.request)
        for each in ids
        if (row := rows.get(each)) is not None
    ]


def _decided(intents: object) -> tuple[str, ...]:
    return tuple(map(str, cast("list[object]", intents))) if isinstance(intents, list) else ()
