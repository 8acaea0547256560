"""The newest questions in memory, a matrix of vectors, and a search among them. Used by one thread.

A search reads the 64 strongest of a question's 256 numbers, and all of them only for the 256 questions that come out
nearest by these: exact for what has so few words, and else a third of the time.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
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
ROUGHLY: Final = 0.5
"""Share of the least similarity that the strongest numbers must show: they hold 95 % of a long question."""


class Memory:
    """At most `capacity` questions; the one that was taken in first gives way."""

    def __init__(self, capacity: int = CAPACITY) -> None:
        self._vectors: NDArray[np.int8] = np.zeros((N_DIMENSIONS, capacity), np.int8)
        self._scales: NDArray[np.float32] = np.zeros(capacity, np.float32)
        self._whose: NDArray[np.int64] = np.zeros(capacity, np.int64)
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
        of_each: int | None = None,
    ) -> tuple[Neighbour, ...]:
        """Return the questions most like a vector, the nearest first; `but` leaves one decision out.

        `of` is the key whose questions alone are looked at; `of_each` the most of any one key.
        """
        direction = direction_of(vector)
        if direction is None or not self._places:
            return ()
        found: list[Neighbour] = []
        taken: Counter[str | None] = Counter()
        for place, similarity in self._ranked(direction, at_least, of):
            held = self._held[place]
            if len(found) >= limit:
                break
            if held is None or held.decision_id == but or (of is not None and held.caller != of):
                continue
            taken[held.caller] += 1
            if of_each is None or taken[held.caller] <= of_each:
                found.append(Neighbour(held, min(1.0, similarity)))
        return tuple(found)

    def _place(self) -> int:
        """Return a place for another question: a free one, a new one, or that of the first that was taken in."""
        if not self._free and self._n_used == self.capacity:
            self.drop((next(iter(self._places)),))
        if self._free:
            return self._free.pop()
        self._n_used += 1
        return self._n_used - 1

    def _ranked(self, direction: NDArray[np.float32], at_least: float, of: str | None) -> list[tuple[int, float]]:
        """Return places that are at least so similar, at most `N_SHORTLISTED`, the nearest first.

        `einsum` adds in this thread; `@` would wait for the threads of BLAS, under load for 20 ms.
        """
        n = self._n_used
        strongest = np.flatnonzero(direction)
        if len(strongest) > N_STRONGEST:
            strongest = np.argpartition(-np.abs(direction), N_STRONGEST)[:N_STRONGEST]
        read = self._vectors[strongest, :n].astype(np.float32)
        roughly = np.einsum("i,ij->j", direction[strongest], read) * self._scales[:n]
        near = roughly > ROUGHLY * at_least
        places = np.flatnonzero(near if of is None else near & (self._whose[:n] == hash(of)))
        if len(places) > N_SHORTLISTED:
            places = places[np.argpartition(-roughly[places], N_SHORTLISTED)[:N_SHORTLISTED]]
        whole = self._vectors[:, places].astype(np.float32)
        exactly = np.einsum("i,ij->j", direction, whole) * self._scales[places]
        order = np.argsort(-exactly, kind="stable")
        found = zip(places[order].tolist(), exactly[order].tolist(), strict=True)
        return [(place, similarity) for place, similarity in found if similarity >= at_least]
