"""What the rules page may see and do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from config.types import Json
    from router.rules import Rule

__all__ = ["RulesDesk", "RulesState"]


@dataclass(frozen=True, slots=True)
class RulesState:
    """The rules in force, and where they come from."""

    rules: tuple[Rule, ...]
    from_file: tuple[Rule, ...]
    changed_by: str | None
    """`None` where the settings file's are in force."""
    changed_at: datetime | None
    models: tuple[str, ...]
    """Names that a rule may have."""


class RulesDesk(Protocol):
    """The routing rules of the running gateway."""

    def state(self) -> RulesState:
        """Return the rules in force."""
        ...

    async def change(self, rules: Sequence[Json] | None, *, changed_by: str) -> None:
        """Set all rules, `None` for the settings file's. Raises `InvalidRequestError`, `StorageError`."""
        ...
