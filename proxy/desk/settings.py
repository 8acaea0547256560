"""The settings page's view of the house."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import TYPE_CHECKING

from admin.desk.settings import SettingsState
from config.environment import Environment, read_environment
from config.errors import SettingsError
from config.loader import read_document
from config.reading import Problems
from config.told_settings import differences, tell

if TYPE_CHECKING:
    from collections.abc import Mapping

    from proxy.house import House


class HouseSettings:
    """A `SettingsDesk` over the running house."""

    def __init__(self, house: House, environment: Mapping[str, str] = os.environ) -> None:
        self._house = house
        self._environment = environment

    async def state(self) -> SettingsState:
        """Return the settings in force; files are read off the loop."""
        return await asyncio.to_thread(self._state)

    async def reload(self) -> tuple[str, ...]:
        """Read the files again."""
        return await self._house.reload()

    def _state(self) -> SettingsState:
        settings, read = self._house.settings, self._house.read_settings
        problem: str | None = None
        changed: tuple[str, ...] = ()
        waiting: tuple[str, ...] = ()
        document: Mapping[str, object] = {}
        if read is not None:
            try:
                document, _lines = read_document(settings.config_file)
                wanted, waiting = read(settings)
                changed = differences(settings, wanted)
            except SettingsError as error:
                problem = str(error)
        told = tell(settings, document, self._variables())
        file = settings.config_file
        return SettingsState(told, str(file) if file else None, read is not None, changed, waiting, problem)

    def _variables(self) -> Environment:
        file = self._house.settings.config_file
        dotenv = (file.parent if file is not None else Path()) / ".env"
        return read_environment(self._environment, dotenv, Problems())
