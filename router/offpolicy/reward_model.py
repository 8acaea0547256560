"""What each model is expected to earn on each question, each row told by a fit that did not see its conversation.

A small ridge: one fit to the answers of all models, and one per model to what that leaves over. Where a model was
seldom chosen the first one speaks for it.
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

N_FOLDS: Final = 5
STRENGTHS: Final = (0.3, 1.0, 3.0, 10.0, 30.0, 100.0, 300.0, 1000.0, 1e6)
"""Ridge penalties that are tried; the last one leaves the mean alone."""
LEAST_ROWS: Final = 3
"""Of a model, below which the fit to all models speaks for it."""


@dataclass(frozen=True, slots=True)
class Ridge:
    """Coefficients, and the inverse of what they were solved with, for how much each row moved them."""

    weights: Array
    """(d + 1,), the constant last."""
    inverse: Array
    """(d + 1, d + 1)."""


@dataclass(frozen=True, slots=True)
class Expectations:
    """Out-of-fold expectations of every model on every row, and what rows did to them."""

    values: Array
    """(n, k)."""
    inputs: Array
    """(n, d + 1): what was regressed on, the constant last, without what is known of a single model."""
    residuals: Array
    """(n,): what the served model earned less what was expected; 0 where that is not known."""
    folds: Ints
    """(n,)."""
    inverses: Array
    """(folds, k, d + 1, d + 1): of the fits per model; 0 where there was none."""


def expectations(log: Log, outcome: Array, *, seed: int = 0, bounds: tuple[float, float] | None = None) -> Expectations:
    """Return what is expected of each model on each row, fitted to the outcomes (n,) that are not `nan`.

    An outcome is that of the model that served, whoever was decided for: it is an answer of that model to such a
    question like any other. `bounds` are those of an outcome.
    """
    n, k = log.probabilities.shape
    inputs = np.hstack([_scaled(log.encodings), np.ones((n, 1))])
    known = np.isfinite(outcome) & (log.served >= 0)
    arms = np.where(known, log.served, -1)
    folds = _folds(log.conversations, seed)
    told = np.isfinite(log.expected)
    hints = np.where(told, log.expected, log.expected[told].mean() if told.any() else 0.0)
    values, inverses = np.zeros((n, k)), np.zeros((N_FOLDS, k, inputs.shape[1], inputs.shape[1]))
    for fold in range(N_FOLDS):
        inside, train = folds == fold, known & (folds != fold)
        if inside.any() and train.any():
            values[inside], inverses[fold] = _one_fold(inputs, hints, outcome, arms=arms, train=train, inside=inside)
    if bounds is not None:
        values = np.clip(values, *bounds)
    at = np.flatnonzero(known)
    residuals = np.zeros(n)
    residuals[at] = outcome[at] - values[at, arms[at]]
    return Expectations(values, inputs, residuals, folds, inverses)


def moved(fit: Expectations, log: Log, target: Array, rows: NDArray[np.bool_]) -> Array:
    """Return how much each row (n,) moved the mean over `rows` of what `target` (n, k) is expected to earn."""
    found = np.zeros(len(log))
    n = int(rows.sum())
    for arm in range(target.shape[1]):
        levers = np.zeros((N_FOLDS, fit.inputs.shape[1]))
        for fold in range(N_FOLDS):
            inside = rows & (fit.folds == fold)
            levers[fold] = fit.inverses[fold, arm] @ (target[inside, arm] @ fit.inputs[inside]) / n
        mine = log.served == arm
        pull = levers.sum(0) - levers[fit.folds[mine]]
        found[mine] = (fit.inputs[mine] * pull).sum(1) * fit.residuals[mine]
    return found


def fit_ridge(inputs: Array, wanted: Array) -> Ridge:
    """Return the ridge with the strength whose generalised cross-validation error is least (Golub, Heath, Wahba)."""
    n, d = inputs.shape
    gram, pulled = inputs.T @ inputs, inputs.T @ wanted
    # The constant is projected out and not penalised, so that strengths shrink everything else towards the mean.
    column, corner = gram[:-1, -1], gram[-1, -1]
    values, vectors = np.linalg.eigh(gram[:-1, :-1] - np.outer(column, column) / corner)
    values = np.maximum(values, 0.0)
    turned = vectors.T @ (pulled[:-1] - column * pulled[-1] / corner)
    whole = float(wanted @ wanted) - pulled[-1] ** 2 / corner
    best, least = STRENGTHS[-1], np.inf
    for strength in STRENGTHS:
        kept = 1.0 / (values + strength)
        left = whole - float((turned**2 * (2 * kept - values * kept**2)).sum())
        freedom = n - 1 - float((values * kept).sum())
        error = max(left, 0.0) / freedom**2 if freedom > 0 else np.inf
        if error < least:
            best, least = strength, error
    penalty = np.full(d, best)
    penalty[-1] = 0.0
    inverse = np.linalg.inv(gram + np.diag(penalty))
    return Ridge(inverse @ pulled, inverse)


def _one_fold(
    inputs: Array, hints: Array, outcome: Array, *, arms: Ints, train: NDArray[np.bool_], inside: NDArray[np.bool_]
) -> tuple[Array, Array]:
    """Return expectations (rows inside, k) and the inverses (k, d + 1, d + 1) of one fold."""
    k, width = hints.shape[1], inputs.shape[1]
    at = np.flatnonzero(train)
    common = fit_ridge(np.hstack([hints[at, arms[at]][:, None], inputs[at]]), outcome[at])
    left = outcome[at] - np.hstack([hints[at, arms[at]][:, None], inputs[at]]) @ common.weights
    found, inverses = np.zeros((int(inside.sum()), k)), np.zeros((k, width, width))
    for arm in range(k):
        found[:, arm] = np.hstack([hints[inside, arm][:, None], inputs[inside]]) @ common.weights
        mine = arms[at] == arm
        if mine.sum() >= LEAST_ROWS:
            own = fit_ridge(inputs[at[mine]], left[mine])
            found[:, arm] += inputs[inside] @ own.weights
            inverses[arm] = own.inverse
    return found, inverses


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
