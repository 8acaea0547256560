"""How much one speaker may teach: no more than moves any probability by a few points, whatever was said how often.

The bound holds for every question at once. A model's expectation for a question is normal; between what would be drawn
with a speaker's lessons and without them lies at most the total variation between the two normal distributions, summed
over models. That is at most |difference of means| / (deviation sqrt(2 pi)) + 0.484 |difference of log deviations|, and
over all questions the first is largest along the change of the weights itself (Cauchy-Schwarz), the second along an
eigenvector. It holds for Thompson sampling, where a probability is what would be drawn.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from router.learning.encoding import N_SLOTS, PRIOR_ROWS
from router.learning.heads import SEEN

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from router.learning.heads import Sums

LEAST_DEVIATION: Final = 0.1
"""No prior is taken for surer than this, so that the bound can count on it."""
BUDGET: Final = 0.03
"""How far one speaker may move any probability at once; as much again grows back within a day."""
_BY_MEAN: Final = 1 / math.sqrt(2 * math.pi)
_BY_DEVIATION: Final = math.sqrt(2 / (math.pi * math.e))
_STEPS: Final = 24
_ROUNDING: Final = 1e-9


def largest_share(others: Mapping[str, Sums], own: Mapping[str, Sums], budget: float) -> float:
    """Return the share, 0 to 1, of a speaker's lessons that moves no probability by more than `budget`.

    `others` holds by model what is in force without the speaker, `own` all that the speaker said. Never more than
    the bound allows: of two shares that hold it, the larger.
    """
    moves = [_Move.between(others[model], sums) for model, sums in own.items()]
    if moved(moves, 1.0) <= budget:
        return 1.0
    low, high = 0.0, 1.0
    for _ in range(_STEPS):
        middle = (low + high) / 2
        if moved(moves, middle) <= budget:
            low = middle
        else:
            high = middle
    return low


def farthest(others: Mapping[str, Sums], own: Mapping[str, Sums], share: float) -> float:
    """Return how far a share of a speaker's lessons moves any probability at most."""
    return moved([_Move.between(others[model], sums) for model, sums in own.items()], share)


def moved(moves: list[_Move], share: float) -> float:
    """Return the bound for all models together."""
    return sum(each.at(share) for each in moves)


@dataclass(frozen=True, slots=True)
class _Move:
    """One model's head without and with lessons, in the coordinates in which both precisions are diagonal."""

    added: NDArray[np.float64]
    """(40,): precision that the lessons add, in units of the precision before."""
    before: NDArray[np.float64]
    """(40,): weights before."""
    taught: NDArray[np.float64]
    """(40,): targets that the lessons add."""
    back: NDArray[np.float64]
    """(40, 40): leads back to the slots of questions."""
    least_left: float
    """What is left of the deviation before, at the least, squared."""
    topics: tuple[tuple[float, float], ...]
    """Weight of the outcomes about each topic that the lessons are about: before, and what they add."""

    @classmethod
    def between(cls, others: Sums, own: Sums) -> _Move:
        """Return the way from what others said to what all said."""
        precision = others.squares + PRIOR_ROWS * np.eye(N_SLOTS)
        inverse = np.linalg.inv(np.linalg.cholesky(precision))
        added, axes = np.linalg.eigh(inverse @ own.squares @ inverse.T)
        to_axes = axes.T @ inverse
        largest = float(np.linalg.eigvalsh(precision)[-1])
        return cls(
            np.maximum(added, 0.0),
            to_axes @ others.targets,
            to_axes @ own.targets,
            np.asarray(to_axes.T, np.float64),
            PRIOR_ROWS / largest,
            tuple((max(0.0, others.topics.get(topic, 0.0)), max(0.0, n)) for topic, n in own.topics.items()),
        )

    def at(self, share: float) -> float:
        """Return how far a share of the lessons moves what is drawn of this model, at most."""
        if share <= 0.0:
            return 0.0
        precision = 1.0 + share * self.added
        after = (self.before + share * self.taught) / precision
        shifted = math.sqrt(float((precision * (after - self.before) ** 2).sum()))
        narrowed = 0.5 * math.log(float(precision.max()))
        length = float(np.linalg.norm(self.back @ after))
        opened = max((self._opened(each, share, length, float(precision.max())) for each in self.topics), default=0.0)
        in_means = shifted / (LEAST_DEVIATION * math.sqrt(PRIOR_ROWS))
        return _BY_MEAN * in_means + _BY_DEVIATION * narrowed + opened + _ROUNDING

    def _opened(self, topic: tuple[float, float], share: float, length: float, narrowed: float) -> float:
        """Return what it moves that the weights count for more where a topic is better known."""
        n_before, n_added = topic
        low = n_before / (n_before + SEEN)
        high = (n_before + share * n_added) / (n_before + share * n_added + SEEN)
        left = min(1.0, self.least_left / narrowed)
        wide, narrow = low * left + 1 - low, high * left + 1 - high
        in_means = (high - low) * length / (LEAST_DEVIATION * math.sqrt(narrow))
        return _BY_MEAN * in_means + _BY_DEVIATION * 0.5 * math.log(wide / narrow)
