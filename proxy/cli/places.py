"""What `thalamus check` finds about database, TLS files, open door and starting values; it makes and writes nothing."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import ssl
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from config.checks import is_loopback
from config.database import open_database, parse_url
from config.errors import SettingsError, StorageError
from config.keys import KeyStore
from proxy.learning import prior_of

if TYPE_CHECKING:
    from config.settings import LearningSettings, ServerSettings, Settings


def database_troubles(url: str) -> list[str]:
    """Return one sentence for what would keep the database from being opened; none when it is well."""
    try:
        address = parse_url(url)
        if address.drivername.startswith("sqlite"):
            return [] if address.database in {None, "", ":memory:"} else _file_troubles(Path(str(address.database)))
        asyncio.run(_reach(url))
    except (SettingsError, StorageError) as error:
        return [f"the database cannot be opened: {error}"]
    return []


def tls_troubles(server: ServerSettings) -> list[str]:
    """Return a sentence for each TLS file that cannot be read, or one for a pair that does not belong together."""
    cert, key = server.tls_cert_file, server.tls_key_file
    if cert is None:
        return []
    troubles = [
        f"{name} cannot be read: {reason}"
        for name, path in (("server.tls_cert_file", cert), ("server.tls_key_file", key))
        if path is not None and (reason := _unreadable(path)) is not None
    ]
    if troubles:
        return troubles
    try:
        # An empty password: a key that needs one is refused instead of asked for.
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(cert, key, password="")
    except ssl.SSLError as error:
        if error.reason == "KEY_VALUES_MISMATCH":
            return ["the key in server.tls_key_file does not belong to the certificate in server.tls_cert_file"]
        return [f"server.tls_cert_file and server.tls_key_file cannot be used: {error.reason or 'not PEM'}"]
    return []


def belief_troubles(learning: LearningSettings) -> list[str]:
    """Return one sentence for a fitted policy or a table of starting values that cannot be used."""
    _, problem = prior_of(learning)
    return [] if problem is None else [f"what models are believed to be worth cannot be used: {problem}"]


def open_door(host: str) -> str:
    """Return what `serve` says, and `check` too, where others could come in without a key."""
    return (
        f"on {host} anybody could spend your money, and no proxy key exists yet; make one with 'thalamus keys create "
        "NAME', or set THALAMUS_API_KEY, or stay on 127.0.0.1"
    )


def door_troubles(settings: Settings) -> list[str]:
    """Return one sentence where `serve` would refuse to listen for others because no key exists."""
    server = settings.server
    if is_loopback(server.host) or server.api_keys:
        return []
    address = parse_url(settings.database_url)
    missing = address.drivername.startswith("sqlite") and not Path(address.database or "").is_file()
    return [open_door(server.host)] if missing or not asyncio.run(_has_key(settings)) else []


async def _has_key(settings: Settings) -> bool:
    """Return whether a key exists that would be let in; where the database cannot say, that is another trouble."""
    database = open_database(settings.database_url)
    try:
        now = datetime.now(UTC)
        keys = await KeyStore(database, settings.state_dir).list_keys()
        return any(each.revoked_ts is None and (each.expires_ts is None or each.expires_ts > now) for each in keys)
    except StorageError:
        return True
    finally:
        await database.aclose()


def _file_troubles(path: Path) -> list[str]:
    if path.is_file():
        return _opened(path)
    if path.exists():
        return [f"the database cannot be opened: {path} is not a file"]
    folder = next(each for each in path.absolute().parents if each.exists())  # what is missing below it would be made
    if not folder.is_dir():
        return [f"the database cannot be made: {folder} is not a folder"]
    if not os.access(folder, os.W_OK | os.X_OK):
        return [f"the database cannot be made: {folder} is not writable"]
    return []


def _opened(path: Path) -> list[str]:
    if not os.access(path, os.R_OK | os.W_OK) or not os.access(path.absolute().parent, os.W_OK | os.X_OK):
        return [f"the database cannot be written: {path} or its folder is not writable"]
    try:
        with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)) as connection:
            connection.execute("SELECT count(*) FROM sqlite_master")
    except sqlite3.Error as error:
        return [f"the database cannot be opened: {path}: {error}"]
    return []


async def _reach(url: str) -> None:
    database = open_database(url)
    try:
        async with database.reading() as connection:
            await connection.exec_driver_sql("SELECT 1")
    finally:
        await database.aclose()


def _unreadable(path: Path) -> str | None:
    try:
        with path.open("rb"):
            return None
    except OSError as error:
        return f"{path}: {error.strerror}"
