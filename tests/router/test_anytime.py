"""Intervals that hold at every moment: proved by playing many experiments and looking after every unit."""

from __future__ import annotations

import math

import numpy as np
import pytest

from router.anytime import ALPHA, Drawn, effect_so_far, effects_over_time

N_RUNS = 400
N_UNITS = 1500
FIRST_LOOK = 200
SPREAD = 524
"""Standard deviation of the values; that of a weighed one, with even arms, is twice as much."""


def played(rng: np.random.Generator, *, effect: float, p: float, n: int = N_UNITS) -> list[Drawn]:
    """Return units with skewed values, as tokens are, whose mean the treatment moves by `effect`."""
    treated = rng.random(n) < p
    values = rng.lognormal(6.5, 0.6, n) + effect * treated
    return [Drawn(float(v), bool(t), p) for v, t in zip(values, treated, strict=True)]


@pytest.mark.parametrize(("effect", "p"), [(0.0, 0.5), (400.0, 0.5), (-150.0, 0.9)])
def test_looking_at_every_moment_misleads_in_at_most_one_of_twenty(effect: float, p: float):
    """Who looks from the 200th conversation on after each one sees a false interval in at most 5 % of experiments."""
    rng = np.random.default_rng(11)
    n_misled = 0
    for _ in range(N_RUNS):
        means, widths = effects_over_time(played(rng, effect=effect, p=p))
        n_misled += bool(np.any(np.abs(means - effect)[FIRST_LOOK:] > widths[FIRST_LOOK:]))

    noise = 3 * math.sqrt(ALPHA * (1 - ALPHA) / N_RUNS)
    assert n_misled / N_RUNS <= ALPHA + noise


def test_a_plain_interval_would_mislead_far_more_often():
    """The same looks with 1.96 standard errors: that is why it is not used."""
    rng = np.random.default_rng(11)
    n_misled = 0
    for _ in range(N_RUNS):
        means, _ = effects_over_time(played(rng, effect=0.0, p=0.5))
        n = np.arange(1, N_UNITS + 1)
        n_misled += bool(np.any(np.abs(means)[FIRST_LOOK:] > 1.96 * 2 * SPREAD / np.sqrt(n)[FIRST_LOOK:]))

    assert n_misled / N_RUNS > 2 * ALPHA


def test_an_effect_that_is_there_is_found():
    """A difference of half a standard deviation is told from none within 1,500 conversations."""
    found = effect_so_far(played(np.random.default_rng(5), effect=400.0, p=0.5))

    assert found is not None
    assert 0 < found.low < 400 < found.high


def test_one_unit_tells_nothing():
    """There is no spread to see."""
    assert effect_so_far([Drawn(1.0, treated=True, p_treated=0.5)]) is None
