"""How requests are spread over the deployments of one model."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from config.bounds import Seconds

PolicyName = Literal["smooth_weighted", "least_in_flight", "power_of_two"]


@dataclass(frozen=True, slots=True)
class BalancingSettings:
    """How requests are spread over the deployments of one model, inside each priority group."""

    policy: PolicyName = "smooth_weighted"
    """Who is asked first: `smooth_weighted` takes turns by weight, `least_in_flight` has the fewest requests under way
    for its weight, `power_of_two` is the one of two drawn by weight that answers sooner."""
    affinity_s: Seconds = 300.0
    """Seconds after its last answer in which a conversation stays with the deployment that gave it, for the sake of
    the provider's prompt cache; 0 places every request anew."""
