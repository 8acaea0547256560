"""Brings a learner up to what the books hold: reads what was said since, and what came late."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

from router.learning.lessons import lessons_since

if TYPE_CHECKING:
    from config.database import Database
    from router.learning.learner import Learner
    from router.learning.lessons import Trust
    from router.learning.state import State

LOOK_BACK: Final = timedelta(seconds=10)
"""What is written so long after it was said is still found."""
FAR_BACK: Final = timedelta(hours=24)
"""Likewise, for a look at more: what had to wait in the journal for the database."""


async def caught_up(
    database: Database, state: State, *, until: datetime, trust: Trust, look_back: timedelta = LOOK_BACK
) -> tuple[State, int]:
    """Learn all that was said until a moment, and return the state with its new cursor, and how many lessons were new.

    The learner is the same, changed. Raises `StorageError`; what was learned by then stays learned.
    """
    since = max(state.floor, state.cursor - look_back, _oldest_known(state.learner)) if _began(state) else state.floor
    n = 0
    while True:
        page = await lessons_since(database, since, until=until, trust=trust)
        n += await asyncio.to_thread(state.learner.learn, page.lessons)
        since = page.until
        state = replace(state, cursor=max(state.cursor, page.until))
        if page.complete:
            return state, n


def _began(state: State) -> bool:
    return state.cursor > state.floor


def _oldest_known(learner: Learner) -> datetime:
    """Return since when all lessons are remembered: earlier ones would count twice if they were read again."""
    with learner.lock:
        return datetime.fromtimestamp(learner.known_since, UTC)
