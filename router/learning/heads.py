"""What outcomes say of one model beyond what was expected of it: a Bayesian linear regression, kept as exact sums.

A lesson is one rank-one addition to the sums. So the order of lessons does not matter, a lesson that is replaced is
taken out again exactly, and what one person said can be weighed down as a whole.
"""

from __future__ import annotations

import base64
import zlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, TypeVar, cast

import numpy as np

from router.learning.encoding import N_SLOTS, PRIOR_ROWS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from config.types import Json
    from router.learning.encoding import Vector

    Matrix = NDArray[np.float64]

N = TypeVar("N", float, "NDArray[np.float64]")

SEEN: Final = 2.0
"""Outcomes about a topic at which what was learned elsewhere counts by half there; without any it does not count."""
NARROWED: Final = 0.25
"""Part of the prior's variance that is left where a topic is known but nothing was learned. So a choice explores about
half as widely as the regression would have it; in simulated traffic that earned most."""
_MAX_BYTES: Final = 65_536
"""Unpacked; what is longer is not ours."""


def _nothing() -> Vector:
    return np.zeros(N_SLOTS)


def _nowhere() -> Matrix:
    return np.zeros((N_SLOTS, N_SLOTS))


@dataclass(slots=True)
class Sums:
    """What lessons about one model come to. `squares` is the sum of weight x x', `targets` that of weight x target."""

    squares: Matrix = field(default_factory=_nowhere)
    """(40, 40)"""
    targets: Vector = field(default_factory=_nothing)
    """(40,)"""
    topics: dict[str, float] = field(default_factory=dict[str, float])
    """Weight of the lessons by topic."""

    def learn(self, x: Vector, target: float, *, weight: float, topic: str) -> None:
        """Add a lesson; a negative weight takes one out. Raises `ValueError` for what is no finite number."""
        if not (np.isfinite(x).all() and np.isfinite((target, weight)).all()):
            raise ValueError("a lesson must be made of finite numbers")
        self.squares += weight * np.outer(x, x)
        self.targets += weight * target * x
        self.topics[topic] = self.topics.get(topic, 0.0) + weight

    def add(self, other: Sums, share: float = 1.0) -> None:
        """Add a share of other sums; a negative one takes it out."""
        self.squares += share * other.squares
        self.targets += share * other.targets
        for topic, weight in other.topics.items():
            self.topics[topic] = self.topics.get(topic, 0.0) + share * weight

    def n(self, topic: str = "") -> float:
        """Return the weight of the lessons about a topic; `""` is none in particular: of all of them."""
        return weight_of(self.topics, topic)

    def copy(self) -> Sums:
        """Return sums that can be changed apart from these."""
        return Sums(self.squares.copy(), self.targets.copy(), dict(self.topics))

    def as_json(self) -> Json:
        """Return them as JSON; reading them back gives the same numbers to the bit."""
        upper = self.squares[np.triu_indices(N_SLOTS)]
        packed = np.concatenate([upper, self.targets]).astype("<f8").tobytes()
        return {"sums": base64.b64encode(zlib.compress(packed)).decode(), "topics": dict(self.topics)}


def sums_from(told: Json) -> Sums:
    """Return the sums of `as_json`. Raises `ValueError` where they are not what was written."""
    try:
        packed = zlib.decompressobj().decompress(base64.b64decode(str(told["sums"]), validate=True), _MAX_BYTES)
        found = np.frombuffer(packed, "<f8")
        topics = {str(name): float(weight) for name, weight in cast("dict[str, Any]", told["topics"]).items()}
    except (KeyError, TypeError, AttributeError, ValueError, zlib.error) as error:
        raise ValueError("these are no sums of lessons") from error
    upper = np.triu_indices(N_SLOTS)
    n = len(upper[0])
    if found.shape != (n + N_SLOTS,) or not np.isfinite(found).all() or not np.isfinite(list(topics.values())).all():
        raise ValueError("the sums of lessons are damaged")
    squares = _nowhere()
    squares[upper] = found[:n]
    squares.T[upper] = found[:n]
    return Sums(squares, found[n:].astype(np.float64), topics)


@dataclass(frozen=True, slots=True)
class Head:
    """What follows from sums. Made once, asked often; it is not changed when the sums are."""

    weights: Vector
    """(40,)"""
    spread: Matrix
    """(40, 40): the inverse of the precision times the rows of the prior, so 1 in each direction without a lesson."""
    topics: dict[str, float]

    def n(self, topic: str = "") -> float:
        """Return the weight of the outcomes about a topic; `""` is none in particular: of all of them."""
        return weight_of(self.topics, topic)

    def expect(self, x: Vector, topic: str) -> tuple[float, float]:
        """Return what is to be added to the prior's expectation, and the part of its deviation that is left, 0 to 1.

        Of a topic without outcomes nothing is added and all of the deviation is left: what was learned elsewhere may
        not hold there.
        """
        share = gate(self.n(topic))
        left = min(1.0, max(0.0, NARROWED * float(x @ self.spread @ x)))
        return share * float(x @ self.weights), (share * left + 1.0 - share) ** 0.5


def weight_of(topics: Mapping[str, float], topic: str = "") -> float:
    """Return the weight of the outcomes about a topic; of a question whose topic nobody knows, that of all of them."""
    return max(0.0, topics.get(topic, 0.0)) if topic else sum(max(0.0, each) for each in topics.values())


def gate(n: N) -> N:
    """Return how much of what was learned counts for a topic about which there are outcomes of weight `n`."""
    return n / (n + SEEN)


def head_of(sums: Sums) -> Head:
    """Return what is to be expected by these sums: shrunk as if the prior had been seen in 20 outcomes."""
    inverse = np.asarray(np.linalg.inv(sums.squares + PRIOR_ROWS * np.eye(N_SLOTS)), np.float64)
    return Head(inverse @ sums.targets, inverse * PRIOR_ROWS, dict(sums.topics))
