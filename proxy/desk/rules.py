"""The rules page's view of the house."""

from __future__ import annotations

from typing import TYPE_CHECKING

from admin.desk.rules import RulesState
from proxy.rules_in_force import rules_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from config.types import Json
    from proxy.house import House


class HouseRules:
    """A `RulesDesk` over the running house."""

    def __init__(self, house: House) -> None:
        self._house = house

    def state(self) -> RulesState:
        """Return the rules in force."""
        house = self._house
        override = house.ruling.override
        return RulesState(
            house.rules,
            rules_of(house.settings.routing),
            override.changed_by if override is not None else None,
            override.ts if override is not None else None,
            tuple(house.catalog.models),
        )

    async def change(self, rules: Sequence[Json] | None, *, changed_by: str) -> None:
        """Set all rules for good."""
        await self._house.ruling.change(rules, self._house.catalog, changed_by=changed_by)
