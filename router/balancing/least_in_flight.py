"""Least in flight: whoever has the fewest requests under way for its weight; among equals, turns by weight."""

from __future__ import annotations

from typing import TYPE_CHECKING

from router.balancing.smooth_weighted import SmoothWeighted

if TYPE_CHECKING:
    from collections.abc import Container, Sequence

    from router.balancing.base import P, Pressure


class LeastInFlight:
    """Suits answers of very different lengths: a deployment that holds long ones gets fewer new ones."""

    def __init__(self, pressure: Pressure) -> None:
        self._pressure = pressure
        self._turns = SmoothWeighted()

    def order(self, group: Sequence[P]) -> list[P]:
        """Return the group by requests under way per unit of weight, fewest first."""
        in_turn = self._turns.order(group)
        return sorted(in_turn, key=lambda each: self._pressure.in_flight(each.id) / each.weight)  # stable

    def asked(self, deployment: str) -> None:
        """Take its turn."""
        self._turns.asked(deployment)

    def keep(self, ids: Container[str]) -> None:
        """Forget deployments that are no more."""
        self._turns.keep(ids)
