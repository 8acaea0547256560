"""Linear heads, one per model, fitted together: logistic for rewards of 0 and 1, ridge for graded ones."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from router.policy.sparse import Floats, Ints, Rows

NEWTON_STEPS = 5
CONJUGATE_STEPS = 10
ENOUGH = 1e-3
"""A gradient this much smaller than at the start ends the fit."""
_TINY = 1e-12


@dataclass(frozen=True, slots=True)
class Problem:
    """What heads are fitted to; n rows, k models."""

    active: Ints
    """The slots that occur, (a,) of `width`; a head is 0 everywhere else."""
    width: int
    scale: Floats
    """(a,): what the weights of `rows` were multiplied by; heads are for rows that were not."""
    rows: Rows
    """In places of `active` instead of slots."""
    turned: Rows
    rewards: Floats
    """(n, k); what is not known may be anything there."""
    known: Floats
    """(n, k): 1 where a reward is known, else 0."""
    offsets: Floats
    """(n, k): what is predicted before the head, on the scale of the link."""
    graded: NDArray[np.bool_]
    """(k,): identity link and squares instead of logistic."""


def fit_heads(problem: Problem, strength: float, *, start: Floats | None = None) -> Floats:
    """Return the heads (d, k) that minimise loss + |w|² / (2 strength), by Newton's method with conjugate gradients.

    w is the head as the scaled rows see it: what weighs more may count more.
    """
    k = problem.rewards.shape[1]
    heads = (
        np.zeros((len(problem.active), k), np.float32)
        if start is None
        else start[problem.active] / problem.scale[:, None]
    )
    ridge = np.float32(1.0 / strength)
    first: Floats | None = None
    for _ in range(NEWTON_STEPS):
        scores = problem.offsets + problem.rows.times(heads)
        means = link(scores, problem.graded)
        pulled = problem.turned.times((means - problem.rewards) * problem.known)
        gradient = (pulled + ridge * heads).astype(np.float32)
        size: Floats = np.sqrt((gradient**2).sum(0))
        first = size if first is None else first
        if np.all(size <= ENOUGH * np.maximum(first, 1.0)):
            break
        bends = np.where(problem.graded, np.float32(1), np.maximum(means * (1 - means), 1e-4)) * problem.known
        heads = heads - _solved(problem, bends.astype(np.float32), ridge, gradient)
    found = np.zeros((problem.width, k), np.float32)
    found[problem.active] = heads * problem.scale[:, None]
    return found


def link(scores: Floats, graded: NDArray[np.bool_]) -> Floats:
    """Return predictions for scores (n, k): the logistic function, the scores themselves for graded models."""
    squashed = 1.0 / (1.0 + np.exp(-np.clip(scores, -30.0, 30.0)))
    return np.where(graded, scores, squashed).astype(np.float32)


def unlink(means: Floats, graded: NDArray[np.bool_]) -> Floats:
    """Return the scores whose predictions are `means` (…, k)."""
    kept = np.clip(means, 1e-3, 1.0 - 1e-3)
    return np.where(graded, means, np.log(kept / (1.0 - kept))).astype(np.float32)


def _solved(problem: Problem, bends: Floats, ridge: np.float32, target: Floats) -> Floats:
    """Return what the Hessian maps on `target`, column by column, by conjugate gradients."""
    found = np.zeros_like(target)
    left = target.copy()
    way = left.copy()
    length = (left**2).sum(0)
    goal = length * 1e-2**2
    for _ in range(CONJUGATE_STEPS):
        bent = problem.turned.times(problem.rows.times(way) * bends) + ridge * way
        step = length / np.maximum((way * bent).sum(0), _TINY)
        found += step * way
        left -= step * bent
        newer = (left**2).sum(0)
        if np.all(newer <= goal):
            break
        way = left + newer / np.maximum(length, _TINY) * way
        length = newer
    return found
