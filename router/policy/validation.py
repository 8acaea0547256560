"""Which recipe earns most on prompts that were held out: at random for what is usual, by intent for what is strange."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import product
from typing import TYPE_CHECKING

import numpy as np

from router.policy.heads import fit_heads
from router.policy.intents import tuned
from router.policy.mixing import Reading, mixed, reading_of
from router.policy.model import text_quality
from router.policy.parts import Parts, Recipe, fit_parts, mix_of, priced, problem_of, shrunk
from router.policy.value import worth

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from router.policy.data import Data, Progress
    from router.policy.sparse import Floats, Ints

    Array = NDArray[np.float64]

STRENGTHS = (0.03, 0.1, 0.3, 1.0, 3.0)
"""What |w|² is divided by, from stiff to loose."""
SHARES = (0.0, 0.25, 0.5, 0.75, 1.0)
DAMPINGS = (0.0, 0.25, 0.5, 0.75, 1.0)
PRICE_SHARES = (0.0, 0.5, 1.0)
SLOPES = (0.5, 2.0)
N_FOLDS = 5
LEAST_ROWS = 50
"""Fully labelled prompts below which nothing is validated."""
GUESSED, TOLD = 0, 1


@dataclass(frozen=True, slots=True)
class _Fold:
    parts: Parts
    outside: Ints
    data: Data
    """The prompts held out."""
    texts: list[Floats]
    """What the heads of each strength expect of them."""
    scores: Floats
    """(n, t): what the guesser says of them; a product that is worth keeping."""


def choose_recipe(data: Data, *, seed: int, progress: Progress) -> tuple[Recipe, list[dict[str, float]]]:
    """Return the recipe of the highest validated value, and the value of each strength."""
    seen = _seen(data)
    if len(seen[0]) < LEAST_ROWS:
        return Recipe(), []
    draw = np.random.default_rng(seed)
    folds = draw.permutation(len(data)) % N_FOLDS
    progress.begin("validating", N_FOLDS * len(STRENGTHS))
    held = [_fold(data, np.flatnonzero(folds == at), STRENGTHS, progress) for at in range(N_FOLDS)]
    recipe = _sharpened(data, held)
    best: list[tuple[float, Recipe]] = []
    for at, strength in enumerate(STRENGTHS):
        pairs = [
            _share(data, held, replace(recipe, strength=strength), at, mode=mode, seen=seen) for mode in (GUESSED, TOLD)
        ]
        shares, slope = (pairs[0][1], pairs[1][1]), (pairs[0][2], pairs[1][2])
        chosen = replace(recipe, strength=strength, table_share=shares, slope=slope)
        best.append((sum(pair[0] for pair in pairs) / len(pairs), chosen))
    values = [found for found, _ in best]
    tried = [{"strength": s, "value": round(found, 5)} for s, found in zip(STRENGTHS, values, strict=True)]
    chosen = best[int(np.argmax(_smooth(values)))][1]
    return _guarded(data, chosen, draw=draw, progress=progress), tried


def value(predicted: Array, expected: Array, quality: Array, cost: Array) -> float:
    """Return what validation maximises: lift where prices differ, of two models also APGR, else the gain."""
    if np.isnan(cost).any() or np.isnan(expected).any():
        expected, cost = np.zeros_like(predicted), np.zeros_like(quality)
    found = worth(predicted, expected, quality, cost)
    if np.isnan(found.lift):
        return found.gain
    if np.isnan(found.apgr):
        return found.lift
    return found.lift + float(np.abs(np.diff(quality.mean(0)))[0]) * found.apgr


def _seen(data: Data) -> tuple[Ints, Ints]:
    """Return the prompts and models of which all rewards are known."""
    asked = np.flatnonzero(~np.isnan(data.quality).all(0))
    return np.flatnonzero(~np.isnan(data.quality[:, asked]).any(1)), asked


def _fold(data: Data, outside: Ints, strengths: Sequence[float], progress: Progress) -> _Fold:
    inside = data.pick(np.setdiff1d(np.arange(len(data)), outside))
    parts, held = fit_parts(inside), data.pick(outside)
    problem = problem_of(inside, parts)
    heads: Floats | None = None
    texts: list[Floats] = []
    for strength in strengths:
        heads = fit_heads(problem, strength, start=heads)
        texts.append(text_quality(held.rows, shrunk(heads, parts), parts.base, data.graded))
        progress.advance()
    return _Fold(parts, outside, held, texts, parts.guesser.scores(held.rows))


def _sharpened(data: Data, held: Sequence[_Fold]) -> Recipe:
    """Return a recipe whose guesser is tuned to held-out prompts."""
    if not data.names:
        return Recipe()
    scores = np.zeros((len(data), len(data.names)), np.float32)
    for fold in held:
        scores[fold.outside] = fold.scores
    found = tuned(held[0].parts.guesser, scores, data.intents, data.names)
    return Recipe(sharpness=found.sharpness, strange=found.strange)


def _share(
    data: Data, held: Sequence[_Fold], recipe: Recipe, at: int, *, mode: int, seen: tuple[Ints, Ints]
) -> tuple[float, float, float]:
    """Return the best value at one strength, and the share of the table and the slope that have it."""
    readings = [_read(fold, recipe, mode) for fold in held]
    found: list[tuple[float, float, float]] = []
    for share in SHARES:
        guess, expected = np.zeros_like(data.quality), np.zeros_like(data.quality)
        base = np.zeros_like(data.quality)
        for fold, reading in zip(held, readings, strict=True):
            tried = replace(recipe, table_share=(share, share), damping=0.0)
            parts = fold.parts
            guess[fold.outside] = mixed(fold.texts[at], parts.base, reading, parts.table, mix_of(tried, parts))
            expected[fold.outside] = parts.costs.expected(fold.data.n_chars, reading.shares)
            base[fold.outside] = parts.base
        slope = _slope(guess - base, data.quality - base)
        guess = base + slope * (guess - base)
        picked = np.ix_(*seen)
        earned = value(guess[picked], expected[picked], data.quality[picked], data.cost[picked])
        found.append((earned, share, slope))
    return found[int(np.argmax(_smooth([each[0] for each in found])))]


def _read(fold: _Fold, recipe: Recipe, mode: int) -> Reading:
    guesser = replace(fold.parts.guesser, sharpness=recipe.sharpness, strange=recipe.strange)
    intents = fold.data.intents if mode == TOLD else (None,) * len(fold.data)
    return reading_of(fold.scores, intents, guesser, fold.parts.table)


def _slope(guess: Array, truth: Array) -> float:
    """Return how far expectations are best stretched (least squares), the same for all models.

    What is fitted is how models differ on a prompt, for that is what is weighed against what they cost. A slope for
    each model would fit each one's quality better and their differences worse.
    """
    known = ~np.isnan(truth)
    count = np.maximum(known.sum(1, keepdims=True), 1)
    told = np.where(known, np.nan_to_num(truth), 0.0)
    truth, guess = ((each - (each * known).sum(1, keepdims=True) / count) * known for each in (told, guess))
    along = float((guess**2).sum())
    return round(float(np.clip((guess * truth).sum() / along, *SLOPES)), 4) if along > 0 else 1.0


def _guarded(data: Data, recipe: Recipe, *, draw: np.random.Generator, progress: Progress) -> Recipe:
    """Return the recipe with the guard that does best on intents left out: the worst of them and the mean count."""
    groups = _groups(data, draw)
    held: list[_Fold] = []
    progress.begin("leaving intents out", len(groups))
    for names in groups:
        outside = np.flatnonzero(np.isin(np.array([each or "" for each in data.intents]), names))
        rest = replace(data, names=tuple(each for each in data.names if each not in names))
        held.append(_fold(rest, outside, (recipe.strength,), progress))
    if not held:
        return recipe
    tried = [replace(recipe, damping=d, price_share=p) for d, p in product(DAMPINGS, PRICE_SHARES)]
    scores: list[float] = []
    for each in tried:
        values = [_value_left_out(fold, each, mode) for fold in held for mode in (GUESSED, TOLD)]
        scores.append(min(values) + sum(values) / len(values))
    return tried[int(np.argmax(scores))]


def _groups(data: Data, draw: np.random.Generator) -> list[list[str]]:
    """Return intents to leave out together, each group with enough prompts that are labelled in full."""
    rows, _ = _seen(data)
    labels = np.array([data.intents[at] or "" for at in rows])
    names = [each for each in data.names if (labels == each).any()]
    if len(names) < 2:  # noqa: PLR2004  # nothing would be left to learn from
        return []
    mingled = [names[int(at)] for at in draw.permutation(len(names)).tolist()]
    groups = [mingled[at::N_FOLDS] for at in range(min(N_FOLDS, len(names)))]
    return [each for each in groups if np.isin(labels, each).sum() >= LEAST_ROWS]


def _value_left_out(fold: _Fold, recipe: Recipe, mode: int) -> float:
    data, parts = fold.data, fold.parts
    reading = _read(fold, recipe, mode)
    table = priced(parts.table, data, recipe.price_share)
    guess = mixed(fold.texts[0], parts.base, reading, table, mix_of(recipe, parts))
    expected = parts.costs.expected(data.n_chars, reading.shares)
    picked = np.ix_(*_seen(data))
    return value(guess[picked], expected[picked], data.quality[picked], data.cost[picked])


def _smooth(values: Sequence[float]) -> Array:
    """Return values averaged with their neighbours, so that a lucky one does not win."""
    padded = np.array([values[0], *values, values[-1]])
    return np.asarray(0.25 * padded[:-2] + 0.5 * padded[1:-1] + 0.25 * padded[2:])
