"""A weighted draw without replacement."""

from __future__ import annotations

import math
from itertools import groupby
from typing import TYPE_CHECKING, TypeVar

from router.balancing.base import Weighted

if TYPE_CHECKING:
    from collections.abc import Iterable
    from random import Random

W = TypeVar("W", bound=Weighted)


def weighted_order(deployments: Iterable[W], rng: Random) -> list[W]:
    """Return all deployments of positive weight in the order to try them.

    Each group is a weighted draw without replacement (Efraimidis and Spirakis, 2006), so the first of a group is
    chosen with probability weight / sum of weights, and so is each next one among those left.
    """
    drawable = sorted((each for each in deployments if each.weight > 0), key=lambda each: each.priority)
    ordered: list[W] = []
    for _, group in groupby(drawable, key=lambda each: each.priority):
        ordered.extend(sorted(group, key=lambda each: math.log(1.0 - rng.random()) / each.weight, reverse=True))
    return ordered
