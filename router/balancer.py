"""The order in which a model's deployments are tried: priority groups, and a weighted draw inside each group.

Only the draw lives here. Health and stickiness filter what is handed in; failing over is `dispatch`'s.
"""

from __future__ import annotations

import math
from itertools import groupby
from typing import TYPE_CHECKING, Protocol, TypeVar

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from random import Random


class Weighted(Protocol):
    """What can be drawn: `weight` is a share (0 = drained, never drawn), `priority` a group (lower goes first)."""

    @property
    def weight(self) -> float:
        """Share inside the priority group, >= 0."""
        ...

    @property
    def priority(self) -> int:
        """Group; lower groups are tried first."""
        ...


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


def shares(weights: Sequence[float]) -> tuple[float, ...]:
    """Return each weight's probability of being drawn first; all zero weights give all zero shares."""
    total = math.fsum(weights)
    return tuple(weight / total if total else 0.0 for weight in weights)
