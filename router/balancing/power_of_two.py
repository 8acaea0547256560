"""Power of two choices: two are drawn by weight, and the one with the smaller expected wait is asked.

The wait is latency x (requests under way + 1), as in Finagle's peak EWMA balancer, per unit of weight; two draws are
enough to avoid the worst and too few for all gateways to run to the same best one (Mitzenmacher, 2001).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from router.balancing.draw import weighted_order

if TYPE_CHECKING:
    from collections.abc import Container, Sequence
    from random import Random

    from router.balancing.base import P, Placed, Pressure

UNKNOWN_S: Final = 3_600.0
"""Latency of a deployment whose first answer is still awaited: one request tries it, others wait for the outcome."""


class PowerOfTwo:
    """Suits upstreams of different or changing speed."""

    def __init__(self, pressure: Pressure, rng: Random) -> None:
        self._pressure = pressure
        self._rng = rng

    def order(self, group: Sequence[P]) -> list[P]:
        """Return the better one of two, then the other, then the rest as drawn by weight."""
        drawn = weighted_order(group, self._rng)
        drawn[:2] = sorted(drawn[:2], key=self._wait_s)
        return drawn

    def asked(self, deployment: str) -> None:
        """Nobody takes turns here; that it is busy is the load's to know."""

    def keep(self, ids: Container[str]) -> None:
        """Nothing is remembered here."""

    def _wait_s(self, deployment: Placed) -> float:
        n_pending = self._pressure.in_flight(deployment.id)
        latency_s = self._pressure.latency_s(deployment.id)
        if latency_s is None:
            latency_s = UNKNOWN_S if n_pending else 0.0
        return latency_s * (n_pending + 1) / deployment.weight
