"""What every selection policy is given, and what it must do; and what weights mean."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Protocol, TypeVar

if TYPE_CHECKING:
    from collections.abc import Container, Sequence


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


class Placed(Weighted, Protocol):
    """A weighted thing with a name by which a policy remembers it."""

    @property
    def id(self) -> str:
        """The deployment's id."""
        ...


P = TypeVar("P", bound=Placed)


class Policy(Protocol):
    """Orders the deployments of one priority group; all of them may be asked, and each has a positive weight."""

    def order(self, group: Sequence[P]) -> list[P]:
        """Return all of `group`, whom to ask first at the front. Looking takes no turn; no I/O, no waiting."""
        ...

    def asked(self, deployment: str) -> None:
        """Take note that this one is being asked, be it first or as a stand-in."""
        ...

    def keep(self, ids: Container[str]) -> None:
        """Forget deployments that are no more."""
        ...


class Pressure(Protocol):
    """What a policy may know of a deployment's present load."""

    def in_flight(self, deployment: str) -> int:
        """Return how many attempts are under way there."""
        ...

    def latency_s(self, deployment: str) -> float | None:
        """Return the seconds it takes lately to answer, `None` while nobody knows."""
        ...


def shares(weights: Sequence[float]) -> tuple[float, ...]:
    """Return each weight's probability of being drawn first; all zero weights give all zero shares."""
    largest = max(weights, default=0.0)
    if largest <= 0:
        return (0.0,) * len(weights)
    parts = [weight / largest for weight in weights]  # their sum is finite, whatever the weights
    total = math.fsum(parts)
    return tuple(part / total for part in parts)
