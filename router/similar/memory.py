"""The newest questions in memory, a matrix of vectors, and a search among them. Used by one thread.

A search reads the 64 strongest of a question's 256 numbers, and all of them only for the 256 questions that come out
nearest by these: exact for what has so few words, and else a third of the time.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from itertools import islice
from operator import itemgetter
from typing import TYPE_CHECKING, Final

import numpy as np

from router.similar.values import Neighbour
from router.similar.vectors import N_DIMENSIONS, direction_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from router.similar.values import Asked, Rated

CAPACITY: Final = 20_000
"""Questions that are remembered: 5 MiB of vectors."""
LEAST_SIMILARITY: Final = 0.45
"""Below it two questions have no more in common than words that many have."""
N_STRONGEST: Final = 64
N_SHORTLISTED: Final = 256
SLACK: Final = 4
"""Times as many of a key are looked at in full as are wanted of it."""
ROUGHLY: Final = 0.5
"""Share of the least similarity that the strongest numbers must show: they hold 95 % of a long question."""


class Memory:
    """At most `capacity` questions; the one that was taken in first gives way."""

    def __init__(self, capacity: int = CAPACITY) -> None:
        self._vectors: NDArray[np.int8] = np.zeros((N_DIMENSIONS, capacity), np.int8)
        self._scales: NDArray[np.float32] = np.zeros(capacity, np.float32)
        self._whose: NDArray[np.int64] = np.zeros(capacity, np.int64)
        self._rated: NDArray[np.bool_] = np.zeros(capacity, np.bool_)
        self._held: list[Asked | None] = [None] * capacity
        self._places: dict[str, int] = {}
        self._free: list[int] = []
        self._n_used = 0
        self._ignored: set[str] = set()
        self.capacity = capacity

    def __len__(self) -> int:
        return len(self._places)

    @property
    def seen(self) -> frozenset[str]:
        """The decisions that are remembered, and those whose vectors cannot be read."""
        return frozenset(self._places).union(self._ignored)

    def knows(self, decision_id: str) -> bool:
        """Return whether a decision is remembered, or known to be unreadable."""
        return decision_id in self._places or decision_id in self._ignored

    @property
    def n_ignored(self) -> int:
        """How many vectors are of another form, or damaged."""
        return len(self._ignored)

    def add(self, asked: Asked, vector: bytes) -> bool:
        """Take in a question, a known one in its own place; returns whether its vector could be read."""
        if direction_of(vector) is None:
            self.ignore(asked.decision_id)
            return False
        place = self._places.get(asked.decision_id)
        if place is None:
            place = self._place()
        numbers = np.frombuffer(vector, np.int8)
        self._vectors[:, place] = numbers
        self._scales[place] = 1.0 / np.linalg.norm(numbers.astype(np.float32))
        self._whose[place] = hash(asked.caller)
        self._rated[place] = asked.rated is not None
        self._held[place] = asked
        self._places[asked.decision_id] = place
        return True

    def ignore(self, decision_id: str) -> None:
        """Remember that a question is of another form, or that its row is damaged."""
        self.drop((decision_id,))
        self._ignored.add(decision_id)

    def rate(self, decision_id: str, rated: Rated | None) -> None:
        """Take what is said of an answer by now; nothing where its question is not remembered."""
        place = self._places.get(decision_id)
        held = None if place is None else self._held[place]
        if place is not None and held is not None:
            self._held[place] = replace(held, rated=rated)
            self._rated[place] = rated is not None

    def model_of(self, decision_id: str) -> str | None:
        """Return who answered, `None` where the question is not remembered."""
        place = self._places.get(decision_id)
        held = None if place is None else self._held[place]
        return None if held is None else held.model

    def vector(self, decision_id: str) -> bytes | None:
        """Return the vector of a question, `None` where it is not remembered."""
        place = self._places.get(decision_id)
        return None if place is None else self._vectors[:, place].tobytes()

    def drop(self, decision_ids: Iterable[str]) -> None:
        """Forget questions."""
        for each in decision_ids:
            place = self._places.pop(each, None)
            self._ignored.discard(each)
            if place is not None:
                self._held[place], self._scales[place] = None, 0.0
                self._free.append(place)

    def clear(self) -> None:
        """Forget all of them."""
        self.drop(self.seen)

    def nearest(
        self,
        vector: bytes,
        *,
        limit: int,
        at_least: float = LEAST_SIMILARITY,
        but: str | None = None,
        of: str | None = None,
    ) -> tuple[Neighbour, ...]:
        """Return the questions most like a vector, the nearest first; `but` leaves one decision out.

        `of` is the key whose questions alone are looked at.
        """
        whose = None if of is None else self._whose[: self._n_used] == hash(of)
        found = (each for each in self._search(vector, at_least, whose) if each.asked.decision_id != but)
        return tuple(islice((each for each in found if of is None or each.asked.caller == of), limit))

    def nearest_rated(
        self,
        vector: bytes,
        *,
        limit: int,
        of_each: int,
        at_least: float = LEAST_SIMILARITY,
        but: str | None = None,
    ) -> tuple[Neighbour, ...]:
        """Return the questions most like a vector of whose answers something was said, so that no key hides others.

        First come the `of_each` nearest of every key, the nearest of them first, then the next ones of every key.
        """
        rated, n_of = self._rated[: self._n_used], Counter[str | None]()
        rounds: list[tuple[int, Neighbour]] = []
        for each in self._search(vector, at_least, rated, of_each=of_each):
            if each.asked.decision_id != but:
                rounds.append((n_of[each.asked.caller] // of_each, each))
                n_of[each.asked.caller] += 1
        rounds.sort(key=itemgetter(0))  # stable: within a round the nearest stay first
        return tuple(each for _, each in rounds[:limit])

    def _place(self) -> int:
        """Return a place for another question: a free one, a new one, or that of the first that was taken in."""
        if not self._free and self._n_used == self.capacity:
            self.drop((next(iter(self._places)),))
        if self._free:
            return self._free.pop()
        self._n_used += 1
        return self._n_used - 1

    def _search(
        self, vector: bytes, at_least: float, among: NDArray[np.bool_] | None, *, of_each: int | None = None
    ) -> list[Neighbour]:
        """Return the questions that are at least so similar, at most `N_SHORTLISTED`, the nearest first.

        `einsum` adds in this thread; `@` would wait for the threads of BLAS, under load for 20 ms.
        """
        direction = direction_of(vector)
        if direction is None or not self._places:
            return []
        n = self._n_used
        strongest = np.flatnonzero(direction)
        if len(strongest) > N_STRONGEST:
            strongest = np.argpartition(-np.abs(direction), N_STRONGEST)[:N_STRONGEST]
        read = self._vectors[strongest, :n].astype(np.float32)
        roughly = np.einsum("i,ij->j", direction[strongest], read) * self._scales[:n]
        near = roughly > ROUGHLY * at_least
        places = np.flatnonzero(near if among is None else near & among)
        if len(places) > N_SHORTLISTED:
            places = places[_shortlist(roughly[places], self._whose[places], of_each)]
        whole = self._vectors[:, places].astype(np.float32)
        exactly = np.einsum("i,ij->j", direction, whole) * self._scales[places]
        order = np.argsort(-exactly, kind="stable")
        found = zip(places[order].tolist(), exactly[order].tolist(), strict=True)
        return [
            Neighbour(held, min(1.0, similarity))
            for place, similarity in found
            if similarity >= at_least and (held := self._held[place]) is not None
        ]


def _shortlist(roughly: NDArray[np.float32], whose: NDArray[np.int64], of_each: int | None) -> NDArray[np.intp]:
    """Return which `N_SHORTLISTED` to look at in full: those that come out nearest.

    With `of_each` some times as many of every key come first, so that none fills the list with its own.
    """
    if of_each is None:
        return np.argpartition(-roughly, N_SHORTLISTED)[:N_SHORTLISTED]
    by_key = np.lexsort((-roughly, whose))
    starts = np.flatnonzero(np.diff(whose[by_key], prepend=whose[by_key[0]] - 1))
    rank = np.empty(len(whose), np.intp)
    rank[by_key] = np.arange(len(whose)) - np.repeat(starts, np.diff(starts, append=len(whose)))
    return np.lexsort((-roughly, rank // (SLACK * of_each)))[:N_SHORTLISTED]
