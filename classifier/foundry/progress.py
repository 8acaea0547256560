"""How a long step of the foundry tells how far it is."""

from __future__ import annotations

from typing import Protocol


class Progress(Protocol):
    """Is told how far a long step is; a terminal draws it as a bar."""

    def begin(self, what: str, total: int) -> None:
        """Begin a step of `total` parts."""
        ...

    def advance(self) -> None:
        """Say that a part is done."""
        ...


class Silent:
    """Says nothing."""

    def begin(self, what: str, total: int) -> None:
        """Begin a step."""

    def advance(self) -> None:
        """Say that a part is done."""
