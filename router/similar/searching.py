"""A search among remembered questions, for the nearest ones and for the nearest that were rated.

It reads the 64 strongest of a question's 256 numbers, and all of them only for the 256 questions that come out nearest
by these: exact for what has so few words, and else a third of the time.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from itertools import islice
from operator import itemgetter
from typing import TYPE_CHECKING, Final, cast

import numpy as np

from router.similar.values import Neighbour
from router.similar.vectors import direction_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from router.similar.values import Asked

LEAST_SIMILARITY: Final = 0.45
"""Below it two questions have no more in common than words that many have."""
N_STRONGEST: Final = 64
N_SHORTLISTED: Final = 256
SLACK: Final = 4
"""Times as many of a key are looked at in full as are wanted of it."""
ROUGHLY: Final = 0.5
"""Share of the least similarity that the strongest numbers must show: they hold 95 % of a long question."""


@dataclass(frozen=True, slots=True)
class Places:
    """What is remembered, a question a place."""

    vectors: NDArray[np.int8]
    """256 numbers by places."""
    scales: NDArray[np.float32]
    """1 over the length of a vector, 0 where a place is free."""
    whose: NDArray[np.int64]
    """Hash of the key that asked."""
    rated: NDArray[np.bool_]
    held: Sequence[Asked | None]


@dataclass(frozen=True, slots=True)
class Search:
    """How near every place comes to one question; for use before anything is remembered or forgotten."""

    places: Places
    direction: NDArray[np.float32]
    roughly: NDArray[np.float32]
    """Cosine by the strongest numbers alone."""

    def nearest(
        self, *, limit: int, at_least: float = LEAST_SIMILARITY, but: str | None = None, of: str | None = None
    ) -> tuple[Neighbour, ...]:
        """Return the questions most like it, the nearest first; `but` leaves one decision out.

        `of` is the key whose questions alone are looked at.
        """
        near = self.roughly > ROUGHLY * at_least
        if of is not None:
            near &= self.places.whose[: len(near)] == hash(of)
        places = np.flatnonzero(near)
        if len(places) > N_SHORTLISTED:
            places = places[np.argpartition(-self.roughly[places], N_SHORTLISTED)[:N_SHORTLISTED]]
        found = (each for each in self._exactly(places, at_least) if each.asked.decision_id != but)
        return tuple(islice((each for each in found if of is None or each.asked.caller == of), limit))

    def nearest_rated(
        self, *, limit: int, of_each: int, at_least: float = LEAST_SIMILARITY, but: str | None = None
    ) -> tuple[Neighbour, ...]:
        """Return the questions most like it of whose answers something was said, so that no key hides others.

        First come the `of_each` nearest of every key, the nearest of them first, then the next ones of every key.
        """
        near = self.roughly > ROUGHLY * at_least
        places = np.flatnonzero(near & self.places.rated[: len(near)])
        if len(places) > N_SHORTLISTED:
            rounds = _ranks(self.roughly[places], self.places.whose[places]) // (SLACK * of_each)
            places = places[np.lexsort((-self.roughly[places], rounds))[:N_SHORTLISTED]]
        n_of: Counter[str | None] = Counter()
        found: list[tuple[int, Neighbour]] = []
        for each in self._exactly(places, at_least):
            if each.asked.decision_id != but:
                found.append((n_of[each.asked.caller] // of_each, each))
                n_of[each.asked.caller] += 1
        found.sort(key=itemgetter(0))  # stable: within a round the nearest stay first
        return tuple(each for _, each in found[:limit])

    def _exactly(self, places: NDArray[np.intp], at_least: float) -> list[Neighbour]:
        """Return the questions of places that are at least so similar, the nearest first."""
        whole = self.places.vectors[:, places].astype(np.float32)
        exactly = np.einsum("i,ij->j", self.direction, whole) * self.places.scales[places]
        order = np.argsort(-exactly, kind="stable")
        similarities = cast("list[float]", exactly[order].tolist())
        nearest = cast("list[int]", places[order].tolist())
        return [
            Neighbour(held, min(1.0, similarity))
            for place, similarity in zip(nearest, similarities, strict=True)
            if similarity >= at_least and (held := self.places.held[place]) is not None
        ]


def search(places: Places, vector: bytes, *, n: int) -> Search | None:
    """Return how near the first `n` places come to a vector; `None` for bytes that are no vector.

    `einsum` adds in this thread; `@` would wait for the threads of BLAS, under load for 20 ms.
    """
    direction = direction_of(vector)
    if direction is None:
        return None
    strongest = np.flatnonzero(direction)
    if len(strongest) > N_STRONGEST:
        strongest = np.argpartition(-np.abs(direction), N_STRONGEST)[:N_STRONGEST]
    read = places.vectors[strongest, :n].astype(np.float32)
    return Search(places, direction, np.einsum("i,ij->j", direction[strongest], read) * places.scales[:n])


def _ranks(roughly: NDArray[np.float32], whose: NDArray[np.int64]) -> NDArray[np.intp]:
    """Return of each place, how many of the same key come out nearer."""
    by_key = np.lexsort((-roughly, whose))
    sorted_keys = whose[by_key]
    begins = np.flatnonzero(np.concatenate(([True], sorted_keys[1:] != sorted_keys[:-1])))
    lengths = np.diff(begins, append=len(whose))
    ranks = np.empty(len(whose), np.intp)
    ranks[by_key] = np.arange(len(whose)) - np.repeat(begins, lengths)
    return ranks
