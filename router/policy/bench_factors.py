"""The router by matrix factorisation that the bench sets beside the policy: prompts and models as short vectors.

As in RouteLLM (Ong et al. 2024, arXiv 2406.18665): a prompt's embedding is projected to a few numbers, and a model's
score is their product with the model's own vector. Theirs is trained by gradient descent on preferences between the
answers of two models, over embeddings of a hosted model. This one is fitted to the graded answers by squares, over the
policy's own hashed words: reduced-rank ridge, whose best product of two factors is known in closed form (Mukherjee and
Zhu 2011, doi:10.1002/sam.10138): a ridge for all models, projected on the first directions in which its expectations
differ.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from router.policy.costs import fit_costs
from router.policy.features import N_FEATURES
from router.policy.heads import Problem, fit_heads
from router.policy.parts import rarity
from router.policy.sparse import Rows
from router.policy.validation import N_FOLDS, value

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from router.policy.data import Data
    from router.policy.sparse import Floats

    Array = NDArray[np.float64]

RANKS: Final = (1, 2, 3, 4, 6, 8)
STRENGTHS: Final = (0.01, 0.03, 0.1, 0.3, 1.0, 3.0)
"""What |w|² is divided by, from stiff to loose; w is the product of the two factors."""


@dataclass(frozen=True, slots=True)
class Factors:
    """A model's expected quality is `base` + the prompt's features x `projection` x the model's vector."""

    base: Array
    """(k,): mean quality of each model."""
    projection: Floats
    """(65536, r): what makes r numbers of a prompt's features."""
    vectors: Floats
    """(k, r): the models', of length 1 by column and at right angles."""
    strength: float

    @property
    def rank(self) -> int:
        """Numbers that a prompt becomes."""
        return self.vectors.shape[1]

    def expected(self, rows: Rows) -> Array:
        """Return expected quality (n, k)."""
        return np.asarray(self.base + rows.times(self.projection) @ self.vectors.T, np.float64)

    def cut(self, rank: int) -> Factors:
        """Return the best factors of a lower rank; directions are sorted, so these are the first ones."""
        return Factors(self.base, self.projection[:, :rank], self.vectors[:, :rank], self.strength)


def choose_factors(data: Data, *, seed: int) -> Factors:
    """Return factors whose rank and strength earn most on five held-out folds of `data`, fitted to all of it.

    Every reward and cost must be known. What is maximised is what the policy's own recipe is chosen by.
    """
    k = data.quality.shape[1]
    ranks = sorted({min(rank, k) for rank in RANKS})
    tried = [(strength, rank) for strength in STRENGTHS for rank in ranks]
    guesses = np.zeros((len(tried), len(data), k))
    expected = np.zeros((len(data), k))
    folds = np.random.default_rng(seed).permutation(len(data)) % N_FOLDS
    for fold in range(N_FOLDS):
        outside = np.flatnonzero(folds == fold)
        inside, held = data.pick(np.flatnonzero(folds != fold)), data.pick(outside)
        expected[outside] = fit_costs(inside.n_chars, inside.cost, [], ()).expected(
            held.n_chars, np.zeros((len(held), 0))
        )
        for at, whole in enumerate(fit_factors(inside, STRENGTHS)):
            for place, rank in enumerate(ranks):
                guesses[at * len(ranks) + place, outside] = whole.cut(rank).expected(held.rows)
    values = [value(guess, expected, data.quality, data.cost) for guess in guesses]
    strength, rank = tried[int(np.argmax(values))]
    return fit_factors(data, (strength,))[0].cut(rank)


def fit_factors(data: Data, strengths: Sequence[float]) -> list[Factors]:
    """Return factors of full rank for each strength; `Factors.cut` makes the best ones of a lower rank of them."""
    base = data.quality.mean(0)
    problem = _problem(data, base)
    heads: Floats | None = None
    found: list[Factors] = []
    for strength in strengths:
        heads = fit_heads(problem, strength, start=heads)
        found.append(_factored(heads, problem, base, strength))
    return found


def _factored(heads: Floats, problem: Problem, base: Array, strength: float) -> Factors:
    """Return a ridge (d, k) as a projection and vectors, sorted by how much each direction explains."""
    scaled = (heads[problem.active] / problem.scale[:, None]).astype(np.float64)
    fitted = problem.rows.times(scaled.astype(np.float32)).astype(np.float64)
    explained = fitted.T @ fitted + scaled.T @ scaled / strength
    _, directions = np.linalg.eigh(explained)
    vectors = directions[:, ::-1].astype(np.float32)
    return Factors(base, heads @ vectors, vectors, strength)


def _problem(data: Data, base: Array) -> Problem:
    """Return what the ridge is fitted to: the policy's features as its heads weigh them, squares for every model."""
    active, places = np.unique(data.rows.slots, return_inverse=True)
    scale = rarity(places, len(active), n=len(data))
    rows = Rows(data.rows.starts, places, data.rows.weights * scale[places])
    return Problem(
        active=active,
        width=N_FEATURES,
        scale=scale,
        rows=rows,
        turned=rows.turned(len(active)),
        rewards=data.quality.astype(np.float32),
        known=np.ones(data.quality.shape, np.float32),
        offsets=np.broadcast_to(base.astype(np.float32), data.quality.shape),
        graded=np.ones_like(data.graded),
    )
