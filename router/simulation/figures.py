"""Figures over seeds: each run is one draw of the world, so intervals are of Student's t over runs."""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt
from typing import TYPE_CHECKING, Final

import numpy as np

from router.policy.verdict import verdict

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from router.simulation.run import Played

    Array = NDArray[np.float64]

LAST_DAYS: Final = 2
"""What counts as the end of a run."""
_QUANTILES: Final = (
    (1, 12.706), (2, 4.303), (3, 3.182), (4, 2.776), (5, 2.571), (6, 2.447), (7, 2.365), (8, 2.306), (9, 2.262),
    (10, 2.228), (12, 2.179), (14, 2.145), (16, 2.120), (18, 2.101), (19, 2.093), (20, 2.086), (30, 2.042),
    (60, 2.000),
)  # fmt: skip
"""Student's t at 97.5 %, by degrees of freedom; between two of them the lower ones', which is on the safe side."""
_NORMAL: Final = 1.96
_MANY: Final = 1000


@dataclass(frozen=True, slots=True)
class Figure:
    """A mean over runs with its 95 % interval; without width where there was one run."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Goal:
    """What is to be reached, what was, and whether."""

    name: str
    wanted: float
    found: Figure

    @property
    def is_reached(self) -> bool:
        """Whether the mean reaches what is wanted; `verdict` tells what the interval leaves open."""
        return self.found.value >= self.wanted

    @property
    def verdict(self) -> str:
        """Whether the mean reaches what is wanted, and whether the interval holds the other side."""
        return verdict((self.found.value, self.found.low, self.found.high), self.wanted)


def mean_of(values: Sequence[float] | Array) -> Figure:
    """Return mean and interval of one value per run; at least one."""
    found = np.asarray(values, np.float64)
    middle = float(found.mean())
    if len(found) == 1:
        return Figure(middle, middle, middle)
    half = _t(len(found) - 1) * float(found.std(ddof=1)) / sqrt(len(found))
    return Figure(middle, middle - half, middle + half)


def at_end(runs: Sequence[Played], measure: int) -> Array:
    """Return each run's mean of a measure over the last days (runs,)."""
    return np.array([run.measures[-LAST_DAYS:, measure].mean() for run in runs])


def changed(learned: Sequence[Played], start: Sequence[Played], measure: int) -> Figure:
    """Return by which part of the start's a measure is higher at the end, run by run on the same questions."""
    return mean_of(at_end(learned, measure) / at_end(start, measure) - 1.0)


def gained(learned: Sequence[Played], start: Sequence[Played], measure: int) -> Figure:
    """Return by how much a measure is higher at the end."""
    return mean_of(at_end(learned, measure) - at_end(start, measure))


def slope(runs: Sequence[Played], measure: int) -> Figure:
    """Return how much a measure changes a day, by a straight line through each run's days; 0 of a single day."""
    days = np.arange(len(runs[0].measures), dtype=np.float64)
    if len(days) == 1:
        return Figure(0.0, 0.0, 0.0)
    return mean_of([float(np.polyfit(days, run.measures[:, measure], 1)[0]) for run in runs])


def _t(freedom: int) -> float:
    if freedom > _MANY:
        return _NORMAL
    return next(quantile for most, quantile in reversed(_QUANTILES) if freedom >= most)
