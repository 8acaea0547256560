"""Reads lessons from the books: decisions with their outcomes, each credited to the model that served it.

A lesson is about a decision, however late and in whatever order its outcomes came. After a failover the model that
served is credited, and never the one that had been chosen.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final, cast

from sqlalchemy import select

from router.choosing.stored import question_from
from router.choosing.values import Lesson
from router.learning.rewards import ADMIN, Word, verdict_of
from router.learning.told import Told
from router.providers.json_values import as_object
from router.tables import decision, outcome

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncConnection

    from config.database import Database
    from config.types import Json
    from router.choosing.values import Question

    Row = Mapping[Any, Any]

MAX_OUTCOMES: Final = 500
"""Read at once."""
TASTELESS_PRIOR: Final = 0.6
"""What is taken to have been expected where a decision does not say."""
_AN_INSTANT: Final = timedelta(microseconds=1)
_COLUMNS: Final = (
    decision.c.id,
    decision.c.ts,
    decision.c.key_prefix,
    decision.c.requested,
    decision.c.chosen,
    decision.c.served_model,
    decision.c.eligible,
    decision.c.probabilities,
    decision.c.features,
)


@dataclass(frozen=True, slots=True)
class Trust:
    """Who is believed without a bound, and what the static policy is that learning is compared with."""

    admins: frozenset[str] = frozenset()
    """Prefixes of keys that may administer the gateway."""
    weights: Mapping[str, float] | None = None
    """By model: the static policy draws by them."""
    canonical: Callable[[str], str] = str
    """Gives the name of the model that a name stands for."""


@dataclass(frozen=True, slots=True)
class Page:
    """Lessons, and until when all outcomes are in them."""

    lessons: tuple[Told, ...]
    until: datetime
    complete: bool
    """Whether nothing was left for another page."""


async def lessons_since(
    database: Database, since: datetime, *, until: datetime, trust: Trust, limit: int = MAX_OUTCOMES
) -> Page:
    """Return the lessons of decisions of which something was said in (`since`, `until`]. Raises `StorageError`.

    Each holds all that was said of its decision by now. Decisions that are not written yet are left out: their outcomes
    come again, for who asks looks back by some time.
    """
    spoken = (
        select(outcome.c.decision_id, outcome.c.ts)
        .where(outcome.c.ts > since, outcome.c.ts <= until)
        .order_by(outcome.c.ts, outcome.c.decision_id)
        .limit(limit + 1)
    )
    async with database.reading() as connection:
        found = (await connection.execute(spoken)).all()
        complete = len(found) <= limit
        found = found[:limit]
        ids = list(dict.fromkeys(row.decision_id for row in found))
        lessons = await _lessons(connection, ids, trust)
    reached = until if complete or not found else _before_cut(found, since)
    return Page(lessons, reached, complete)


async def lessons_of(
    database: Database, decision_ids: Sequence[str], *, trust: Trust, kinds: Collection[str] | None = None
) -> tuple[Told, ...]:
    """Return the lessons of some decisions, by words of these kinds alone, `None` for all. Raises `StorageError`.

    A few at a time: they are read on the loop.
    """
    async with database.reading() as connection:
        return await _lessons(connection, decision_ids, trust, kinds)


def lesson_of(row: Row, words: Sequence[Word], trust: Trust) -> Told | None:
    """Return what a decision's row and its outcomes teach, `None` where it teaches nothing: nobody served, or spoke."""
    served = row["served_model"]
    if not isinstance(served, str) or not served:
        return None
    verdict = verdict_of([_with_canonical(word, trust) for word in words], served=served)
    if verdict is None:
        return None
    features: Json = as_object(row["features"]) or {}
    known = as_object(features.get("question")) or features
    caller = row["key_prefix"]
    propensity = _probability(row, served)
    lesson = Lesson(
        decision_id=row["id"],
        question=_with_late_domain(question_from(known, caller=caller), features),
        model=served,
        reward=verdict.reward,
        weight=verdict.weight,
        source=verdict.source,
        probability=1.0 if propensity is None else propensity,
        expected=_number(_inside(features.get("expected"), served)),
    )
    is_trusted = caller is None or verdict.source == ADMIN or caller in trust.admins
    return Told(
        lesson,
        row["ts"],
        verdict.said,
        prior=_prior(features, served),
        speaker=None if is_trusted else caller,
        odds=_odds(row, propensity, trust.weights),
    )


async def _lessons(
    connection: AsyncConnection, ids: Sequence[str], trust: Trust, kinds: Collection[str] | None = None
) -> tuple[Told, ...]:
    spoken = select(outcome).where(outcome.c.decision_id.in_(ids))
    if kinds is not None:
        spoken = spoken.where(outcome.c.kind.in_(kinds))
    rows = (await connection.execute(select(*_COLUMNS).where(decision.c.id.in_(ids)))).mappings().all()
    words = (await connection.execute(spoken)).mappings().all()
    said: dict[str, list[Word]] = {}
    for row in words:
        word = Word(row["source"], row["kind"], row["score"], row["comment"], row["ts"])
        said.setdefault(row["decision_id"], []).append(word)
    return tuple(each for row in rows if (each := lesson_of(row, said.get(row["id"], []), trust)) is not None)


def _with_late_domain(question: Question, features: Json) -> Question:
    """Return the question with the domain that was read beside the request, where the choice could not wait for it."""
    late = features.get("domain")
    return replace(question, domain=late) if not question.domain and isinstance(late, str) else question


def _with_canonical(word: Word, trust: Trust) -> Word:
    return word if word.comment is None else replace(word, comment=trust.canonical(word.comment))


def _probability(row: Row, served: str) -> float | None:
    """Return with which probability the served model was drawn, `None` where another one was, or none."""
    eligible, probabilities = row["eligible"], row["probabilities"]
    if row["chosen"] != served or not isinstance(eligible, list) or not isinstance(probabilities, list):
        return None
    by_name = dict(zip(cast("list[object]", eligible), cast("list[object]", probabilities), strict=False))
    found = _number(by_name.get(served))
    return found if found is not None and 0 < found <= 1 else None


def _odds(row: Row, propensity: float | None, weights: Mapping[str, float] | None) -> float | None:
    """Return how much likelier the static policy would have drawn this model, of a request that left it open."""
    if propensity is None or propensity >= 1 or not weights or not isinstance(row["eligible"], list):
        return None
    eligible = cast("list[str]", row["eligible"])
    total = sum(weights.get(each, 0.0) for each in eligible)
    return weights.get(row["served_model"], 0.0) / total / propensity if total > 0 else None


def _prior(features: Mapping[str, object], served: str) -> float:
    candidates = features.get("candidates")
    if isinstance(candidates, list):
        for each in cast("list[object]", candidates):
            if _inside(each, "model") == served and (found := _number(_inside(each, "prior"))) is not None:
                return min(1.0, max(0.0, found))
    return TASTELESS_PRIOR


def _inside(value: object, name: str) -> object:
    return cast("Mapping[str, object]", value).get(name) if isinstance(value, dict) else None


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def _before_cut(found: Sequence[Any], since: datetime) -> datetime:
    """Return a moment before which nothing was left out; rows of the very last moment come again."""
    last: datetime = found[-1].ts
    reached = last - _AN_INSTANT
    return reached if reached > since and found[0].ts < last else last
