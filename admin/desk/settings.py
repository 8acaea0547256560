"""What the settings page may see and do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from config.told_settings import ToldSetting

__all__ = ["SettingsDesk", "SettingsState"]


@dataclass(frozen=True, slots=True)
class SettingsState:
    """The settings in force, and what the files say beside them."""

    settings: tuple[ToldSetting, ...]
    file: str | None
    """The settings file, `None` where there is none."""
    can_reload: bool
    changed: tuple[str, ...]
    """What a reload would change at once."""
    waiting: tuple[str, ...]
    """What differs in the files and waits for a restart."""
    problem: str | None
    """Why the files cannot be read as they are now; what is in force stays."""


class SettingsDesk(Protocol):
    """The settings of the running gateway."""

    async def state(self) -> SettingsState:
        """Return the settings in force."""
        ...

    async def reload(self) -> tuple[str, ...]:
        """Read the files again and return what waits for a restart. Raises `SettingsError`; then nothing changed."""
        ...
