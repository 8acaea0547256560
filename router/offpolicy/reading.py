"""Reads a log from the books: decisions of `auto` since a moment, with what became of them. No text is needed."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, cast

from sqlalchemy import select

from router.choosing.stored import question_from
from router.learning.rewards import CORRECTED, IMPLICIT, Word, verdict_of
from router.offpolicy.logged import Log, Logged, log_of
from router.policy.rows import Prompt
from router.selection import NAMED_POLICY
from router.tables import body, decision, outcome, preview

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import datetime

    from sqlalchemy import Select
    from sqlalchemy.ext.asyncio import AsyncConnection

    from config.database import Database

    Row = Mapping[Any, Any]

MOST_DECISIONS: Final = 200_000
"""Read at once; of more the newest ones."""
BATCH: Final = 500
UNSENT: Final = ("analyzed", "held", "refused")
"""Of decisions that no model was asked for."""
_COLUMNS: Final = (
    decision.c.id,
    decision.c.conversation_id,
    decision.c.key_prefix,
    decision.c.chosen,
    decision.c.served_model,
    decision.c.policy_version,
    decision.c.eligible,
    decision.c.probabilities,
    decision.c.features,
    decision.c.cost_usd,
)


@dataclass(frozen=True, slots=True)
class Books:
    """A log with what else the books know of its decisions."""

    log: Log
    n_read: int
    """Decisions of `auto` in the time, those that were set aside included."""
    versions: Mapping[str, int] = field(default_factory=dict[str, int])
    """By policy version, how many decisions of the log it made."""
    dials: Mapping[str, float] = field(default_factory=dict[str, float])
    """By decision, where it was logged: how cheap or good the answer was to be, 0 to 1."""


async def read_books(
    database: Database,
    *,
    since: datetime,
    until: datetime,
    with_signs: bool = False,
    canonical: Callable[[str], str] = str,
) -> Books:
    """Return the log of decisions in [`since`, `until`). Raises `StorageError`.

    What a person said of an answer is its reward, and only with `with_signs` what was inferred where nobody spoke:
    signs are mostly seen when something went wrong, so that they do not tell how often a model pleases. Decisions
    where the client named the model are left out. `canonical` gives the model that a name stands for: people correct
    with any of its names.
    """
    logged: list[Logged] = []
    versions: dict[str, str] = {}
    dials: dict[str, float] = {}
    async with database.reading() as connection:
        rows = (await connection.execute(_choices(since, until))).mappings().all()
        for first in range(0, len(rows), BATCH):
            part = rows[first : first + BATCH]
            said = await words_of(connection, [row["id"] for row in part], canonical=canonical)
            for row in part:
                logged.append(_logged(row, said.get(row["id"], []), with_signs=with_signs))
                versions[row["id"]] = row["policy_version"]
                dial = _number(_features(row).get("dial"))
                if dial is not None:
                    dials[row["id"]] = min(1.0, max(0.0, dial))
    log = log_of(reversed(logged))
    counts: dict[str, int] = {}
    for each in log.ids:
        counts[versions[each]] = counts.get(versions[each], 0) + 1
    return Books(log, len(rows), counts, dials)


async def read_prompts(database: Database, ids: Sequence[str]) -> dict[str, Prompt]:
    """Return what the books keep of the texts that were asked, by decision: the stored request, else its preview."""
    found: dict[str, Prompt] = {}
    async with database.reading() as connection:
        for first in range(0, len(ids), BATCH):
            part = ids[first : first + BATCH]
            query = (
                select(decision.c.id, decision.c.intent, preview.c.text, body.c.request)
                .outerjoin(preview, preview.c.decision_id == decision.c.id)
                .outerjoin(body, body.c.decision_id == decision.c.id)
                .where(decision.c.id.in_(part))
            )
            for name, intent, text, request in await connection.execute(query):
                asked = _last_turn(request) or text
                if asked and asked.strip():
                    found[name] = Prompt(asked, id=name, intent=intent)
    return found


async def words_of(
    connection: AsyncConnection, ids: Sequence[str], *, canonical: Callable[[str], str] = str
) -> dict[str, list[Word]]:
    """Return what was said of decisions, by their ids."""
    said: dict[str, list[Word]] = {}
    for row in (await connection.execute(select(outcome).where(outcome.c.decision_id.in_(ids)))).mappings():
        comment = row["comment"]
        named = canonical(comment) if row["kind"] == CORRECTED and comment else comment
        word = Word(row["source"], row["kind"], row["score"], named, row["ts"])
        said.setdefault(row["decision_id"], []).append(word)
    return said


def _choices(since: datetime, until: datetime) -> Select[*tuple[Any, ...]]:
    return (
        select(*_COLUMNS)
        .where(
            decision.c.ts >= since,
            decision.c.ts < until,
            decision.c.chosen.is_not(None),
            decision.c.policy_version != NAMED_POLICY,
            decision.c.status.not_in(UNSENT),
        )
        .order_by(decision.c.ts.desc(), decision.c.id.desc())
        .limit(MOST_DECISIONS)
    )


def _logged(row: Row, words: Sequence[Word], *, with_signs: bool) -> Logged:
    features = _features(row)
    stored = features.get("question")
    known = cast("Mapping[str, object]", stored) if isinstance(stored, dict) else features
    served = row["served_model"] if isinstance(row["served_model"], str) else None
    verdict = verdict_of(words, served=served) if served else None
    counts = verdict is not None and (with_signs or verdict.source != IMPLICIT)
    expected = features.get("expected")
    return Logged(
        id=row["id"],
        conversation=row["conversation_id"] or row["id"],
        eligible=tuple(str(each) for each in _items(row["eligible"])),
        probabilities=_numbers(row["probabilities"]),
        chosen=row["chosen"],
        served=served,
        reward=verdict.reward if verdict is not None and counts else None,
        # After a failover the sum holds what other models were paid too.
        cost_usd=row["cost_usd"] if served == row["chosen"] else None,
        question=question_from(known, caller=row["key_prefix"]),
        expected={
            name: number
            for name, value in (cast("dict[str, object]", expected) if isinstance(expected, dict) else {}).items()
            if (number := _number(value)) is not None
        },
    )


def _features(row: Row) -> Mapping[str, object]:
    return cast("Mapping[str, object]", row["features"]) if isinstance(row["features"], dict) else {}


def _items(value: object) -> list[object]:
    return cast("list[object]", value) if isinstance(value, list) else []


def _numbers(value: object) -> tuple[float, ...] | None:
    """Return logged probabilities, `None` where there are none; what is no number in them stays one that is none."""
    if not isinstance(value, list):
        return None
    numbers = [_number(each) for each in cast("list[object]", value)]
    return tuple(float("nan") if each is None else each for each in numbers)


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def _last_turn(request: bytes | None) -> str | None:
    """Return the last user turn of a stored request, `None` where it is no text."""
    if not request:
        return None
    try:
        found: object = json.loads(request)
    except (ValueError, RecursionError):
        return None
    messages = _items(cast("dict[str, object]", found).get("messages")) if isinstance(found, dict) else []
    for each in reversed(messages):
        message = cast("dict[str, object]", each) if isinstance(each, dict) else {}
        if message.get("role") == "user":
            content = message.get("content")
            return content if isinstance(content, str) else None
    return None
