"""`thalamus db`: what an operator does with the database. Each is safe while gateways run."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from config import maintenance
from config.database import open_database
from proxy.cli.options import AsJson, ConfigFile, read_settings
from proxy.cli.printing import print_json, say

if TYPE_CHECKING:
    from config.maintenance import Pruned
    from config.settings import Settings


def upgrade(*, config: ConfigFile = None, as_json: AsJson = False) -> None:
    """Bring the tables up to date; `thalamus serve` does so by itself."""
    asyncio.run(maintenance.upgrade(read_settings(config).database_url))
    if as_json:
        print_json({"upgraded": True})
    else:
        say("The database is up to date.")


def backup(
    file: Annotated[Path, typer.Argument(help="Where the copy goes.")],
    *,
    force: Annotated[bool, typer.Option("--force", help="Replace a file that is there already.")] = False,
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Write a consistent copy of the database. The pepper of the keys in the state folder is not part of it."""
    written = asyncio.run(maintenance.backup(read_settings(config).database_url, file, replace=force))
    if as_json:
        print_json({"file": str(written), "size_bytes": written.stat().st_size})
    else:
        say(f"Wrote {written} ({written.stat().st_size} bytes).")


def prune(*, config: ConfigFile = None, as_json: AsJson = False) -> None:
    """Delete what is older than storage.retention_days and storage.body_retention_days; sums stay."""
    pruned = asyncio.run(_prune(read_settings(config)))
    if as_json:
        print_json({"deleted": pruned.rows})
    else:
        say(", ".join(f"{count} of {name}" for name, count in pruned.rows.items()) or "Everything is kept for ever.")


VERBS = (
    ("upgrade", "thalamus db upgrade", upgrade),
    ("backup", "thalamus db backup copy.sqlite", backup),
    ("prune", "thalamus db prune", prune),
)


async def _prune(settings: Settings) -> Pruned:
    storage = settings.storage
    database = open_database(settings.database_url, busy_timeout_s=30.0)
    try:
        await database.upgrade()
        return await maintenance.prune(
            database, retention_days=storage.retention_days, body_retention_days=storage.body_retention_days
        )
    finally:
        await database.aclose()
