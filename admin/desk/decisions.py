"""What the decision explorer may see and do: one decision, the policy as it is now, prices, opinions, asking again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from config.types import Json, Usage
    from router.choosing.choose import Terms
    from router.choosing.values import Experience, Offer

__all__ = ["Bodies", "DecisionsDesk", "PolicyNow", "Replayed"]


@dataclass(frozen=True, slots=True)
class PolicyNow:
    """What a choice would be made from now."""

    offers: Mapping[str, Offer]
    """By model; without those that are no more."""
    experience: Experience
    terms: Terms


@dataclass(frozen=True, slots=True)
class Bodies:
    """Request and answer as they were stored, each `None` where it was not."""

    request: bytes | None
    answer: bytes | None
    are_stored: bool
    """Whether bodies of new requests are stored now."""


@dataclass(frozen=True, slots=True)
class Replayed:
    """What became of a request that was sent again."""

    decision_id: str | None
    """Of the new decision; `None` where none was made."""
    status: int
    """HTTP status of the answer."""
    message: str | None = None
    """What was wrong, `None` for an answer."""


class DecisionsDesk(Protocol):
    """Decisions of the running gateway."""

    async def find(self, decision_id: str) -> Json | None:
        """Return what `GET /v1/decisions/{id}` answers, also of one that waits to be written.

        `None` where there is none. Raises `UnavailableError`.
        """
        ...

    async def bodies(self, decision_id: str) -> Bodies:
        """Return what is stored of request and answer. Raises `StorageError`."""
        ...

    async def policy(self, models: Sequence[str]) -> PolicyNow:
        """Return what a choice among these models would be made from now."""
        ...

    async def cost_usd(self, model: str, usage: Usage) -> float | None:
        """Return what these tokens cost at a model now, `None` where its price is unknown."""
        ...

    def similar(self, decision_id: str) -> Json:
        """Return `similar`, past questions like that of a decision, and `similar_by_model`, as an analysis does."""
        ...

    def intents(self) -> tuple[str, ...]:
        """Return the names of the intents that are told apart now."""
        ...

    def models(self) -> tuple[str, ...]:
        """Return the models that can be asked now."""
        ...

    async def say(self, decision_id: str, opinion: Mapping[str, object], *, actor: str) -> None:
        """Take what `POST /v1/feedback` takes, and wait until it is written.

        Raises `InvalidRequestError`, `NotFoundError`, `UnavailableError`.
        """
        ...

    async def replay(self, decision_id: str, model: str, *, actor: str) -> Replayed | Literal["no_body", "no_door"]:
        """Send the stored request again, to one model, through the pipeline; the books hold it as a new decision.

        `no_body` where the request was not stored, `no_door` where it came in a way that cannot be taken again. Raises
        `StorageError`.
        """
        ...
