"""What each model is expected to earn on each question, each row told by a fit that did not see its conversation.

A small ridge: one fit to the answers of all models, and one per model to what that leaves over. Where a model was
seldom chosen the first one speaks for it. Rows count by 1 / their logged probability, so that a model is fitted to
all questions and not to those that it was chosen for. All is solved from sums by fold and model.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from router.offpolicy.logged import Log

    Array = NDArray[np.float64]
    Ints = NDArray[np.int64]
    Rows = NDArray[np.bool_]

N_FOLDS: Final = 5
STRENGTHS: Final = (0.3, 1.0, 3.0, 10.0, 30.0, 100.0, 300.0, 1000.0, 3000.0, 1e6)
"""Ridge penalties that are tried; the last one leaves the mean alone."""
MOST_COUNT: Final = 50.0
LEAST_ROWS: Final = 3
"""Of a model, below which the fit to all models speaks for it."""


@dataclass(frozen=True, slots=True)
class Sums:
    """All that a ridge needs of rows: it adds up over folds and models."""

    gram: Array
    """(d, d)."""
    pulled: Array
    """(d,): inputs times what is wanted."""
    square: float
    """Of what is wanted."""
    n: float
    """Rows, by what each counts."""
    n_squared: float
    """Of what each counts, the squares."""

    def __add__(self, other: Sums) -> Sums:
        """Return the sums of both."""
        return Sums(
            self.gram + other.gram,
            self.pulled + other.pulled,
            self.square + other.square,
            self.n + other.n,
            self.n_squared + other.n_squared,
        )

    def scaled(self, by: float) -> Sums:
        """Return the sums where each row counts so many times as much."""
        return Sums(self.gram * by, self.pulled * by, self.square * by, self.n * by, self.n_squared * by**2)

    def without(self, weights: Array) -> Sums:
        """Return the sums of the same rows where what is wanted is what `weights` (d,) leave over."""
        left = self.pulled - self.gram @ weights
        square = self.square - float(weights @ (self.pulled + left))
        return Sums(self.gram, left, max(square, 0.0), self.n, self.n_squared)


@dataclass(frozen=True, slots=True)
class Expectations:
    """Out-of-fold expectations of every model on every row, and what rows did to them."""

    values: Array
    """(n, k)."""
    inputs: Array
    """(n, d - 1): what was regressed on, the constant last, without what was expected of a model beforehand."""
    hints: Array
    """(n, k): what was expected beforehand; it stands before the inputs."""
    residuals: Array
    """(n,): what the served model earned less what was expected; 0 where that is not known."""
    counts: Array
    """(n,): what each row counted in the fits of its model, before all of them were scaled."""
    folds: Ints
    """(n,)."""
    inverses: Array
    """(folds, k, d, d): of the fits per model, scaled like their rows; 0 where there was none."""

    def part(self, rows: Rows) -> Expectations:
        """Return those of some rows (n,)."""
        return Expectations(
            values=self.values[rows],
            inputs=self.inputs[rows],
            hints=self.hints[rows],
            residuals=self.residuals[rows],
            counts=self.counts[rows],
            folds=self.folds[rows],
            inverses=self.inverses,
        )


def expectations(log: Log, outcome: Array, *, seed: int = 0, bounds: tuple[float, float] | None = None) -> Expectations:
    """Return what is expected of each model on each row, fitted to the outcomes (n,) that are not `nan`.

    An outcome is that of the model that served, whoever was decided for: it is an answer of that model to such a
    question like any other. `bounds` are those of an outcome.
    """
    n, k = log.probabilities.shape
    inputs = np.hstack([_scaled(log.encodings), np.ones((n, 1))])
    told = np.isfinite(log.expected)
    hints = np.where(told, log.expected - (log.expected[told].mean() if told.any() else 0.0), 0.0)
    arms = np.where(np.isfinite(outcome), log.served, -1)
    folds = _folds(log.conversations, seed)
    known = [[(folds == fold) & (arms == arm) for arm in range(k)] for fold in range(N_FOLDS)]
    counts = _counts(log, arms)
    sums = [[_sums(inputs, hints[:, a], outcome, counts, rows) for a, rows in enumerate(each)] for each in known]
    values, inverses = np.zeros((n, k)), np.zeros((N_FOLDS, k, inputs.shape[1] + 1, inputs.shape[1] + 1))
    for fold in range(N_FOLDS):
        weights, inverses[fold] = _fitted([each for at, each in enumerate(sums) if at != fold], inverses[fold])
        inside = folds == fold
        values[inside] = inputs[inside] @ weights[:, 1:].T + hints[inside] * weights[:, 0]
    if bounds is not None:
        values = np.clip(values, *bounds)
    residuals, at = np.zeros(n), np.flatnonzero(arms >= 0)
    residuals[at] = outcome[at] - values[at, arms[at]]
    return Expectations(values, inputs, hints, residuals, counts, folds, inverses)


def moved(fit: Expectations, log: Log, target: Array) -> Array:
    """Return how much each row (n,) moved the mean of what `target` (n, k) is expected to earn."""
    found, n = np.zeros(len(log)), len(log)
    inside = [fit.folds == fold for fold in range(N_FOLDS)]
    for arm in range(target.shape[1]):
        levers = np.zeros((N_FOLDS, fit.inputs.shape[1] + 1))
        for fold, rows in enumerate(inside):
            share = target[rows, arm]
            mean = np.concatenate([[share @ fit.hints[rows, arm]], share @ fit.inputs[rows]]) / n
            levers[fold] = fit.inverses[fold, arm] @ mean
        mine = log.served == arm
        pull = levers.sum(0) - levers[fit.folds[mine]]  # a row did nothing to the fit that told its own fold
        reach = (fit.inputs[mine] * pull[:, 1:]).sum(1) + fit.hints[mine, arm] * pull[:, 0]
        found[mine] = reach * fit.counts[mine] * fit.residuals[mine]
    return found


def fit_ridge(sums: Sums) -> tuple[Array, Array]:
    """Return the coefficients (d,) whose generalised cross-validation error is least, and the inverse used (d, d).

    The constant is the last input; it is projected out and not penalised, so that strengths shrink everything else
    towards the mean (Golub, Heath and Wahba 1979). `sums.n` must not be 0.
    """
    gram, pulled = sums.gram, sums.pulled
    column, corner = gram[:-1, -1], gram[-1, -1]
    values, vectors = np.linalg.eigh(gram[:-1, :-1] - np.outer(column, column) / corner)
    values = np.maximum(values, 0.0)
    turned = vectors.T @ (pulled[:-1] - column * pulled[-1] / corner)
    whole = sums.square - pulled[-1] ** 2 / corner
    best, least = STRENGTHS[-1], np.inf
    for strength in STRENGTHS:
        kept = 1.0 / (values + strength)
        left = whole - float((turned**2 * (2 * kept - values * kept**2)).sum())
        freedom = sums.n - 1 - float((values * kept).sum())
        error = max(left, 0.0) / freedom**2 if freedom > 0 else np.inf
        if error < least:
            best, least = strength, error
    penalty = np.full(len(pulled), best)
    penalty[-1] = 0.0
    inverse: Array = np.asarray(np.linalg.inv(gram + np.diag(penalty)), np.float64)
    return inverse @ pulled, inverse


def _fitted(sums: list[list[Sums]], inverses: Array) -> tuple[Array, Array]:
    """Return coefficients (k, d) from sums by fold and model, and the inverses (k, d, d) of the models' own fits."""
    by_arm: list[Sums] = []
    scales: list[float] = []
    for each in zip(*sums, strict=True):
        whole = _total(list(each))
        scales.append(whole.n / whole.n_squared if whole.n_squared else 0.0)  # in all as much as they are evidence
        by_arm.append(whole.scaled(scales[-1]))
    weights, found = np.zeros(inverses.shape[:2]), np.zeros_like(inverses)
    if not any(each.n for each in by_arm):
        return weights, found
    common, _ = fit_ridge(_total(by_arm))
    for arm, mine in enumerate(by_arm):
        weights[arm] = common
        if mine.n >= LEAST_ROWS:
            own, found[arm] = fit_ridge(mine.without(common))
            weights[arm] += own
            found[arm] *= scales[arm]
    return weights, found


