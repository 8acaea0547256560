"""Intervals that hold at every moment, so that who looks each day, and stops when it looks good, is not misled.

The asymptotic confidence sequence of Waudby-Smith, Arbour, Sinha, Kennedy and Ramdas: Time-uniform central limit theory
and asymptotic confidence sequences, Annals of Statistics 52(6), 2024, https://arxiv.org/abs/2103.06476, Theorem 2.2.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray

ALPHA: Final = 0.05
"""Probability that the true value is ever outside, over all moments together."""
TUNED_FOR: Final = 1000
"""Units at which the interval is narrowest, for its kind; it holds at every other number too."""


@dataclass(frozen=True, slots=True)
class Drawn:
    """One unit of an experiment: what came of it, and which arm it was drawn into with which probability."""

    value: float
    treated: bool
    p_treated: float
    """Between 0 and 1, neither of them."""


@dataclass(frozen=True, slots=True)
class Effect:
    """What treatment changes of the mean, with its interval so far."""

    value: float
    low: float
    high: float


def effect_so_far(units: Sequence[Drawn]) -> Effect | None:
    """Return the difference of means, treated minus others, of units in their order; `None` for fewer than two."""
    if len(units) < 2:  # noqa: PLR2004  # one value has no spread
        return None
    means, widths = effects_over_time(units)
    mean, width = float(means[-1]), float(widths[-1])
    return Effect(mean, mean - width, mean + width)


def effects_over_time(units: Sequence[Drawn]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the difference after each unit, and half the width of its interval, `(len(units),)` each.

    Each unit is weighed by how likely its arm was, less the mean of those before it: that keeps the difference
    unbiased, since the weights are 0 on average, and takes out what all units have in common.
    """
    import numpy as np  # noqa: PLC0415  # heavy: only a report needs it

    values = np.array([each.value for each in units], dtype=float)
    weights = np.array([1 / each.p_treated if each.treated else -1 / (1 - each.p_treated) for each in units])
    n = np.arange(1, len(units) + 1)
    before = np.concatenate([values[:1], np.cumsum(values)[:-1] / n[:-1]])
    before[0] = 0.0  # nothing is known before the first
    effects = weights * (values - before)
    means = np.cumsum(effects) / n
    spread = np.sqrt(np.maximum(np.cumsum(effects**2) / n - means**2, 0))
    rho2 = (-2 * math.log(ALPHA) + math.log(-2 * math.log(ALPHA)) + 1) / TUNED_FOR
    grown = n * rho2 + 1
    return means, spread * np.sqrt(2 * grown / (n**2 * rho2) * np.log(np.sqrt(grown) / ALPHA))
