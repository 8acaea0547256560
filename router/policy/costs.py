"""What a prompt is expected to cost with each model: a line in its length, whose slope is the model's price.

Intents differ in how much is answered; what their prompts cost beside the line is added where the intent is known.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Array = NDArray[np.float64]

PSEUDO_ROWS = 10.0
"""What the line weighs against an intent's own prompts."""


@dataclass(frozen=True, slots=True)
class Costs:
    """Expected cost in USD = `at_zero` + `per_char` x characters + the intent's; `nan` for a model of unknown price."""

    at_zero: Array
    per_char: Array
    least: Array
    """(k,): the least that was ever paid."""
    by_intent: Array
    """(t, k)"""

    def expected(self, n_chars: Array, shares: Array) -> Array:
        """Return the expected cost (n, k) of prompts of `n_chars` (n,) characters and intents `shares` (n, t)."""
        line = self.at_zero + np.asarray(n_chars, np.float64)[:, None] * self.per_char
        return np.maximum(line + shares @ self.by_intent, self.least)


def fit_costs(n_chars: Array, cost: Array, labels: Sequence[str | None], intents: Sequence[str]) -> Costs:
    """Return lines of least squares and what intents add; `cost` (n, k) is `nan` where it is not known.

    A line never falls: where it would, and where all prompts are of one length, the mean holds at every length.
    """
    lines = np.array([_line(n_chars, cost[:, model]) for model in range(cost.shape[1])], np.float64).reshape(-1, 2)
    beside = cost - lines[:, 0] - n_chars[:, None] * lines[:, 1]
    told = np.array([label or "" for label in labels])
    added = [_drawn(beside[told == intent]) for intent in intents]
    least = np.where(np.isnan(cost), np.inf, cost).min(0, initial=np.inf)
    return Costs(
        at_zero=lines[:, 0],
        per_char=lines[:, 1],
        least=np.where(np.isfinite(least), least, np.nan),
        by_intent=np.array(added, np.float64).reshape(len(intents), cost.shape[1]),
    )


def _drawn(beside: Array) -> Array:
    return np.asarray(np.nansum(beside, axis=0) / ((~np.isnan(beside)).sum(0) + PSEUDO_ROWS))


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
