"""With which probability each model is drawn, computed and not sampled, so that the books can keep it; and the draw.

`thompson` draws the model that would score best if each score were drawn from its normal distribution. The integral
P(i is best) = E[prod over j of cdf_j(x_i)] is summed over fixed points of each model's own distribution. What is drawn
is drawn from the sums, so the propensity is exact even where the sum differs from the integral in the third digit.
"""

from __future__ import annotations

import math
from functools import cache
from random import Random
from typing import TYPE_CHECKING, Final, Literal

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

Method = Literal["thompson", "softmax", "epsilon"]

FLOOR: Final = 0.02
"""Least probability of an eligible model: without it the log says nothing about a model that the policy dislikes."""
N_POINTS: Final = 65
MAX_CONTENDERS: Final = 24
"""Models that are compared with each other; with more, those with the lowest upper bounds share only the floor."""
_MIN_DEVIATION: Final = 1e-6
_EDGE: Final = 8.0
"""Standard deviations beyond which a normal distribution counts as over."""
_N_TABLE: Final = 16_384


def thompson(means: Sequence[float], deviations: Sequence[float]) -> tuple[float, ...]:
    """Return for each model the probability that its score is the highest; they sum to 1.

    `means` and `deviations` are of the scores, in the same order, finite, deviations >= 0. Models that are alike get
    alike probabilities, be they certain or not.
    """
    mean = np.asarray(means, dtype=np.float64)
    deviation = np.maximum(np.asarray(deviations, dtype=np.float64), _MIN_DEVIATION)
    if len(mean) <= MAX_CONTENDERS:
        return tuple(_best_of(mean, deviation).tolist())
    chosen = np.argsort(-(mean + 2 * deviation), kind="stable")[:MAX_CONTENDERS]
    probabilities = np.zeros(len(mean))
    probabilities[chosen] = _best_of(mean[chosen], deviation[chosen])
    return tuple(probabilities.tolist())


def worth_of_knowing(means: Sequence[float], deviations: Sequence[float]) -> float:
    """Return what it would be worth, in units of the score, to know the true scores before choosing.

    That is the mean of the highest of them less the highest mean: the expected value of perfect information. It is 0
    where one is surely the best, and where all are surely known.
    """
    mean = np.asarray(means, dtype=np.float64)
    deviation = np.maximum(np.asarray(deviations, dtype=np.float64), _MIN_DEVIATION)
    if len(mean) > MAX_CONTENDERS:
        chosen = np.argsort(-(mean + 2 * deviation), kind="stable")[:MAX_CONTENDERS]
        mean, deviation = mean[chosen], deviation[chosen]
    at, below = _compared(mean, deviation)
    weight = below * _points()[1]
    return max(0.0, float((weight * at).sum() / weight.sum() - mean.max()))


def softmax(scores: Sequence[float], *, temperature: float) -> tuple[float, ...]:
    """Return probabilities in proportion to exp(score / temperature); `temperature` > 0, in units of the score."""
    highest = max(scores)
    powers = [math.exp((score - highest) / temperature) for score in scores]
    total = sum(powers)
    return tuple(power / total for power in powers)


def epsilon(scores: Sequence[float], *, share: float) -> tuple[float, ...]:
    """Return `share` spread over all models and the rest on the best one, the first of them where several are.

    For comparison in simulations: the best model changes at once with whatever tips it, so no bound on what one key may
    change can hold, and no gateway draws so.
    """
    best = max(range(len(scores)), key=scores.__getitem__)
    even = share / len(scores)
    return tuple(even + (1.0 - share) * (position == best) for position in range(len(scores)))


def certain(n: int, position: int) -> tuple[float, ...]:
    """Return probability 1 for one of `n` models."""
    return tuple(float(each == position) for each in range(n))


def with_floor(probabilities: Sequence[float], floor: float = FLOOR) -> tuple[float, ...]:
    """Lift each to at least `floor` and take that from the others, in proportion; they sum to 1.

    Probabilities that are above the floor already stay as they are. With more than 1 / `floor` models all are alike.
    """
    n = len(probabilities)
    if floor * n >= 1.0:
        return (1.0 / n,) * n
    lifted: set[int] = set()
    scale = 1.0
    while True:
        low = {i for i, p in enumerate(probabilities) if i not in lifted and p * scale < floor}
        if not low:
            break
        lifted |= low
        rest = sum(p for i, p in enumerate(probabilities) if i not in lifted)
        scale = (1.0 - floor * len(lifted)) / rest
    return tuple(floor if i in lifted else p * scale for i, p in enumerate(probabilities))


def drawn(probabilities: Sequence[float], *, seed: int) -> int:
    """Return the position that the seed draws; the same seed and probabilities give the same one.

    A probability of 0 is never drawn. As long as the order of the models is kept, a seed keeps its model while the
    probabilities change little, so that the turns of a conversation stay together.
    """
    point = Random(seed).random() * math.fsum(probabilities)  # noqa: S311  # the draw guards no secret
    reached = 0.0
    for position, probability in enumerate(probabilities):
        reached += probability
        if point < reached:
            return position
    return max(range(len(probabilities)), key=probabilities.__getitem__)


def _best_of(mean: NDArray[np.float64], deviation: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the probability of each to be the highest. Arrays are (n,)."""
    probability = _compared(mean, deviation)[1] @ _points()[1]
    return probability / probability.sum()


def _compared(
    mean: NDArray[np.float64], deviation: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return points of each score, and how likely all others are below each: (n, points) both, from (n, points, n)."""
    points, _ = _points()
    at = mean[:, None] + deviation[:, None] * points
    distance = (at[:, :, None] - mean) / deviation
    below = _cdf()[(np.clip(distance, -_EDGE, _EDGE) * (_N_TABLE / (2 * _EDGE)) + _N_TABLE / 2).astype(np.intp)]
    own = np.arange(len(mean))
    below[own, :, own] = 1.0
    return at, np.multiply.reduce(below, axis=2)


@cache
def _points() -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return points of the standard normal distribution and the probability around each, `(N_POINTS,)` both."""
    edges = np.linspace(-4.0, 4.0, N_POINTS + 1)
    masses = np.diff(np.array([_phi(edge) for edge in edges]))
    return (edges[:-1] + edges[1:]) / 2, masses / masses.sum()


@cache
def _cdf() -> NDArray[np.float64]:
    """Return the standard normal distribution function at `_N_TABLE` + 1 even steps between the edges."""
    return np.array([_phi(x) for x in np.linspace(-_EDGE, _EDGE, _N_TABLE + 1)])


def _phi(x: float) -> float:
    return 0.5 * math.erfc(-x / math.sqrt(2.0))
