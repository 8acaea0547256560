"""Remembers questions that were answered, and finds those that are like one at hand. One a server, on its loop.

Memory follows the books in the background: what other processes write is found too, and what is deleted there is
forgotten here. Nothing of it is on the way of a request but a search for one that a judge is asked about.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

import structlog

from proxy.following import follow
from router.policy.features import clipped
from router.similar import crowd
from router.similar.memory import Memory
from router.similar.reading import (
    AT_ONCE,
    IDS_AT_ONCE,
    UNREADABLE,
    newest_ids,
    rated_among,
    spoken_of_since,
    stored_among,
    stored_since,
)

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Container, Iterable, Iterator, Sequence

    from config.database import Database
    from config.settings import Settings
    from config.types import Json
    from proxy.house import House
    from router.similar.reading import Stored
    from router.similar.searching import Search
    from router.similar.values import Neighbour, Record
    from router.similar.vectors import Hashing

LOOK_S: Final = 2.0
"""Seconds between looks at what was asked and said."""
RETRY_S: Final = 5.0
LOOK_BACK: Final = timedelta(seconds=10)
"""What is written so long after it was said is still found at the next look."""
FAR_LOOK_S: Final = 600.0
"""Seconds between comparisons of memory and books: for what was written late, and what was deleted."""
FAR_BACK: Final = timedelta(hours=24)
N_NEIGHBOURS: Final = 50
"""Most that are looked at for sums by model."""
N_SHOWN: Final = 5

log = structlog.stdlib.get_logger("thalamus.proxy.similar")


@dataclass(frozen=True, slots=True)
class Found:
    """What a caller may know of questions like its own."""

    neighbours: tuple[Neighbour, ...] = ()
    """One by one, the nearest first."""
    records: tuple[Record, ...] = ()
    """By model."""

    def among(self, models: Container[str]) -> Found:
        """Return it without sums of other models than these."""
        return replace(self, records=tuple(each for each in self.records if each.model in models))

    def as_json(self, *, limit: int = N_SHOWN) -> Json:
        """Return `similar` and `similar_by_model`, as the doors tell them."""
        return {
            "similar": [_told(each) for each in self.neighbours[:limit]],
            "similar_by_model": [
                {"model": each.model, "n": each.n, "mean_reward": round(each.mean_reward, 4)} for each in self.records
            ],
        }


@dataclass(slots=True)
class Similar:
    """The memory, and where it stands in the books."""

    database: Database
    hashing: Hashing
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    monotonic: Callable[[], float] = time.monotonic
    memory: Memory = field(default_factory=Memory)
    loaded: asyncio.Event = field(default_factory=asyncio.Event)
    """Set once the books were read for the first time."""
    _asked_until: datetime | None = None
    _said_until: datetime | None = None
    _far_at: float | None = None

    async def run(self, house: House, *, look_s: float = LOOK_S, retry_s: float = RETRY_S) -> None:
        """Follow the books as long as the server runs; while the database is away, try again and say so once."""
        await follow(
            lambda: self.look(house),
            look_s=look_s,
            retry_s=retry_s,
            tell=lambda error: log.warning("similar_questions_wait", reason=str(error)),
        )

    async def look(self, house: House) -> None:
        """Take in what was asked and said since the last look. Raises `StorageError`."""
        if not is_on(house.settings):
            self.memory.clear()
            self._asked_until = self._said_until = self._far_at = None
            self.loaded.set()
            return
        now, canonical = self.clock(), house.catalog.canonical
        is_far = self._far_at is None or self.monotonic() - self._far_at >= FAR_LOOK_S
        if is_far:
            await self._compare(canonical)
            self._asked_until, self._far_at = now, self.monotonic()
        else:
            try:
                await self._follow(now, canonical)
            except UNREADABLE:  # the next comparison reads around the damaged row
                self._asked_until = now
        await self._listen(now, FAR_BACK if is_far and self._said_until is not None else LOOK_BACK, canonical)
        self.loaded.set()

    def find(self, text: str, *, caller: str | None, but: str | None = None) -> Found:
        """Return questions like a text, as far as a caller may know of them; `None` may know all.

        Takes about a millisecond, however long the text is; nothing is found for one without words.
        """
        vector = self.hashing.vector_of(text) if len(self.memory) else None
        search = None if vector is None else self.memory.search(vector)
        return Found() if search is None else _found(search, caller, but)

    def like(self, decision_id: str) -> Found:
        """Return questions like that of a decision, for who may see all; none where it is not remembered."""
        vector = self.memory.vector(decision_id)
        search = None if vector is None else self.memory.search(vector)
        return Found() if search is None else _found(search, None, decision_id)

    def state(self) -> Json:
        """Return how it stands, for `/health`."""
        n_ignored = self.memory.n_ignored
        told: Json = {"status": "ok" if self.loaded.is_set() else "waiting", "n": len(self.memory)}
        return told | {"n_ignored": n_ignored} if n_ignored else told

    async def _compare(self, canonical: Callable[[str], str]) -> None:
        """Forget what the books no longer have, and read what memory lacks, the oldest first."""
        stored, missing = set[str](), list[str]()
        async for page in _by_turns(await newest_ids(self.database, limit=self.memory.capacity)):
            stored.update(page)
            missing += [each for each in page if not self.memory.knows(each)]
        async for page in _by_turns(self.memory.seen):
            self.memory.drop([each for each in page if each not in stored])
        missing.reverse()
        for page in _pages(missing, AT_ONCE):
            await self._take_among(page, canonical)

    async def _take_among(self, decision_ids: Sequence[str], canonical: Callable[[str], str]) -> None:
        """Take in some questions; one whose row cannot be read is set aside, and costs no other."""
        try:
            self._take(await stored_among(self.database, decision_ids, canonical=canonical))
        except UNREADABLE:
            if len(decision_ids) == 1:
                self.memory.ignore(decision_ids[0])
                return
            half = len(decision_ids) // 2
            await self._take_among(decision_ids[:half], canonical)
            await self._take_among(decision_ids[half:], canonical)

    async def _follow(self, now: datetime, canonical: Callable[[str], str]) -> None:
        since, after = (self._asked_until or now) - LOOK_BACK, ""
        while True:
            found = await stored_since(self.database, since, after=after, canonical=canonical)
            self._take(each for each in found if not self.memory.knows(each.asked.decision_id))
            if len(found) < AT_ONCE:
                break
            since, after = found[-1].created, found[-1].asked.decision_id
        self._asked_until = now

    async def _listen(self, now: datetime, back: timedelta, canonical: Callable[[str], str]) -> None:
        since = (self._said_until or now) - back
        spoken: list[tuple[str, str]] = []
        async for page in _by_turns(await spoken_of_since(self.database, since)):
            spoken += [(each, model) for each in page if (model := self.memory.model_of(each)) is not None]
        for start in range(0, len(spoken), AT_ONCE):
            served = dict(spoken[start : start + AT_ONCE])
            for decision_id, rated in (await rated_among(self.database, served, canonical=canonical)).items():
                self.memory.rate(decision_id, rated)
        self._said_until = now

    def _take(self, found: Iterable[Stored]) -> None:
        for each in found:
            if each.form == self.hashing.form:
                self.memory.add(each.asked, each.vector)
            else:
                self.memory.ignore(each.asked.decision_id)


def is_on(settings: Settings) -> bool:
    """Return whether vectors are kept: where the settings say so, and previews are kept too."""
    return settings.learning.similar and settings.storage.store_preview


def asked_of(settings: Settings, text: str) -> str | None:
    """Return what of a question is read for its vector; `None` where none is kept."""
    return clipped(text) if is_on(settings) and text else None


def _pages(ids: Sequence[str], size: int) -> Iterator[Sequence[str]]:
    return (ids[start : start + size] for start in range(0, len(ids), size))


async def _by_turns(ids: Sequence[str]) -> AsyncGenerator[Sequence[str]]:
    """Yield all of them page by page, each in a turn of the loop of its own."""
    for page in _pages(ids, IDS_AT_ONCE):
        await asyncio.sleep(0)
        yield page


def _found(search: Search, caller: str | None, but: str | None) -> Found:
    near = search.nearest(limit=N_NEIGHBOURS, but=but, of=caller)
    rated = search.nearest_rated(limit=N_NEIGHBOURS, of_each=crowd.OF_EACH, but=but)
    return Found(crowd.own(near, caller), crowd.records(rated, caller))


def _told(neighbour: Neighbour) -> Json:
    asked = neighbour.asked
    rated = asked.rated
    return {
        "decision_id": asked.decision_id,
        "model": asked.model,
        "similarity": round(neighbour.similarity, 4),
        "reward": None if rated is None else round(rated.reward, 4),
        "source": None if rated is None else rated.source,
        "at": asked.at.isoformat(),
    }
