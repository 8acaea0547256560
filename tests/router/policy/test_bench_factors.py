from __future__ import annotations

import random

import numpy as np
import pytest

from router.policy.bench_factors import choose_factors, fit_factors
from router.policy.data import data_of
from router.policy.rows import Prompt

WORDS = 12
MODELS = tuple(f"m{at}" for at in range(6))


def _planted(n, *, seed, rank=2, noise=0.05):
    """Rewards that are a product of two factors: words have `rank` numbers, models too."""
    fixed = np.random.default_rng(5)
    of_words, of_models = fixed.normal(size=(WORDS, rank)), fixed.normal(size=(len(MODELS), rank))
    draw, dice = random.Random(seed), np.random.default_rng(seed)
    prompts, truth = [], []
    for at in range(n):
        drawn = [draw.randrange(WORDS) for _ in range(4)]
        true = 0.5 + 0.1 * of_words[drawn].mean(0) @ of_models.T
        told = np.clip(true + noise * dice.normal(size=len(MODELS)), 0, 1)
        text = " ".join(f"word{chr(97 + each)}" for each in drawn)
        quality = dict(zip(MODELS, told.tolist(), strict=True))
        prompts.append(Prompt(text=text, id=str(at), quality=quality, cost=dict.fromkeys(MODELS, 1.0)))
        truth.append(true)
    return data_of(prompts, {}), np.array(truth)


def test_planted_factors_are_found():
    """Two factors are enough where the truth has two, and they tell the best model of unseen prompts."""
    (train, _), (test, truth) = _planted(500, seed=1), _planted(300, seed=2)
    factors = fit_factors(train, (1.0,))[0].cut(2)
    guess = factors.expected(test.rows)
    spread = truth - truth.mean(0)

    assert (2, (len(MODELS), 2)) == (factors.rank, factors.vectors.shape)
    assert ((guess - truth) ** 2).mean() < 0.15 * (spread**2).mean()
    assert (guess.argmax(1) == truth.argmax(1)).mean() > 0.75


def test_one_factor_is_too_few_and_more_than_planted_add_nothing():
    """The error falls to the planted rank, and no farther: directions are sorted by what they explain."""
    (train, _), (test, truth) = _planted(500, seed=1), _planted(300, seed=2)
    whole = fit_factors(train, (1.0,))[0]
    errors = [((whole.cut(rank).expected(test.rows) - truth) ** 2).mean() for rank in (1, 2, 6)]

    assert errors[1] < 0.6 * errors[0]
    assert errors[1] <= errors[2] * 1.02


def test_full_rank_is_the_ridge_itself():
    """Nothing is lost where no direction is cut: at rank k each model has its own ridge."""
    train, _ = _planted(200, seed=1)
    whole = fit_factors(train, (0.3, 1.0))[1]
    x = train.rows.dense(1 << 16)
    _, counts = np.unique(train.rows.slots, return_counts=True)
    active = np.unique(train.rows.slots)
    rare = np.log((1.0 + len(train)) / (1.0 + counts)) + 1.0
    rare /= np.sqrt((np.repeat(rare, counts) ** 2).mean())
    z = x[:, active] * rare
    ridge = np.linalg.solve(z.T @ z + np.eye(len(active)), z.T @ (train.quality - train.quality.mean(0)))

    assert np.abs(whole.expected(train.rows) - train.quality.mean(0) - z @ ridge).max() < 0.01


def test_rank_and_strength_are_chosen_by_what_they_earn_on_held_out_folds():
    """The chosen factors earn near to what the truth would, and the same seed chooses the same."""
    (train, _), (test, truth) = _planted(400, seed=1), _planted(300, seed=2)
    factors, again = choose_factors(train, seed=0), choose_factors(train, seed=0)
    chosen = factors.expected(test.rows).argmax(1)
    earned = truth[np.arange(len(truth)), chosen].mean()

    assert (factors.rank, factors.strength) == (again.rank, again.strength)
    assert factors.rank in {1, 2, 3, 4, 6}
    assert earned > truth.mean(0).max() + 0.7 * (truth.max(1).mean() - truth.mean(0).max())


def test_two_models_have_at_most_two_factors():
    """Ranks beyond the number of models are not tried."""
    train, _ = _planted(120, seed=1)
    pair = data_of(
        [
            Prompt(text=f"word{chr(97 + at % WORDS)}", quality={"a": at % 2, "b": 0.5}, cost={"a": 1.0, "b": 0.1})
            for at in range(len(train))
        ],
        {},
    )

    assert choose_factors(pair, seed=0).rank in {1, 2}


@pytest.mark.parametrize("rank", [1, 3])
def test_models_vectors_are_at_right_angles(rank):
    """So that a projection's numbers do not say the same twice."""
    train, _ = _planted(100, seed=1)
    vectors = fit_factors(train, (1.0,))[0].cut(rank).vectors

    assert np.eye(rank) == pytest.approx(vectors.T @ vectors, abs=1e-5)
