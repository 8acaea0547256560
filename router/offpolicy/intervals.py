"""Intervals of 95 % from what each row adds to an estimate, rows of one conversation counted together.

An estimate is a mean of what rows add (its influence function); the spread of the conversations' sums is its
standard error. It is widened by Student's t for the number of decisions that the estimate really rests on.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt
from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[np.float64]
    Ints = NDArray[np.int64]

NORMAL: Final = 1.959963984540054
RULE_OF_THREE: Final = 3.0
"""Of n that all agree, the share that would not is at most 3 / n, with 95 %."""
_T_OF_FEW: Final = (12.706, 4.303, 3.182, 2.776)
"""Student's t at 97.5 % for 1 to 4 degrees of freedom, where the expansion below is not close."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """A mean with the 95 % interval of it."""

    value: float
    low: float
    high: float

    @property
    def error(self) -> float:
        """Half the width."""
        return (self.high - self.low) / 2


def interval(
    value: float, influence: Array, conversations: Ints, *, ess: float, least: float = 0.0, least_variance: float = 0.0
) -> Estimate:
    """Return the interval of a mean whose rows' influences (n,) are about 0 on average.

    `ess` is how many decisions it rests on; `least` is the range of what is averaged, where it has one: with it the
    interval is never narrower than what so many equal values allow for. `least_variance` is what is known of the
    variance beforehand.
    """
    n = len(influence)
    sums = np.bincount(conversations, influence - influence.mean() if n else influence)
    m = int(np.count_nonzero(np.bincount(conversations)))  # those of other slices are not here
    inflation = m / (m - 1) if m > 1 else float("inf")
    error = sqrt(float((sums**2).sum()) * inflation) / n if m > 1 else float("inf")
    error = max(error, sqrt(least_variance))
    half = max(students_t(ess - 1) * error, least * min(1.0, RULE_OF_THREE / max(ess, 1.0)))
    return Estimate(value, value - half, value + half)


def students_t(freedom: float) -> float:
    """Return Student's t at 97.5 %, by the expansion of Cornish and Fisher (Abramowitz and Stegun 26.7.5)."""
    if freedom < len(_T_OF_FEW) + 0.5:
        return _T_OF_FEW[max(int(freedom + 0.5), 1) - 1]
    z, v = NORMAL, freedom
    return (
        z
        + (z**3 + z) / (4 * v)
        + (5 * z**5 + 16 * z**3 + 3 * z) / (96 * v**2)
        + (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / (384 * v**3)
    )


def effective(weights: Array, conversations: Ints) -> float:
    """Return Kish's effective sample size of weights (n,), a conversation being one: turns were drawn together."""
    sums = np.bincount(conversations, weights)
    squares = float((sums**2).sum())
    return float(sums.sum() ** 2 / squares) if squares > 0 else 0.0
