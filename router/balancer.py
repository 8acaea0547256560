"""The order in which a model's deployments are tried: priority groups, and the configured policy inside each group.

The door to `router/balancing/`. Only the order is made here; failing over is `dispatch`'s.
"""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING

from router.balancing.base import shares
from router.balancing.draw import weighted_order
from router.balancing.least_in_flight import LeastInFlight
from router.balancing.power_of_two import PowerOfTwo
from router.balancing.smooth_weighted import SmoothWeighted
from router.dispatch import RETURNING

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Iterable
    from random import Random

    from config.balancing_settings import PolicyName
    from router.attempt import Attempt, Skipped
    from router.balancing.base import P, Policy, Pressure

__all__ = ["Balancer", "policy_named", "shares", "weighted_order"]


class Balancer:
    """Orders deployments by the policy in force. An `AttemptObserver`, for attempts take turns."""

    def __init__(self, policy: PolicyName, *, pressure: Pressure, rng: Random) -> None:
        self._name: PolicyName = policy
        self._pressure = pressure
        self._rng = rng
        self._policy = policy_named(policy, pressure=pressure, rng=rng)

    def adopt(self, policy: PolicyName, keep: Container[str]) -> None:
        """Go on with this policy after a reload; what it knows of the deployments in `keep` stays."""
        if policy != self._name:
            self._name, self._policy = policy, policy_named(policy, pressure=self._pressure, rng=self._rng)
        self._policy.keep(keep)

    def order(
        self,
        deployments: Iterable[P],
        *,
        ready: Callable[[P], bool] = lambda _: True,
        preferred: str | None = None,
    ) -> list[P]:
        """Return all deployments of positive weight in the order to try them, lower priority groups first.

        Inside a group those that are `ready` come first, as the policy says, and the others behind them by weight. The
        deployment called `preferred` goes before all of its group, while it is ready. Looking changes nothing.
        """
        placed = sorted((each for each in deployments if each.weight > 0), key=lambda each: each.priority)
        ordered: list[P] = []
        for _, members in groupby(placed, key=lambda each: each.priority):
            fit: list[P] = []
            unfit: list[P] = []
            for each in members:
                (fit if ready(each) else unfit).append(each)
            in_turn = self._policy.order(fit)
            if preferred is not None:
                in_turn.sort(key=lambda each: each.id != preferred)  # stable
            ordered += in_turn
            ordered += sorted(unfit, key=lambda each: -each.weight)
        return ordered

    def attempt_began(self, attempt: Attempt) -> None:
        """Take the turn of who is asked, be it first or as a stand-in."""
        self._policy.asked(attempt.candidate.target.deployment)

    def attempt_ended(self, attempt: Attempt) -> None:
        """Nothing here depends on how it went."""

    def passed_over(self, skipped: Iterable[Skipped]) -> None:
        """Take the turns of those that return gradually and were not let through this time.

        Who keeps its turn would stand first again with the next request, and so get the gate's share of all requests
        instead of that share of its own.
        """
        for each in skipped:
            if each.refusal is RETURNING:
                self._policy.asked(each.candidate.target.deployment)


def policy_named(name: PolicyName, *, pressure: Pressure, rng: Random) -> Policy:
    """Return a new policy of this name."""
    match name:
        case "smooth_weighted":
            return SmoothWeighted()
        case "least_in_flight":
            return LeastInFlight(pressure)
        case "power_of_two":
            return PowerOfTwo(pressure, rng)
