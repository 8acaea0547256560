"""The foundry page's view of the house. What is forged from it goes to the data folder, never into the product."""

from __future__ import annotations

import asyncio
from dataclasses import asdict
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Final

from classifier.artefact import CARD
from classifier.card_reading import figures_of, read_card
from classifier.shadow import compared
from classifier.shelf import Shelf
from config.errors import ArtefactError, CorpusError
from proxy.cli.blueprints import all_blueprints, artefacts_folder
from proxy.understanding import INTENT, VERSIONS
from router.corrections import corrected_labels

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from classifier.shelf import Pointers
    from config.types import Json
    from proxy.house import House

FORGED: Final = "forged"
"""Folder of the data folder for what was forged from the dashboard."""


class HouseFoundry:
    """A `FoundryDesk` over the running house. Files are read and written off the loop."""

    def __init__(self, house: House) -> None:
        self._house = house

    async def artefacts(self) -> Sequence[Json]:
        """Return every micro-model."""
        pointers = await asyncio.to_thread(self._pointers)
        is_shadowed = any(name == INTENT and found is not None and found.shadow for name, found in pointers.items())
        truths = await corrected_labels(self._house.database) if is_shadowed else {}
        return await asyncio.to_thread(self._rows, pointers, truths)

    def forging(self, name: str) -> tuple[str, ...] | None:
        """Return the command that forges one."""
        try:
            known = {each.name for each in all_blueprints(None)}
        except CorpusError:
            return None
        return ("foundry", "forge", name, "--out", str(self._forged(name)), "--json") if name in known else None

    def cannot_forge(self) -> bool:
        """Return whether the extra is missing."""
        return find_spec("sklearn") is None or find_spec("onnx") is None

    async def shadow(self, name: str) -> str:
        """Let what was forged run in shadow."""
        return await self._changed(lambda shelf: shelf.shadow(name, self._forged(name)), lambda found: found.shadow)

    async def end_shadow(self, name: str) -> str:
        """End the shadow."""
        return await self._changed(lambda shelf: shelf.end_shadow(name), lambda found: found.live)

    async def promote(self, name: str) -> str:
        """Make the shadow live."""
        return await self._changed(lambda shelf: shelf.promote(name), lambda found: found.live)

    async def rollback(self, name: str) -> str:
        """Go back to the version before."""
        return await self._changed(lambda shelf: shelf.rollback(name), lambda found: found.live)

    @property
    def _shelf(self) -> Shelf:
        return Shelf(self._house.settings.state_dir / VERSIONS, artefacts_folder(None))

    def _forged(self, name: str) -> Path:
        return self._house.settings.state_dir / FORGED / name

    async def _changed(self, change: Callable[[Shelf], Pointers], version: Callable[[Pointers], str | None]) -> str:
        pointers = await asyncio.to_thread(change, self._shelf)
        return version(pointers) or ""

    def _pointers(self) -> dict[str, Pointers | None]:
        shelf = self._shelf
        found: dict[str, Pointers | None] = {}
        for name in shelf.names():
            try:
                found[name] = shelf.pointers(name)
            except ArtefactError:
                found[name] = None
        return found

    def _rows(self, pointers: Mapping[str, Pointers | None], truths: Mapping[str, frozenset[str]]) -> Sequence[Json]:
        blueprints = {each.name: each for each in all_blueprints(None)}
        return [
            {
                "name": name,
                "task": blueprints[name].task if name in blueprints else None,
                "n_labels": len(blueprints[name].labels) if name in blueprints else None,
                **self._row(name, pointers.get(name), truths if name == INTENT else {}),
            }
            for name in sorted({*blueprints, *pointers})
        ]

    def _row(self, name: str, pointers: Pointers | None, truths: Mapping[str, frozenset[str]]) -> dict[str, Any]:
        shelf, forged = self._shelf, self._forged(name)
        waiting = _figures(forged) if (forged / CARD).is_file() else None
        if pointers is None:
            return {**figures_of({}), "live": None, "before": [], "shadow": None, "forged": waiting, "comparison": None}
        try:
            comparison = compared(shelf, name, pointers, truths)
        except ArtefactError:
            comparison = None
        told = None if comparison is None else {**asdict(comparison), "passes": comparison.passes}
        return {
            **_figures(shelf.folder(name, pointers.live)),
            "live": pointers.live,
            "before": list(pointers.before),
            "shadow": pointers.shadow,
            "forged": waiting,
            "comparison": told,
        }


def _figures(folder: Path) -> Json:
    try:
        return figures_of(read_card(folder))
    except (ArtefactError, OSError):
        return figures_of({})
