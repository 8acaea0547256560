"""Fitting a policy to labelled prompts: the recipe is chosen by what it earns on prompts that it did not see."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

import numpy as np

from router.policy.costs import fit_costs
from router.policy.features import FEATURES_VERSION, N_FEATURES, features
from router.policy.heads import Problem, fit_heads, link, unlink
from router.policy.model import Policy, blended
from router.policy.priors import HALF_KNOWN, build_table
from router.policy.sparse import sparse
from router.policy.value import worth

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from numpy.typing import NDArray

    from router.policy.priors import Table
    from router.policy.rows import Prompt
    from router.policy.sparse import Floats, Ints, Rows

    Array = NDArray[np.float64]

STRENGTHS = (0.03, 0.1, 0.3, 1.0, 3.0)
"""What |w|² is divided by, from stiff to loose."""
TABLE_SHARES = (0.0, 0.25, 0.5, 0.75)
N_FOLDS = 5
FEW = 0.05
"""A model with a larger share of rewards that are neither 0 nor 1 is graded."""
LEAST_ROWS = 50
"""Fully labelled prompts below which nothing is validated and the middle of the range is taken."""
USUAL_STRENGTH = 0.3


class Progress(Protocol):
    """Where a long fit tells how far it is."""

    def begin(self, what: str, total: int) -> None:
        """Begin a step of `total` parts."""
        ...

    def advance(self) -> None:
        """Say that a part is done."""
        ...


class Silent:
    """Tells nobody."""

    def begin(self, what: str, total: int) -> None:
        """Begin nothing."""

    def advance(self) -> None:
        """Advance nothing."""


@dataclass(frozen=True, slots=True)
class Data:
    """Labelled prompts as arrays: n prompts, k models; `nan` where nothing is known."""

    models: tuple[str, ...]
    rows: Rows
    n_chars: Array
    intents: tuple[str | None, ...]
    quality: Array
    cost: Array
    graded: NDArray[np.bool_]
    believed: Mapping[str, Mapping[str, float]] = field(default_factory=dict[str, dict[str, float]])

    def pick(self, chosen: Ints) -> Data:
        """Return some of the prompts."""
        intents = tuple(self.intents[at] for at in chosen)
        part = self.rows.pick(chosen), self.n_chars[chosen], intents, self.quality[chosen], self.cost[chosen]
        return Data(self.models, *part, self.graded, self.believed)


@dataclass(frozen=True, slots=True)
class Recipe:
    """What validation chooses."""

    strength: float = USUAL_STRENGTH
    table_share: float = 0.5


def data_of(
    prompts: Sequence[Prompt], believed: Mapping[str, Mapping[str, float]], progress: Progress | None = None
) -> Data:
    """Return labelled prompts as arrays, the models in the order of their names."""
    named = {model for each in prompts for model in (*each.quality, *each.cost)}
    models = sorted(named.union(*believed.values()))
    quality = np.array([[each.quality.get(model, np.nan) for model in models] for each in prompts])
    cost = np.array([[each.cost.get(model, np.nan) for model in models] for each in prompts])
    between = (quality > 0) & (quality < 1)
    known = np.maximum((~np.isnan(quality)).sum(0), 1)
    return Data(
        models=tuple(models),
        rows=sparse(list(_featured(prompts, progress or Silent()))),
        n_chars=np.array([len(each.text) for each in prompts], np.float64),
        intents=tuple(each.intent for each in prompts),
        quality=quality,
        cost=cost,
        graded=between.sum(0) / known > FEW,
        believed=believed,
    )


def fit_policy(data: Data, *, seed: int = 0, progress: Progress | None = None) -> Policy:
    """Return the policy whose recipe earns most on held-out folds, fitted to everything."""
    told = progress or Silent()
    recipe, tried = choose_recipe(data, seed=seed, progress=told)
    told.begin("fitting", 1)
    policy = _fitted(data, recipe)
    told.advance()
    policy.manifest.update(
        {
            "recipe": {
                "strength": recipe.strength,
                "table_share": recipe.table_share,
                "seed": seed,
                "features": FEATURES_VERSION,
                "n_rows": len(data.rows),
                "data": data_hash(data),
                "validated": tried,
            }
        }
    )
    return policy


def choose_recipe(data: Data, *, seed: int, progress: Progress) -> tuple[Recipe, list[dict[str, float]]]:
    """Return the recipe of the highest validated value, and the value of each that was tried."""
    asked = np.flatnonzero(~np.isnan(data.quality).all(0))
    whole = np.flatnonzero(~np.isnan(data.quality[:, asked]).any(1))
    if len(whole) < LEAST_ROWS:
        return Recipe(), []
    folds = np.random.default_rng(seed).permutation(len(data.rows)) % N_FOLDS
    recipes = [Recipe(strength, share) for strength in STRENGTHS for share in TABLE_SHARES]
    guesses = np.zeros((len(recipes), *data.quality.shape))
    expected = np.zeros_like(data.quality)
    progress.begin("validating", N_FOLDS * len(STRENGTHS))
    for fold in range(N_FOLDS):
        inside, outside = np.flatnonzero(folds != fold), np.flatnonzero(folds == fold)
        if not len(outside):
            continue
        expected[outside] = fit_costs(data.n_chars[inside], data.cost[inside]).expected(data.n_chars[outside])
        for at, guess in enumerate(_guesses(data.pick(inside), data.pick(outside), progress)):
            guesses[at, outside] = guess
    seen = np.ix_(whole, asked)
    values = [value(guess[seen], expected[seen], data.quality[seen], data.cost[seen]) for guess in guesses]
    best = int(np.argmax(values))
    tried = [
        {"strength": each.strength, "table_share": each.table_share, "value": round(found, 5)}
        for each, found in zip(recipes, values, strict=True)
    ]
    return recipes[best], tried


def value(predicted: Array, expected: Array, quality: Array, cost: Array) -> float:
    """Return what validation maximises: AIQ where prices differ, else the gain over the best single model."""
    if np.isnan(cost).any() or np.isnan(expected).any():
        expected, cost = np.zeros_like(predicted), np.zeros_like(quality)
    found = worth(predicted, expected, quality, cost)
    if np.isnan(found.lift):
        return found.gain
    if np.isnan(found.apgr):
        return found.lift
    return found.lift + float(np.abs(np.diff(quality.mean(0)))[0]) * found.apgr


def data_hash(data: Data) -> str:
    """Return the SHA-256 of what was learned from: features, rewards, costs, intents, models."""
    parts = hashlib.sha256(repr((data.models, data.intents)).encode())
    for array in (data.rows.slots, data.rows.weights, data.quality, data.cost, data.n_chars):
        parts.update(np.ascontiguousarray(array).tobytes())
    return parts.hexdigest()


def _fitted(data: Data, recipe: Recipe) -> Policy:
    table = build_table(data.intents, data.quality, data.believed, data.models)
    base = _base(data, table)
    heads = fit_heads(_problem(data, base), recipe.strength) * _trust(data).astype(np.float32)
    costs = fit_costs(data.n_chars, data.cost)
    return Policy(data.models, data.graded, heads, base, table, 1 - (1 - recipe.table_share) * _trust(data), costs, {})


def _guesses(inside: Data, outside: Data, progress: Progress) -> Iterable[Array]:
    """Give the guesses for one fold, in the order of strengths and then of shares of the table."""
    table = build_table(inside.intents, inside.quality, inside.believed, inside.models)
    base = _base(inside, table)
    problem, trust = _problem(inside, base), _trust(inside)
    heads: Floats | None = None
    for strength in STRENGTHS:
        heads = fit_heads(problem, strength, start=heads)
        scores = unlink(base.astype(np.float32), inside.graded) + outside.rows.times(heads * trust.astype(np.float32))
        text = link(scores, inside.graded)
        for share in TABLE_SHARES:
            yield blended(text, table, outside.intents, 1 - (1 - share) * trust)
        progress.advance()


def _problem(data: Data, base: Array) -> Problem:
    known = ~np.isnan(data.quality)
    offsets = unlink(base.astype(np.float32), data.graded)
    return Problem(
        rows=data.rows,
        turned=data.rows.turned(N_FEATURES),
        rewards=np.nan_to_num(data.quality).astype(np.float32),
        known=known.astype(np.float32),
        offsets=np.broadcast_to(offsets, data.quality.shape),
        graded=data.graded,
    )


def _base(data: Data, table: Table) -> Array:
    known = ~np.isnan(data.quality)
    count = known.sum(0)
    return np.where(count > 0, np.nan_to_num(data.quality).sum(0) / np.maximum(count, 1), table.elsewhere)


def _trust(data: Data) -> Array:
    """Return how much the head of each model is trusted (k,): n / (n + 150)."""
    count = (~np.isnan(data.quality)).sum(0)
    return np.asarray(count / (count + HALF_KNOWN))


def _featured(prompts: Sequence[Prompt], progress: Progress) -> Iterable[dict[int, float]]:
    progress.begin("reading", len(prompts))
    for each in prompts:
        yield features(each.text)
        progress.advance()
