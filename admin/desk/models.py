"""What the models page may see and do: weights, health, load, and one question to one model."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from config.types import Json

__all__ = ["ModelsDesk", "Said"]


@dataclass(frozen=True, slots=True)
class Said:
    """What a model answered to a test."""

    text: str
    duration_ms: float
    output_tokens: int
    cost_usd: float | None
    """`None` where a price is unknown."""


class ModelsDesk(Protocol):
    """The models of the running gateway."""

    def weights(self) -> Json:
        """Return what `GET /api/config/weights` answers."""
        ...

    def health(self) -> Json:
        """Return the state of each deployment that was asked, as `/health` shows it."""
        ...

    def load(self) -> Mapping[str, tuple[int, float | None]]:
        """Return requests in flight and the moving mean of the latency in seconds, by deployment."""
        ...

    async def change_weights(self, weights: Mapping[str, float | None], *, changed_by: str) -> None:
        """Set weights, `None` for the settings file's, all or none. Raises `InvalidRequestError`, `StorageError`."""
        ...

    def trip(self, deployment: str, *, changed_by: str) -> None:
        """Take a deployment out of play until it is reset. Raises `KeyError` for one that is none."""
        ...

    def reset(self, deployment: str, *, changed_by: str) -> None:
        """Forget what speaks against a deployment. Raises `KeyError` for one that is none."""
        ...

    def beliefs(self) -> Sequence[Json]:
        """Return the starting values that were set: `model`, `domain`, `language` and `quality` from 0 to 1."""
        ...

    async def change_beliefs(self, rows: Sequence[Json], *, changed_by: str) -> None:
        """Set all starting values. Raises `InvalidRequestError`, `StorageError`; then nothing was changed."""
        ...

    async def ask(self, model: str, question: str) -> Said:
        """Ask a model one question outside of the books. Raises `ClientFacingError`, `UpstreamError`."""
        ...
