"""The plain routers that the bench sets beside the policy; each is fitted to the training part alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from router.policy.bench_factors import choose_factors
from router.policy.costs import fit_costs
from router.policy.features import N_FEATURES

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from router.policy.data import Data
    from router.policy.sparse import Rows

    Array = NDArray[np.float64]

N_NEIGHBOURS = 40
PSEUDO_ROWS = 10
"""Prompts of general quality that each task's mean begins with."""


def plain_routers(train: Data, test: Data, *, seed: int) -> dict[str, tuple[Array, Array]]:
    """Return the quality and cost (n, k) that each expects of the prompts of `test`, by its name."""
    n, k = len(test), len(train.models)
    lines = fit_costs(train.n_chars, train.cost, [], ())
    expected = lines.expected(test.n_chars, np.zeros((n, 0)))
    mean, price = train.quality.mean(0), train.cost.mean(0)
    best, cheapest = np.eye(k)[[mean.argmax(), price.argmin()]]
    factors = choose_factors(train, seed=seed)
    return {
        "always the best": (np.tile(best, (n, 1)), np.zeros_like(expected)),
        "always the cheapest": (np.tile(cheapest, (n, 1)), np.zeros_like(expected)),
        "random": (np.random.default_rng(seed).random((n, k)), expected),
        "cost alone": (np.tile(mean, (n, 1)), expected),
        f"{N_NEIGHBOURS} nearest neighbours": (_neighbours(train.rows, test.rows, train.quality), expected),
        f"matrix factorisation, rank {factors.rank}, strength {factors.strength:g}": (
            factors.expected(test.rows),
            expected,
        ),
        "mean of the true task": (_by_task(train, test), expected),
    }


def _neighbours(known: Rows, asked: Rows, quality: Array) -> Array:
    """Return the mean over the most similar prompts, weighted by squared similarity."""
    found = np.zeros((len(asked), quality.shape[1]))
    for first in range(0, len(asked), 64):
        some = asked.pick(np.arange(first, min(first + 64, len(asked))))
        near = known.times(np.ascontiguousarray(some.dense(N_FEATURES).T)).T
        best = np.argpartition(-near, min(N_NEIGHBOURS, len(known)) - 1, axis=1)[:, :N_NEIGHBOURS]
        weight = np.take_along_axis(near, best, 1) ** 2
        found[first : first + 64] = (weight[:, :, None] * quality[best]).sum(1) / weight.sum(1)[:, None]
    return found


def _by_task(train: Data, test: Data) -> Array:
    labels = np.array([each or "" for each in train.intents])
    general = train.quality.mean(0)
    means = {
        name: (train.quality[labels == name].sum(0) + PSEUDO_ROWS * general) / ((labels == name).sum() + PSEUDO_ROWS)
        for name in set(labels.tolist())
    }
    return np.array([means.get(each or "", general) for each in test.intents])
