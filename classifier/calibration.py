"""Makes scores into probabilities that mean what they say, and picks the threshold that a stated accuracy needs.

Everything here is NumPy on held-out rows: temperature (Guo et al. 2017), expected calibration error, thresholds with an
exact binomial bound (Clopper and Pearson 1934), bootstrap intervals. Nothing is fitted on the rows it is reported on.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Ints = NDArray[np.int64]
    Flags = NDArray[np.bool_]

NEVER = 1.1
"""A threshold that no confidence reaches: the model always abstains."""
LOWEST_TEMPERATURE, HIGHEST_TEMPERATURE = 0.01, 100.0
_SECTIONS = 60
_HALVINGS = 60
_GOLDEN = (math.sqrt(5) - 1) / 2
_TINY = 1e-12


@dataclass(frozen=True, slots=True)
class Interval:
    """A figure and the interval it lies in with 95 % confidence; all three as shares, 0 to 1."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Operating:
    """A threshold of confidence and what it gave on the rows it was fitted on."""

    threshold: float
    coverage: float
    """Share of the rows answered."""
    accuracy: float
    """Share of the answered rows that were right."""
    accuracy_low: float
    """Lower bound of that accuracy."""
    n: int
    """Rows it was fitted on."""


def softmax(logits: Floats, temperature: float = 1.0) -> Floats:
    """Return probabilities of the last axis, each row summing to 1."""
    scaled = logits / temperature
    raised = np.exp(scaled - scaled.max(axis=-1, keepdims=True))
    return raised / raised.sum(axis=-1, keepdims=True)


def sigmoid(logits: Floats, temperature: float = 1.0) -> Floats:
    """Return one probability a logit, without overflow."""
    return 0.5 * (1.0 + np.tanh(0.5 * logits / temperature))


def fit_temperature(logits: Floats, gold: Ints) -> float:
    """Return the temperature with the least cross-entropy of softmax; `logits` is (rows, labels), `gold` the columns.

    Rows whose right label is no column (gold -1) are left out; with none left the temperature is 1.
    """
    kept = gold >= 0
    if not kept.any():
        return 1.0
    logits, gold = logits[kept], gold[kept]
    rows = np.arange(len(gold))

    def loss(log_t: float) -> float:
        return float(-np.log(softmax(logits, math.exp(log_t))[rows, gold] + _TINY).mean())

    return _least(loss)


def fit_temperature_multi(logits: Floats, gold: Flags) -> float:
    """Return the temperature with the least cross-entropy of sigmoids; both arrays are (rows, labels)."""
    if not logits.size:
        return 1.0

    def loss(log_t: float) -> float:
        p = sigmoid(logits, math.exp(log_t))
        return float(-np.log(np.where(gold, p, 1 - p) + _TINY).mean())

    return _least(loss)


def ece(confidence: Floats, right: Flags, *, bins: int = 15) -> float:
    """Return the expected calibration error over bins of equal size: the mean gap of confidence and accuracy."""
    if not len(confidence):
        return 0.0
    order = np.argsort(confidence, kind="stable")
    parts = np.array_split(order, min(bins, len(order)))
    gaps = [abs(confidence[part].mean() - right[part].mean()) * len(part) for part in parts]
    return float(sum(gaps) / len(order))


def binomial_low(successes: int, n: int, *, confidence: float = 0.95) -> float:
    """Return the one-sided Clopper-Pearson lower bound of a share; 0 for no trials."""
    if successes <= 0:
        return 0.0
    low, high = 0.0, successes / n
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        if _tail(successes, n, middle) < 1 - confidence:
            low = middle
        else:
            high = middle
    return low


def binomial_interval(successes: int, n: int, *, confidence: float = 0.95) -> Interval:
    """Return a share with its two-sided Clopper-Pearson interval; (0, 0, 1) for no trials."""
    if not n:
        return Interval(0.0, 0.0, 1.0)
    each_side = 1 - (1 - confidence) / 2
    low = binomial_low(successes, n, confidence=each_side)
    high = 1 - binomial_low(n - successes, n, confidence=each_side)
    return Interval(successes / n, low, high)


