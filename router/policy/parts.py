"""The recipe of a policy, and what of it is fitted in closed form; `validation.py` and `fitting.py` put it together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from router.policy.costs import fit_costs
from router.policy.features import N_FEATURES
from router.policy.heads import Problem, unlink
from router.policy.intents import fit_guesser
from router.policy.mixing import Mix
from router.policy.priors import HALF_KNOWN, build_table, drawn_to_price
from router.policy.sparse import Rows

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from router.policy.costs import Costs
    from router.policy.data import Data
    from router.policy.intents import Guesser
    from router.policy.priors import Table
    from router.policy.sparse import Floats, Ints

    Array = NDArray[np.float64]

USUAL_STRENGTH = 0.3
USUAL_SHARE = 0.5


@dataclass(frozen=True, slots=True)
class Recipe:
    """What validation chooses; the pairs are for a guessed and for a told intent."""

    strength: float = USUAL_STRENGTH
    table_share: tuple[float, float] = (USUAL_SHARE, USUAL_SHARE)
    slope: tuple[float, float] = (1.0, 1.0)
    """How far expectations are stretched, as far as a model's head is trusted."""
    sharpness: float = 1.4
    strange: tuple[float, float] = (-np.inf, -np.inf)
    damping: float = 1.0
    price_share: float = 0.0


@dataclass(frozen=True, slots=True)
class Parts:
    """What is fitted in closed form, apart from the heads."""

    table: Table
    base: Array
    guesser: Guesser
    costs: Costs
    trust: Array
    """(k,): n / (n + 150), how much the head of a model is trusted."""


def fit_parts(data: Data) -> Parts:
    """Return tables, guesser and lines of cost."""
    table = build_table(data.intents, data.names, data.quality, believed=data.believed, models=data.models)
    count = (~np.isnan(data.quality)).sum(0)
    mean = np.nan_to_num(data.quality).sum(0) / np.maximum(count, 1)
    return Parts(
        table=table,
        base=np.where(count > 0, mean, table.elsewhere),
        guesser=fit_guesser(data.rows, data.intents, table.intents),
        costs=fit_costs(data.n_chars, data.cost, data.intents, table.intents),
        trust=np.asarray(count / (count + HALF_KNOWN)),
    )


def problem_of(data: Data, parts: Parts) -> Problem:
    """Return what the heads are fitted to."""
    active, places = np.unique(data.rows.slots, return_inverse=True)
    scale = rarity(places, len(active), n=len(data))
    rows = Rows(data.rows.starts, places, data.rows.weights * scale[places])
    return Problem(
        active=active,
        width=N_FEATURES,
        scale=scale,
        rows=rows,
        turned=rows.turned(len(active)),
        rewards=np.nan_to_num(data.quality).astype(np.float32),
        known=(~np.isnan(data.quality)).astype(np.float32),
        offsets=np.broadcast_to(unlink(parts.base.astype(np.float32), data.graded), data.quality.shape),
        graded=data.graded,
    )


def rarity(places: Ints, n_places: int, *, n: int) -> Floats:
    """Return what each feature weighs (a,): the rarer among the n prompts, the more, around 1 over all entries."""
    found = np.log((1.0 + n) / (1.0 + np.bincount(places, minlength=n_places))) + 1.0
    return np.asarray(found / np.sqrt((found[places] ** 2).mean()), np.float32)


def shrunk(heads: Floats, parts: Parts) -> Floats:
    """Return heads as far as they are trusted."""
    return heads * parts.trust.astype(np.float32)


def mix_of(recipe: Recipe, parts: Parts) -> Mix:
    """Return the recipe's weights model by model: of a model with few rows the table counts more."""
    guessed, told = (1.0 - (1.0 - share) * parts.trust for share in recipe.table_share)
    of_guessed, of_told = (1.0 + (slope - 1.0) * parts.trust for slope in recipe.slope)
    return Mix((guessed, told), (of_guessed, of_told), recipe.damping)


def priced(table: Table, data: Data, share: float) -> Table:
    """Return the table with what is believed elsewhere drawn to the models' prices."""
    known = ~np.isnan(data.cost)
    cost = np.nan_to_num(data.cost).sum(0) / np.maximum(known.sum(0), 1)
    return drawn_to_price(table, cost, share)
