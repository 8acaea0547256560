"""Which of the labelled intents a prompt reads like, for prompts that do not tell: naive Bayes over the features."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from router.policy.features import N_FEATURES
from router.policy.sparse import Rows

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from router.policy.sparse import Floats

    Array = NDArray[np.float64]

SMOOTHING = 1000.0
"""What the words of all prompts together weigh in those of one intent, in units of summed feature weight."""
SHARPNESSES = (0.7, 1.0, 1.4, 2.0, 3.0)
NEVER = -1e4
"""The log prior of an intent without a labelled prompt."""
STRANGEST, STRANGE = 0.01, 0.05
"""Shares of held-out prompts that read less like any intent than one that counts as wholly, or as barely, strange."""
_FLOOR = 0.05


@dataclass(frozen=True, slots=True)
class Guesser:
    """Scores prompts against t intents."""

    words: Floats
    """(65536, t): log of how much likelier a feature is under an intent than at large."""
    before: Array
    """(t,): half the log of the intent's count."""
    sharpness: float = 1.4
    strange: tuple[float, float] = (-np.inf, -np.inf)
    """Best scores at and below which a prompt is wholly strange, and above which it is not strange at all."""

    def scores(self, rows: Rows) -> Floats:
        """Return how much each intent's words explain the prompts (n, t)."""
        return rows.times(self.words)

    def shares(self, scores: Floats) -> Array:
        """Return the probability of each intent (n, t) for scores."""
        odds = scores * self.sharpness + self.before
        odds = np.exp(odds - odds.max(1, keepdims=True))
        return np.asarray(odds / odds.sum(1, keepdims=True), np.float64)

    def strangeness(self, scores: Floats) -> Array:
        """Return how little prompts read like any intent (n,), 0 to 1."""
        low, high = self.strange
        best = np.where(self.before > NEVER, scores, -np.inf).max(1)
        if not high > low:
            return np.zeros(len(best))
        return np.clip((high - best) / (high - low), 0.0, 1.0)


def fit_guesser(rows: Rows, labels: Sequence[str | None], intents: Sequence[str]) -> Guesser:
    """Return a guesser of `intents`; labels that are none of them teach only what words are usual."""
    place = {intent: at for at, intent in enumerate(intents)}
    of_row = np.array([place.get(label or "", len(intents)) for label in labels], np.int64)
    of_entry = np.repeat(of_row, np.diff(rows.starts))
    flat = np.bincount(rows.slots * (len(intents) + 1) + of_entry, rows.weights, N_FEATURES * (len(intents) + 1))
    sums = flat.reshape(N_FEATURES, len(intents) + 1)
    usual = sums.sum(1) + _FLOOR
    usual /= usual.sum()
    sums = sums[:, : len(intents)]
    likely = (sums + SMOOTHING * usual[:, None]) / (sums.sum(0) + SMOOTHING)
    count = np.bincount(of_row, minlength=len(intents) + 1)[: len(intents)]
    before = np.where(count > 0, 0.5 * np.log(count + 1.0), NEVER)
    return Guesser(np.log(likely / usual[:, None]).astype(np.float32), before)


def tuned(guesser: Guesser, scores: Floats, labels: Sequence[str | None], intents: Sequence[str]) -> Guesser:
    """Return the guesser with the sharpness and the bounds of strangeness that fit held-out scores (n, t)."""
    place = {intent: at for at, intent in enumerate(intents)}
    known = np.array([label in place for label in labels], np.bool_)
    if not known.any():
        return guesser
    right = np.array([place[label] for label in labels if label in place], np.int64)

    def likelihood(sharpness: float) -> float:
        shares = Guesser(guesser.words, guesser.before, sharpness).shares(scores[known])
        return float(np.log(np.maximum(shares[np.arange(len(right)), right], 1e-9)).mean())

    best = np.where(guesser.before > NEVER, scores[known], -np.inf).max(1)
    low, high = (float(each) for each in np.quantile(best, (STRANGEST, STRANGE)))
    return Guesser(guesser.words, guesser.before, max(SHARPNESSES, key=likelihood), (low, high))
