"""Figures of the bench with the ends of their 95 % intervals: bootstraps over the held-out prompts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from router.policy.value import every_choice, recovered, worth, worth_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[np.float64]
    Figure = tuple[float, float, float]
    """A value and the ends of its interval; `nan` where it has no meaning."""

MEASURES = ("apgr", "c95", "lift", "gain")


@dataclass(frozen=True, slots=True)
class Draws:
    """How often prompts are drawn anew, and with which seed."""

    n: int
    seed: int


def figures_of(guessed: tuple[Array, Array], truth: tuple[Array, Array], draws: Draws) -> dict[str, Figure]:
    """Return each of `MEASURES` of a router that expects `guessed` of prompts whose `truth` is known.

    Both are quality and cost, (n, k) each.
    """
    quality, cost = truth
    draw, at = np.random.default_rng(draws.seed), np.arange(len(quality))
    chosen = every_choice(*guessed)
    earned = np.stack([quality[at, each] for each in chosen])
    paid = np.stack([cost[at, each] for each in chosen])
    found = [worth(*guessed, *truth)]
    for _ in range(draws.n):
        drawn = draw.integers(0, len(at), len(at))
        share = np.bincount(drawn, minlength=len(at)) / len(at)
        apgr = recovered(guessed[0][drawn], quality[drawn]) if quality.shape[1] == 2 else float("nan")  # noqa: PLR2004
        points, singles = np.stack([paid @ share, earned @ share], 1), np.stack([share @ cost, share @ quality], 1)
        found.append(worth_of(points, singles, apgr=apgr))
    return {key: _with_ends([getattr(each, key) for each in found]) for key in MEASURES}


def mean_of(values: Array, draws: Draws) -> Figure:
    """Return the mean of one value per prompt (n,)."""
    draw = np.random.default_rng(draws.seed)
    drawn = [float(values[draw.integers(0, len(values), len(values))].mean()) for _ in range(draws.n)]
    return _with_ends([float(values.mean()), *drawn])


def _with_ends(values: list[float]) -> Figure:
    """Return the first value and the middle 95 % of the others."""
    others = np.array(values[1:])
    known = others[~np.isnan(others)]
    low, high = np.quantile(known, (0.025, 0.975)) if len(known) else (np.nan, np.nan)
    return values[0], float(low), float(high)