def _counts(log: Log, arms: Ints) -> Array:
    """Return what rows count (n,): 1 / their probability, so that a model's stand for all questions."""
    counts = np.minimum(1 / log.probabilities[np.arange(len(log)), log.chosen], MOST_COUNT)
    return np.where(arms == log.chosen, counts, 1.0)  # after a failover nobody knows how likely it was


def _sums(inputs: Array, hints: Array, outcome: Array, counts: Array, rows: Rows) -> Sums:
    regressed, wanted, by = np.hstack([hints[rows, None], inputs[rows]]), outcome[rows], counts[rows]
    weighed = regressed.T * by
    return Sums(weighed @ regressed, weighed @ wanted, float(by @ wanted**2), float(by.sum()), float(by @ by))


def _total(sums: list[Sums]) -> Sums:
    whole = sums[0]
    for each in sums[1:]:
        whole += each
    return whole


def _scaled(encodings: Array) -> Array:
    """Return the numbers of questions centred and of one spread, each column; constant ones as 0."""
    if not len(encodings):
        return encodings
    spread = encodings.std(0)
    return (encodings - encodings.mean(0)) / np.where(spread > 1e-9, spread, np.inf)  # noqa: PLR2004  # no spread


def _folds(conversations: Ints, seed: int) -> Ints:
    """Return the fold of each row; rows of a conversation share it."""
    n = int(conversations.max()) + 1 if len(conversations) else 0
    order = np.random.default_rng(seed).permutation(n)
    return (order % N_FOLDS)[conversations].astype(np.int64)
