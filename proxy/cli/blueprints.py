"""Where commands find blueprints and artefacts."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from config.errors import CorpusError

if TYPE_CHECKING:
    from classifier.foundry.blueprint import Blueprint

Home = Annotated[
    Path | None, typer.Option("--blueprints", metavar="DIR", help="Folder of blueprints; the shipped ones unless said.")
]
Artefacts = Annotated[
    Path | None, typer.Option("--artefacts", metavar="DIR", help="Folder of artefacts; the shipped ones unless said.")
]


def all_blueprints(home: Path | None) -> tuple[Blueprint, ...]:
    """Return every blueprint of a folder, of the shipped ones without one. Raises `CorpusError`."""
    from classifier.foundry.blueprint import list_blueprints, shipped_blueprints  # noqa: PLC0415  # offline only

    found = list_blueprints(home or shipped_blueprints())
    if not found:
        raise CorpusError("holds no blueprint", file=str(home))
    return found


def one_blueprint(home: Path | None, name: str) -> Blueprint:
    """Return one blueprint by name. Raises `CorpusError` that names the nearest one."""
    from classifier.foundry.blueprint import find_blueprint, shipped_blueprints  # noqa: PLC0415  # offline only

    return find_blueprint(home or shipped_blueprints(), name)


def artefacts_folder(folder: Path | None) -> Path:
    """Return the folder of artefacts, that of the shipped ones without one."""
    from classifier.foundry.blueprint import shipped_artefacts  # noqa: PLC0415  # offline only

    return folder or shipped_artefacts()
