"""What a key may know of what was said about models: its own words, and of those of others sums of several keys.

The rules for sums are those of `router/similar/crowd.py`. One more stands here, as these sums can be asked for before
and after each word: what others said counts only once three of their keys have spoken since what counted before. So no
change between two answers is the word of one key.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, cast

from sqlalchemy import exists, func, or_, select

from router.learning.lessons import lessons_of
from router.learning.profiles import Profiles
from router.learning.rewards import ADMIN, SPOKEN, USER
from router.similar import crowd
from router.similar.values import Asked, Neighbour, Rated, Record
from router.tables import decision, outcome

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from sqlalchemy import Select

    from config.database import Database
    from router.learning.lessons import Trust
    from router.learning.told import Told

    Cell = tuple[str, str, str]

MAX_READ: Final = 2_000
"""The newest of a key's own lessons, and of those of others, that are read."""
AT_ONCE: Final = 50
"""Lessons read at once: a few milliseconds of the loop."""


async def own_lessons(database: Database, caller: str, *, trust: Trust) -> tuple[Told, ...]:
    """Return what was said of the answers that a key got, of its newest such requests. Raises `StorageError`."""
    spoken = exists().where(outcome.c.decision_id == decision.c.id)
    newest = select(decision.c.id).where(decision.c.key_prefix == caller, spoken).order_by(decision.c.ts.desc())
    return await _read(database, newest.limit(MAX_READ), trust)


async def lessons_of_others(
    database: Database, caller: str, *, models: Collection[str] | None, trust: Trust
) -> tuple[Told, ...]:
    """Return what people said lately of the answers that others got from these models, `None` for all of them.

    Raises `StorageError`.
    """
    conditions = [
        outcome.c.kind.in_(SPOKEN),
        outcome.c.source.in_((USER, ADMIN)),
        or_(decision.c.key_prefix.is_(None), decision.c.key_prefix != caller),
    ]
    if models is not None:
        conditions.append(decision.c.served_model.in_(models))
    newest = (
        select(outcome.c.decision_id)
        .join(decision, decision.c.id == outcome.c.decision_id)
        .where(*conditions)
        .group_by(outcome.c.decision_id)
        .order_by(func.max(outcome.c.ts).desc(), outcome.c.decision_id)
    )
    found = await _read(database, newest.limit(MAX_READ), trust, SPOKEN)  # no sign puts off the time of a word
    return tuple(each for each in found if each.explicit)


def profiles_of(lessons: Iterable[Told]) -> Profiles:
    """Return lessons counted by model, domain and language, and by day."""
    profiles = Profiles()
    for each in lessons:
        profiles.count(each)
    return profiles


def sums_of_others(lessons: Iterable[Told], caller: str) -> dict[Cell, Record]:
    """Return what a key may know of what others said, by model, domain and language; n and mean are rounded."""
    cells: dict[Cell, list[Told]] = {}
    for each in sorted(lessons, key=lambda told: (told.said, told.lesson.decision_id)):
        question = each.lesson.question
        cells.setdefault((each.lesson.model, question.domain, question.language), []).append(each)
    found = {
        cell: crowd.records([_as_asked(each) for each in reversed(_settled(said))], caller)
        for cell, said in cells.items()
    }
    return {cell: records[0] for cell, records in found.items() if records}


def _settled(lessons: Sequence[Told]) -> list[Told]:
    """Return those of lessons in the order in which they were said that came in company, group after group."""
    settled: list[Told] = []
    waiting: list[Told] = []
    for each in lessons:
        waiting.append(each)
        if len({told.lesson.question.caller for told in waiting} - {None}) >= crowd.LEAST_CROWD:
            settled += waiting
            waiting = []
    return settled


def _as_asked(told: Told) -> Neighbour:
    lesson = told.lesson
    rated = Rated(told.reward, lesson.source, told.said)
    return Neighbour(Asked(lesson.decision_id, lesson.model, told.ts, lesson.question.caller, rated), 1.0)


async def _read(
    database: Database, query: Select[tuple[str]], trust: Trust, kinds: Collection[str] | None = None
) -> tuple[Told, ...]:
    async with database.reading() as connection:
        ids = cast("Sequence[str]", (await connection.execute(query)).scalars().all())
    found: list[Told] = []
    for start in range(0, len(ids), AT_ONCE):
        found += await lessons_of(database, ids[start : start + AT_ONCE], trust=trust, kinds=kinds)
    return tuple(found)
