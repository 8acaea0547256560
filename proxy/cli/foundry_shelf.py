"""`thalamus foundry shadow`, `promote`, `rollback` and `status`: which version of an artefact serves."""

from __future__ import annotations

import asyncio
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer

from classifier.readings import load_reader
from classifier.shadow import compared
from classifier.shelf import Shelf
from config.database import open_database, parse_url
from config.errors import ArtefactError, StorageError
from proxy.cli.blueprints import artefacts_folder
from proxy.cli.options import AsJson, ConfigFile, read_settings
from proxy.cli.printing import CommandError, note, print_json, say
from proxy.understanding import INTENT, VERSIONS
from router.corrections import corrected_labels

if TYPE_CHECKING:
    from classifier.shelf import Pointers
    from classifier.verdict import Verdict
    from config.settings import Settings
    from config.types import Json

Name = Annotated[str, typer.Argument(help="Artefact, as `thalamus foundry status` lists them.")]


def shadow(
    name: Name,
    folder: Annotated[Path | None, typer.Argument(metavar="DIR", help="The new artefact; a copy is taken.")] = None,
    *,
    auto: Annotated[bool, typer.Option("--auto", help="The gateway promotes it by itself once it may.")] = False,
    end: Annotated[bool, typer.Option("--end", help="Let nothing run in shadow any more.")] = False,
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Let a new artefact run beside the live one: it reads the same texts, after the answer, and decides nothing.

    A running gateway begins within seconds. What both say is recorded without the texts; `status` compares.
    """
    shelf = shelf_of(read_settings(config))
    if end == (folder is not None):
        raise typer.BadParameter("say either DIR, or --end.")
    if folder is None:
        _tell(name, shelf.end_shadow(name), "nothing runs in shadow", as_json=as_json)
        return
    if name not in shelf.names() and folder.is_dir():
        shelf.pointers(name)  # tells first what cannot be a name at all
        raise ArtefactError(
            "there is no such artefact, so nothing is live that this could run beside",
            file=name,
            mend=f"known are {', '.join(shelf.names())}; a model of a name of one's own is read by thalamus foundry "
            f"try {folder} TEXT and thalamus foundry predict {folder} --input FILE",
        )
    pointers = shelf.shadow(name, folder, auto=auto)
    said = f"version {pointers.shadow} runs in shadow beside {pointers.live}"
    _tell(name, pointers, said, as_json=as_json)


def promote(
    name: Name,
    *,
    force: Annotated[bool, typer.Option("--force", help="Also where the comparison does not allow it.")] = False,
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Make the artefact in shadow live, if the comparison allows it; the one before is kept for `rollback`."""
    settings = read_settings(config)
    shelf = shelf_of(settings)
    found = _compared(shelf, name, shelf.pointers(name), _truths(settings))
    if found is not None and not found.passes:
        if not force:
            raise CommandError(f"{name} stays as it is: {'; '.join(found.reasons)}. --force promotes it all the same.")
        note(f"{name}: {'; '.join(found.reasons)}")
    pointers = shelf.promote(name)
    _tell(name, pointers, f"version {pointers.live} is live; {pointers.before[0]} is kept", as_json=as_json)


def rollback(name: Name, *, config: ConfigFile = None, as_json: AsJson = False) -> None:
    """Make the version before live again, at once and without a comparison."""
    pointers = shelf_of(read_settings(config)).rollback(name)
    _tell(name, pointers, f"version {pointers.live} is live again", as_json=as_json)


def status(*, config: ConfigFile = None, as_json: AsJson = False) -> None:
    """Say which version of each artefact is live and which serves, and how what runs in shadow compares.

    Each live version is loaded and proven, as a gateway does; where one is refused, the one before it serves.
    """
    settings = read_settings(config)
    shelf, truths = shelf_of(settings), _truths(settings)
    rows = [_status(shelf, name, truths) for name in shelf.names()]
    if as_json:
        print_json({"artefacts": rows})
        return
    for row in rows:
        say("  ".join(f"{value}" if key == "name" else f"{key} {value}" for key, value in _sentences(row)))


def shelf_of(settings: Settings) -> Shelf:
    """Return the shelf of the data folder over the shipped artefacts."""
    return Shelf(settings.state_dir / VERSIONS, artefacts_folder(None))


def _tell(name: str, pointers: Pointers, said: str, *, as_json: bool) -> None:
    if as_json:
        print_json({"name": name, **asdict(pointers)})
    else:
        say(f"{name}: {said}.")


def _status(shelf: Shelf, name: str, truths: dict[str, frozenset[str]]) -> Json:
    try:
        pointers = shelf.pointers(name)
        row: Json = {"name": name, **asdict(pointers), **_served(shelf, name)}
        found = _compared(shelf, name, pointers, truths)
    except ArtefactError as error:
        return {"name": name, "error": str(error), "served": _served(shelf, name)["served"]}
    return row if found is None else {**row, "comparison": {**asdict(found), "passes": found.passes}}


def _served(shelf: Shelf, name: str) -> Json:
    """Return the version that a gateway would serve, and why that is not the live one."""
    try:
        reader, problems = shelf.open_live(name, load_reader)
    except ArtefactError as error:
        return {"served": None, "refused": str(error)}
    return {"served": reader.version, **({"refused": problems[0]} if problems else {})}


def _sentences(row: Json) -> list[tuple[str, object]]:
    told = [(key, row[key]) for key in ("name", "live", "error") if key in row]
    if row.get("refused"):
        told.append(("refused", row["refused"]))
    if row.get("refused") or row.get("error"):
        told.append(("served instead", row["served"] or "nothing"))
    if row.get("before"):
        told.append(("before", ", ".join(cast("tuple[str, ...]", row["before"]))))
    if row.get("shadow"):
        told.append(("shadow", row["shadow"]))
    compared = cast("Json | None", row.get("comparison"))
    if compared is not None:
        reasons = cast("tuple[str, ...]", compared["reasons"])
        told += [
            ("compared", compared["n"]),
            ("agreement", _shown(compared["agreement"])),
            ("coverage", _shown(compared["coverage"])),
            ("brier", _shown(compared["brier"])),
            ("corrected", compared["n_truths"]),
            ("may be promoted", "yes" if compared["passes"] else f"no: {'; '.join(reasons)}"),
        ]
    return told


def _shown(interval: object) -> str:
    found = cast("dict[str, float]", interval)
    return f"{found['value']:.3f} [{found['low']:.3f}, {found['high']:.3f}]"


def _compared(shelf: Shelf, name: str, pointers: Pointers, truths: dict[str, frozenset[str]]) -> Verdict | None:
    return compared(shelf, name, pointers, truths if name == INTENT else {})  # of others nobody says what was right


def _truths(settings: Settings) -> dict[str, frozenset[str]]:
    """Return what people corrected; nothing where there are no books, or they cannot be read now."""
    address = parse_url(settings.database_url)
    if address.drivername.startswith("sqlite") and not Path(address.database or "").is_file():
        return {}
    try:
        return asyncio.run(_read_truths(settings.database_url))
    except StorageError as error:
        note(f"Corrections are left out: the database cannot be read ({error}).")
        return {}


async def _read_truths(url: str) -> dict[str, frozenset[str]]:
    database = open_database(url)
    try:
        return await corrected_labels(database)
    finally:
        await database.aclose()
