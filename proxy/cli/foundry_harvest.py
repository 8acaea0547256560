"""`thalamus foundry harvest`: confirmed and corrected decisions become rows of a corpus file, where that is allowed."""

from __future__ import annotations

import asyncio
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from config.database import open_database, parse_url
from config.intents import load_intents
from proxy.cli.options import AsJson, ConfigFile, read_settings
from proxy.cli.printing import CommandError, print_json, say
from proxy.harvest import add_to, rows_of
from proxy.understanding import INTENT
from router.corrections import corrections

if TYPE_CHECKING:
    from config.settings import Settings
    from proxy.harvest import Harvest
    from router.corrections import Correction

CORPUS = "corpus"
"""Folder of the data folder where harvested rows lie."""


def harvest(
    name: Annotated[
        str, typer.Argument(help="Blueprint that is to learn from them; only intent is corrected.")
    ] = INTENT,
    *,
    out: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Where the rows go; corpus/NAME.jsonl of the data folder.")
    ] = None,
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Make rows to learn from of requests whose intent somebody confirmed or corrected (`corrected_intent`).

    Only with `classifier.harvest = true`, and of requests whose bodies are stored. Secrets of known shapes are taken
    out; nothing leaves this machine. `thalamus foundry forge NAME --with FILE --out DIR` then learns from them.
    """
    settings = read_settings(config)
    if name != INTENT:
        raise CommandError(f"nobody corrects what {name} says yet; only {INTENT} can be harvested.")
    if not settings.classifier.harvest:
        raise CommandError("requests are not made into rows without consent: set classifier.harvest = true.")
    found = rows_of(_corrections(settings), labels=load_intents(settings.classifier.intents_file).names)
    path = out or settings.state_dir / CORPUS / f"{name}.jsonl"
    n_rows = add_to(path, found.rows)
    if as_json:
        counts = {key: value for key, value in asdict(found).items() if key != "rows"}
        print_json({"file": str(path), "rows": n_rows, "added_or_renewed": len(found.rows), **counts})
        return
    say(f"{path}: {n_rows} rows; {_sentence(found)}")


def _sentence(found: Harvest) -> str:
    left_out = {
        "have no stored body": found.without_body,
        "say nothing that could be read": found.unreadable,
        "name a label that is none": found.unknown_label,
    }
    told = "".join(f"; {count} {reason}" for reason, count in left_out.items() if count)
    return f"{found.n_confirmed} confirmed, {found.n_corrected} corrected{told}."


def _corrections(settings: Settings) -> tuple[Correction, ...]:
    address = parse_url(settings.database_url)
    if address.drivername.startswith("sqlite") and not Path(address.database or "").is_file():
        raise CommandError(f"there are no books yet: {address.database} does not exist.")
    return asyncio.run(_read(settings.database_url))


async def _read(url: str) -> tuple[Correction, ...]:
    database = open_database(url)
    try:
        return await corrections(database)
    finally:
        await database.aclose()
