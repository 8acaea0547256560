"""What a key may know of what was said about models: what was said of the answers that it got itself, and no more.

Sums of what others said are not told: who can ask before and after each word reads single words out of them.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final, cast

from sqlalchemy import exists, select

from router.learning.lessons import lessons_of
from router.learning.profiles import Profiles
from router.tables import decision, outcome

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from config.database import Database
    from router.learning.lessons import Trust
    from router.learning.told import Told

MAX_REQUESTS: Final = 20_000
"""The newest of a key's own requests among which lessons are looked for."""
MAX_LESSONS: Final = 500
"""The newest of a key's own lessons that are read."""
AT_ONCE: Final = 25
"""Lessons read at once: about two milliseconds of the loop."""


async def own_lessons(
    database: Database, caller: str, *, models: Collection[str] | None = None, trust: Trust
) -> tuple[Told, ...]:
    """Return what was said of the answers that a key got from these models, `None` for all; of its newest requests.

    Raises `StorageError`.
    """
    newest = select(decision.c.id, decision.c.ts, decision.c.served_model).where(decision.c.key_prefix == caller)
    request = newest.order_by(decision.c.ts.desc()).limit(MAX_REQUESTS).subquery()
    query = select(request.c.id).where(exists().where(outcome.c.decision_id == request.c.id))
    if models is not None:
        query = query.where(request.c.served_model.in_(models))
    async with database.reading() as connection:
        found = await connection.execute(query.order_by(request.c.ts.desc()).limit(MAX_LESSONS))
        ids = cast("Sequence[str]", found.scalars().all())
    lessons: list[Told] = []
    for start in range(0, len(ids), AT_ONCE):
        lessons += await lessons_of(database, ids[start : start + AT_ONCE], trust=trust)
        await asyncio.sleep(0)
    return tuple(lessons)


def profiles_of(lessons: Iterable[Told]) -> Profiles:
    """Return lessons counted by model, domain and language, and by day."""
    profiles = Profiles()
    for each in lessons:
        profiles.count(each)
    return profiles
