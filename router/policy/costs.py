"""What a prompt is expected to cost with each model: a line in its length, whose slope is the model's price."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Costs:
    """Expected cost in USD = `at_zero` + `per_char` x characters, each (k,); `nan` for a model of unknown price."""

    at_zero: Array
    per_char: Array

    def expected(self, n_chars: Array) -> Array:
        """Return the expected cost (n, k) of prompts of `n_chars` (n,) characters, never below 0."""
        return np.maximum(self.at_zero + np.asarray(n_chars, np.float64)[:, None] * self.per_char, 0.0)


def fit_costs(n_chars: Array, cost: Array) -> Costs:
    """Return the lines of least squares; `cost` (n, k) is `nan` where it is not known.

    A line never falls: where it would, and where all prompts are of one length, the mean holds at every length.
    """
    lines = [_line(n_chars, cost[:, model]) for model in range(cost.shape[1])]
    found = np.array(lines, np.float64).reshape(-1, 2)
    return Costs(found[:, 0], found[:, 1])


def _line(n_chars: Array, cost: Array) -> tuple[float, float]:
    known = ~np.isnan(cost)
    if not known.any():
        return float("nan"), float("nan")
    x, y = n_chars[known], cost[known]
    spread = float(((x - x.mean()) ** 2).sum())
    slope = float(((x - x.mean()) * (y - y.mean())).sum()) / spread if spread > 0 else 0.0
    if slope <= 0:
        return float(y.mean()), 0.0
    return float(y.mean() - slope * x.mean()), slope