def fit_selective(confidence: Floats, right: Flags, *, accuracy: float, bound: float = 0.95) -> Operating:
    """Return the lowest threshold whose answered rows are right in at least `accuracy` of the cases, by a bound.

    The binomial lower bound, at level `bound`, of the accuracy of the rows at or above the threshold must reach
    `accuracy`; `bound=0.5` asks the accuracy itself of about half of all future samples. Where no threshold does so, of
    those whose rows were right in at least `accuracy` of the cases the one with the best lower bound is returned, and
    `NEVER` where there is none: `accuracy_low` tells that it fell short.
    """
    n = len(confidence)
    best = Operating(NEVER, 0.0, 0.0, 0.0, n)
    order = np.argsort(-confidence, kind="stable")
    ranked, hits = confidence[order], np.cumsum(right[order])
    for end in reversed(range(n)):
        answered, good = end + 1, int(hits[end])
        parts_equals = answered < n and ranked[answered] == ranked[end]
        if parts_equals or good < accuracy * answered:
            continue
        found = Operating(
            float(ranked[end]), answered / n, good / answered, binomial_low(good, answered, confidence=bound), n
        )
        if found.accuracy_low >= accuracy:
            return found
        best = max(best, found, key=lambda each: each.accuracy_low)
    return best


def fit_false_alarm(confidence: Floats, *, rate: float) -> float:
    """Return the threshold below which `rate` of these in-scope rows fall: they would be taken for out of scope."""
    return float(np.quantile(confidence, rate)) if len(confidence) else 0.0


def fit_label_thresholds(p: Floats, gold: Flags, *, prior_rows: float = 4.0) -> Floats:
    """Return one threshold a label with the best F1 on these rows, pulled towards the common one by `prior_rows`.

    `p` and `gold` are (rows, labels). A label with few rows keeps nearly the threshold that is best for all together:
    its own F1 on three rows says little. Between two neighbouring probabilities the middle is taken.
    """
    common = _best_cut(p.ravel(), gold.ravel())
    own = np.array([_best_cut(p[:, j], gold[:, j]) if gold[:, j].any() else common for j in range(p.shape[1])])
    support = gold.sum(axis=0)
    return (support * own + prior_rows * common) / (support + prior_rows)


def bootstrap(
    measure: Callable[[Ints], float], n: int, *, rounds: int = 1000, seed: int = 0, confidence: float = 0.95
) -> Interval:
    """Return a measure over row numbers with its percentile bootstrap interval; rows are drawn with replacement."""
    rng = np.random.default_rng(seed)
    drawn = [measure(rng.integers(0, n, n)) for _ in range(rounds)] if n else [0.0]
    low, high = np.quantile(drawn, [(1 - confidence) / 2, (1 + confidence) / 2])
    return Interval(measure(np.arange(n)) if n else 0.0, float(low), float(high))


def _best_cut(p: Floats, gold: Flags) -> float:
    order = np.argsort(-p, kind="stable")
    hits = np.cumsum(gold[order])
    f1 = 2 * hits / (np.arange(1, len(p) + 1) + gold.sum())
    at = int(f1.argmax())
    below = p[order[at + 1]] if at + 1 < len(p) else 0.0
    return float((p[order[at]] + below) / 2)


def _tail(successes: int, n: int, p: float) -> float:
    """Return the chance of at least `successes` hits in `n` trials of chance `p`."""
    if p <= 0:
        return 0.0
    log_p, log_q = math.log(p), math.log1p(-p)
    most = math.lgamma(n + 1)
    logs = [
        most - math.lgamma(k + 1) - math.lgamma(n - k + 1) + k * log_p + (n - k) * log_q
        for k in range(successes, n + 1)
    ]
    top = max(logs)
    return math.exp(top) * sum(math.exp(each - top) for each in logs)


def _least(loss: Callable[[float], float]) -> float:
    low, high = math.log(LOWEST_TEMPERATURE), math.log(HIGHEST_TEMPERATURE)
    for _ in range(_SECTIONS):
        left, right = high - _GOLDEN * (high - low), low + _GOLDEN * (high - low)
        if loss(left) < loss(right):
            high = right
        else:
            low = left
    return math.exp((low + high) / 2)
