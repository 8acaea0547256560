"""The newest questions in memory, a matrix of vectors. Used by one thread."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

import numpy as np

from router.similar.searching import Places, search
from router.similar.vectors import N_DIMENSIONS

if TYPE_CHECKING:
    from collections.abc import Iterable

    from router.similar.searching import Search
    from router.similar.values import Asked, Rated

CAPACITY: Final = 20_000
"""Questions that are remembered: 5 MiB of vectors."""


class Memory:
    """At most `capacity` questions; the one that was taken in first gives way."""

    def __init__(self, capacity: int = CAPACITY) -> None:
        self._held: list[Asked | None] = [None] * capacity
        self._in = Places(
            vectors=np.zeros((N_DIMENSIONS, capacity), np.int8),
            scales=np.zeros(capacity, np.float32),
            whose=np.zeros(capacity, np.int64),
            rated=np.zeros(capacity, np.bool_),
            held=self._held,
        )
        self._places: dict[str, int] = {}
        self._free: list[int] = []
        self._n_used = 0
        self._ignored: set[str] = set()
        self.capacity = capacity

    def __len__(self) -> int:
        return len(self._places)

    @property
    def seen(self) -> tuple[str, ...]:
        """The decisions that are remembered, and those whose vectors cannot be read."""
        return (*self._places, *self._ignored)

    def knows(self, decision_id: str) -> bool:
        """Return whether a decision is remembered, or known to be unreadable."""
        return decision_id in self._places or decision_id in self._ignored

    @property
    def n_ignored(self) -> int:
        """How many vectors are of another form, or damaged."""
        return len(self._ignored)

    def add(self, asked: Asked, vector: bytes) -> bool:
        """Take in a question, a known one in its own place; returns whether its vector could be read."""
        numbers = np.frombuffer(vector, np.int8)
        length = float(np.linalg.norm(numbers.astype(np.float32)))
        if len(numbers) != N_DIMENSIONS or length == 0.0:
            self.ignore(asked.decision_id)
            return False
        place = self._places.get(asked.decision_id)
        if place is None:
            place = self._place()
        self._in.vectors[:, place] = numbers
        self._in.scales[place] = 1.0 / length
        self._in.whose[place] = hash(asked.caller)
        self._in.rated[place] = asked.rated is not None
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
            self._in.rated[place] = rated is not None

    def model_of(self, decision_id: str) -> str | None:
        """Return who answered, `None` where the question is not remembered."""
        place = self._places.get(decision_id)
        held = None if place is None else self._held[place]
        return None if held is None else held.model

    def vector(self, decision_id: str) -> bytes | None:
        """Return the vector of a question, `None` where it is not remembered."""
        place = self._places.get(decision_id)
        return None if place is None else self._in.vectors[:, place].tobytes()

    def drop(self, decision_ids: Iterable[str]) -> None:
        """Forget questions."""
        for each in decision_ids:
            place = self._places.pop(each, None)
            self._ignored.discard(each)
            if place is not None:
                self._held[place], self._in.scales[place] = None, 0.0
                self._free.append(place)

    def clear(self) -> None:
        """Forget all of them."""
        self._places.clear()
        self._ignored.clear()
        self._free.clear()
        self._n_used = 0
        self._in.scales.fill(0.0)
        self._held[:] = [None] * self.capacity

    def search(self, vector: bytes) -> Search | None:
        """Return how near all questions come to a vector; `None` where none is remembered, or that is no vector."""
        return search(self._in, vector, n=self._n_used) if self._places else None

    def _place(self) -> int:
        """Return a place for another question: a free one, a new one, or that of the first that was taken in."""
        if not self._free and self._n_used == self.capacity:
            self.drop((next(iter(self._places)),))
        if self._free:
            return self._free.pop()
        self._n_used += 1
        return self._n_used - 1
