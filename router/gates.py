"""What the attempt loop asks and tells: observers of attempts, and the gate that says who may be asked now."""

from __future__ import annotations

from math import inf
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from router.attempt import Attempt
    from router.providers.base import Target
    from router.refusal import Refusal


class AttemptObserver(Protocol):
    """Sees every attempt begin and end, each exactly once: metrics, load, health and breakers."""

    def attempt_began(self, attempt: Attempt) -> None:
        """Take note; must not raise and must not wait."""
        ...

    def attempt_ended(self, attempt: Attempt) -> None:
        """Take note; must not raise and must not wait."""
        ...


class Gate(AttemptObserver, Protocol):
    """Says who may be asked now. It sees every attempt too, so it need not stand among the observers."""

    def try_acquire(self, target: Target) -> bool:
        """Return whether this deployment is to be asked; then its attempt begins before anything is awaited."""
        ...

    def force(self, target: Target) -> bool:
        """Return whether this deployment may be asked although `try_acquire` said no, since nobody else is left."""
        ...

    def refusal(self, target: Target) -> Refusal | None:
        """Return why this deployment is not asked now, `None` where it may be."""
        ...

    def on_trial(self, target: Target) -> bool:
        """Return whether this deployment is held back only while another request tries it."""
        ...

    def blamed(self, target: Target) -> float:
        """Return when something spoke against this deployment last, seconds; -inf where nothing does."""
        ...

    def n_at_risk(self) -> int:
        """Return how many attempts wait for their first content where something speaks against the deployment."""
        ...

    async def news(self) -> None:
        """Return once an attempt has told something new."""
        ...

    def attempt_answered(self, attempt: Attempt) -> None:
        """Take note of the first content; must not raise and must not wait."""
        ...


class OpenGate:
    """Lets everybody through."""

    def attempt_began(self, attempt: Attempt) -> None:
        """Nothing depends on it."""

    def attempt_answered(self, attempt: Attempt) -> None:
        """Nothing depends on it."""

    def attempt_ended(self, attempt: Attempt) -> None:
        """Nothing depends on it."""

    def try_acquire(self, target: Target) -> bool:
        """Return true."""
        del target
        return True

    def force(self, target: Target) -> bool:
        """Return true."""
        del target
        return True

    def refusal(self, target: Target) -> Refusal | None:
        """Return `None`."""
        del target
        return None

    def on_trial(self, target: Target) -> bool:
        """Return false."""
        del target
        return False

    def blamed(self, target: Target) -> float:
        """Return -inf."""
        del target
        return -inf

    def n_at_risk(self) -> int:
        """Return 0."""
        return 0

    async def news(self) -> None:
        """Nobody is held back, so there is nothing to wait for."""
