"""Fitting a policy to labelled prompts, once it is known by which recipe (`validation.py`)."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from router.policy.data import Silent, data_hash
from router.policy.heads import fit_heads
from router.policy.model import Policy
from router.policy.parts import fit_parts, mix_of, priced, problem_of, shrunk
from router.policy.validation import choose_recipe

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from router.policy.data import Data, Progress

    Array = NDArray[np.float64]


def fit_policy(data: Data, *, seed: int = 0, progress: Progress | None = None) -> Policy:
    """Return the policy whose recipe earns most on held-out folds, fitted to everything."""
    told = progress or Silent()
    recipe, validated = choose_recipe(data, seed=seed, progress=told)
    told.begin("fitting", 1)
    parts = fit_parts(data)
    heads = shrunk(fit_heads(problem_of(data, parts), recipe.strength), parts)
    told.advance()
    return Policy(
        models=data.models,
        graded=data.graded,
        heads=heads,
        base=parts.base,
        table=priced(parts.table, data, recipe.price_share),
        guesser=replace(parts.guesser, sharpness=recipe.sharpness, strange=recipe.strange),
        mix=mix_of(recipe, parts),
        costs=parts.costs,
        manifest={
            "recipe": {
                "strength": recipe.strength,
                "table_share": list(recipe.table_share),
                "damping": recipe.damping,
                "price_share": recipe.price_share,
                "seed": seed,
                "n_rows": len(data),
                "data": data_hash(data),
                "validated": validated,
            }
        },
    )
