"""What the judge page may see and do: how the judge is, and the templates that it is asked by."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from config.types import Json

__all__ = ["JudgeDesk"]


class JudgeDesk(Protocol):
    """The judge of the running gateway."""

    def state(self) -> Json:
        """Return how the judge is, as `/health` shows it."""
        ...

    async def templates(self) -> Json:
        """Return `templates`, `promotions`, `problems`, `in_charge` and whether the settings `name` one.

        A template has `version, name, about, own, toml`; a promotion `version, ts, metrics`.
        """
        ...

    async def save(self, toml: str) -> str:
        """Keep a template as one of the operator's own, and return its version. Raises `SettingsError`, `OSError`."""
        ...

    async def promote(self, version: str) -> str:
        """Put a template in charge, and return which is. Raises `SettingsError`, `OSError`."""
        ...

    async def rollback(self) -> str:
        """Take the last promotion back, and return which is in charge. Raises `SettingsError`, `OSError`."""
        ...
