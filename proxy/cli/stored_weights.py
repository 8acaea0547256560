"""The weights that were set at run time, for commands that show what would run; it makes no database."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

from config.database import open_database, parse_url
from config.errors import StorageError
from config.overrides import OverrideStore
from proxy.cli.printing import note
from proxy.weights import WEIGHTS_AREA, Weights

if TYPE_CHECKING:
    from router.snapshot import Catalog


def with_stored_weights(catalog: Catalog, url: str) -> Catalog:
    """Return the catalogue as a server on this database would weigh it; told where the database cannot say."""
    address = parse_url(url)
    if address.drivername.startswith("sqlite") and not Path(address.database or "").is_file():
        return catalog
    return asyncio.run(_weighed(catalog, url))


async def _weighed(catalog: Catalog, url: str) -> Catalog:
    database = open_database(url)
    weights = Weights(OverrideStore(database, WEIGHTS_AREA))
    try:
        await weights.load()
    except StorageError as error:
        note(f"The weights are those of the settings file: the database cannot be read ({error}).")
    finally:
        await database.aclose()
    return weights.applied_to(catalog)
