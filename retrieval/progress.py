"""Who hears how far a long step of the library is."""

from __future__ import annotations

from typing import Protocol


class Progress(Protocol):
    """Hears how far a long step is."""

    def begin(self, what: str, total: int) -> None:
        """Begin a step of `total` parts; the step before is then done."""
        ...

    def advance(self) -> None:
        """Say that a part is done."""
        ...


class Silence:
    """Progress that nobody hears."""

    def begin(self, what: str, total: int) -> None:
        """Say nothing."""

    def advance(self) -> None:
        """Say nothing."""
