"""Runs the migrations: one process at a time, all of them or none."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from alembic import command
from alembic.config import Config
from alembic.util import CommandError
from sqlalchemy import text

from config.errors import StorageError

if TYPE_CHECKING:
    from sqlalchemy import Connection, MetaData

UPGRADE_LOCK = 7_381_240_517_392
"""PostgreSQL advisory lock that is held while the schema changes. On SQLite the write lock does the same."""


def upgrade_schema(connection: Connection, revision: str = "head") -> None:
    """Bring the schema to `revision` inside the connection's transaction, waiting for another process that does so.

    Raises `StorageError` when a newer version of the product has written this database.
    """
    _lock(connection)
    try:
        command.upgrade(alembic_config(connection), revision)
    except CommandError as error:
        raise StorageError(f"this database was written by another version of Thalamus ({error})") from error


def downgrade_schema(connection: Connection, revision: str) -> None:
    """Take the schema back to `revision` inside the connection's transaction."""
    _lock(connection)
    command.downgrade(alembic_config(connection), revision)


def alembic_config(connection: Connection | None = None, *, metadata: MetaData | None = None) -> Config:
    """Return Alembic's configuration for one connection; `metadata` is needed only to compare or to autogenerate."""
    config = Config()
    config.set_main_option("script_location", str(migrations_folder()).replace("%", "%%"))
    config.attributes["connection"] = connection
    config.attributes["metadata"] = metadata
    return config


def migrations_folder() -> Path:
    """Return where the migrations lie: inside the installed package, or beside it in a checkout."""
    here = Path(__file__).resolve().parent
    installed = here / "_migrations"
    return installed if installed.is_dir() else here.parent / "migrations"


def _lock(connection: Connection) -> None:
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": UPGRADE_LOCK})
