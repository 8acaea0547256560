"""The judge page's view of the house."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from router.judge.templates import template_in, toml_of

if TYPE_CHECKING:
    from config.types import Json
    from proxy.house import House
    from router.judge.shelf import Shelf


class HouseJudge:
    """A `JudgeDesk` over the running house. Files are read and written off the loop."""

    def __init__(self, house: House) -> None:
        self._house = house

    def state(self) -> Json:
        """Return how the judge is."""
        return self._house.judging.state()

    async def templates(self) -> Json:
        """Return the templates."""
        return await asyncio.to_thread(self._templates)

    async def save(self, toml: str) -> str:
        """Keep a template as one of the operator's own."""

        def write() -> str:
            template = template_in(toml.encode(), file="the form")
            self._shelf.keep(template)
            return template.version

        return await asyncio.to_thread(write)

    async def promote(self, version: str) -> str:
        """Put a template in charge; the judge takes it up at its next look, within seconds."""

        def write() -> str:
            template = self._shelf.named(version)
            self._shelf.promote(template, ts=datetime.now(UTC), metrics={"by": "hand"})
            return template.version

        version = await asyncio.to_thread(write)
        await self._house.judging.look()
        return version

    async def rollback(self) -> str:
        """Take the last promotion back."""
        version = (await asyncio.to_thread(self._shelf.rollback)).template.version
        await self._house.judging.look()
        return version

    @property
    def _shelf(self) -> Shelf:
        return self._house.judging.shelf

    def _templates(self) -> Json:
        shelf, named = self._shelf, self._house.settings.judge.template
        known, problems = shelf.templates()
        in_charge = shelf.in_charge(named)
        own = shelf.own_names()
        promotions = shelf.pointers().promotions
        return {
            "in_charge": in_charge.template.version,
            "named": named,
            "problems": [*problems, *((in_charge.problem,) if in_charge.problem is not None else ())],
            "promotions": [{"version": each.version, "ts": each.ts, "metrics": each.metrics} for each in promotions],
            "templates": [
                {
                    "version": each.version,
                    "name": each.name,
                    "about": each.about,
                    "own": each.name in own,
                    "toml": toml_of(each),
                }
                for each in known
            ],
        }
