"""What a policy that weighs quality against cost is worth on labelled prompts, over the whole range of the weight.

The measures are those of RouterBench (arXiv 2403.12031) and RouteLLM (arXiv 2406.18665); docs/reports/routing.md says
them in words. Every array is (n, k): n prompts, k models, all of them labelled.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[np.floating]

N_WEIGHTS = 200
"""Weights of cost at which a policy is tried."""
NEAR_BEST = 0.95


@dataclass(frozen=True, slots=True)
class Worth:
    """The measures of one policy on one set of prompts; `nan` where one has no meaning there."""

    aiq: float
    """Mean quality over the costs between the cheapest and the dearest single model."""
    lift: float
    """`aiq` less that of mixing single models at random."""
    c95: float
    """Cost at 95 % of the best single model's quality, as a share of that model's cost."""
    gain: float
    """Highest quality at any weight, less that of the best single model."""
    apgr: float
    """Two models only: mean share of their gap that is won, over all shares of calls to the better one."""


def worth(predicted: Array, expected: Array, quality: Array, cost: Array) -> Worth:
    """Return what choosing the highest predicted quality less weight x expected cost is worth."""
    apgr = recovered(predicted, quality) if quality.shape[1] == 2 else float("nan")  # noqa: PLR2004  # a pair
    singles = np.stack([cost.mean(0), quality.mean(0)], 1)
    return worth_of(sweep(predicted, expected, quality, cost), singles, apgr=apgr)


def worth_of(points: Array, singles: Array, *, apgr: float = float("nan")) -> Worth:
    """Return the measures of a policy's points, each mean cost and quality, beside those of the single models."""
    best = int(singles[:, 1].argmax())
    priced = bool(np.ptp(singles[:, 0]) > 0)
    aiq = area(points, singles) if priced else float("nan")
    return Worth(
        aiq=aiq,
        lift=aiq - area(singles, singles) if priced else float("nan"),
        c95=cost_at(points, NEAR_BEST * singles[best, 1]) / singles[best, 0] if priced else float("nan"),
        gain=float(points[:, 1].max() - singles[best, 1]),
        apgr=apgr,
    )


def sweep(predicted: Array, expected: Array, quality: Array, cost: Array) -> Array:
    """Return mean cost and mean quality (w, 2) at weights from 0 to so much that only cost counts."""
    at = np.arange(len(quality))
    chosen = every_choice(predicted, expected)
    return np.array([(cost[at, each].mean(), quality[at, each].mean()) for each in chosen])


def every_choice(predicted: Array, expected: Array) -> list[NDArray[np.intp]]:
    """Return the chosen models (n,) at each weight, at last the cheapest ones."""
    found = [choices(predicted, expected, weight) for weight in weights(predicted, expected)]
    return [*found, np.asarray(expected).argmin(1)]


def choices(predicted: Array, expected: Array, weight: float) -> NDArray[np.intp]:
    """Return the chosen model of each prompt (n,)."""
    return (predicted - weight * expected).argmax(1)


def weights(predicted: Array, expected: Array) -> Array:
    """Return weights at which choices change: 0 and quantiles of gap in quality / gap in cost between two models."""
    order = np.asarray(expected).mean(0).argsort()
    ratios: list[Array] = []
    for i, cheap in enumerate(order):
        for dear in order[i + 1 :]:
            more = expected[:, dear] - expected[:, cheap]
            better = predicted[:, dear] - predicted[:, cheap]
            fits = (more > 0) & (better > 0)
            ratios.append(better[fits] / more[fits])
    every = np.concatenate(ratios) if ratios else np.zeros(0)
    if not len(every):
        return np.zeros(1)
    return np.concatenate([[0.0], np.unique(np.quantile(every, np.linspace(0, 1, N_WEIGHTS))) * (1 + 1e-9)])


def area(points: Array, singles: Array) -> float:
    """Return the mean height of the non-decreasing hull of `points` between the cheapest and the dearest single."""
    hull = upper_hull(np.vstack([points, singles[singles[:, 0].argmin()]]))  # whoever routes may take the cheapest
    low, high = float(singles[:, 0].min()), float(singles[:, 0].max())
    inside = hull[(hull[:, 0] > low) & (hull[:, 0] < high), 0]
    at = np.concatenate([[low], inside, [high]])
    return float(np.trapezoid(np.interp(at, hull[:, 0], hull[:, 1]), at) / (high - low))


def cost_at(points: Array, quality: float) -> float:
    """Return the least cost of `quality` on the hull of `points`, `nan` where it is not reached."""
    hull = upper_hull(points)
    over = np.flatnonzero(hull[:, 1] >= quality)
    if not len(over):
        return float("nan")
    i = int(over[0])
    if i == 0:
        return float(hull[0, 0])
    (before, low), (after, high) = hull[i - 1], hull[i]
    return float(before + (after - before) * (quality - low) / (high - low))


def upper_hull(points: Array) -> Array:
    """Return the corners of the least concave, non-decreasing curve over `points`, by rising cost."""
    hull: list[tuple[float, float]] = []
    for x, y in sorted({(float(x), float(y)) for x, y in points}, key=lambda each: (each[0], -each[1])):
        if hull and y <= hull[-1][1]:
            continue
        while len(hull) > 1 and _turns_up(hull[-2], hull[-1], (x, y)):
            hull.pop()
        hull.append((x, y))
    return np.array(hull)


def recovered(predicted: Array, quality: Array) -> float:
    """Return APGR: prompts go to the better model by falling predicted gap; the mean share of the true gap so won."""
    better = int(quality.mean(0).argmax())
    order = np.argsort(predicted[:, 1 - better] - predicted[:, better], kind="stable")
    gaps = (quality[:, better] - quality[:, 1 - better])[order]
    whole = float(gaps.sum())
    return float(np.concatenate([[0.0], np.cumsum(gaps)]).mean() / whole) if whole > 0 else float("nan")


def _turns_up(first: tuple[float, float], middle: tuple[float, float], last: tuple[float, float]) -> bool:
    rise = (middle[1] - first[1]) * (last[0] - first[0])
    return rise <= (last[1] - first[1]) * (middle[0] - first[0])
