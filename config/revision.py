"""Which revision of the schema this version of the product needs, told without importing Alembic (0.2 s of a start)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sqlalchemy import inspect, text

if TYPE_CHECKING:
    from sqlalchemy import Connection

NEWEST: Final = "0007"
"""The last of `migrations/versions`."""


def bring_up_to_date(connection: Connection) -> None:
    """Upgrade the schema unless it is the newest already. Raises `StorageError` for that of a newer product."""
    if _revision(connection) == NEWEST:
        return
    from config.schema import upgrade_schema  # noqa: PLC0415  # only a first start and an upgrade pay for it

    upgrade_schema(connection)


def _revision(connection: Connection) -> str | None:
    if not inspect(connection).has_table("alembic_version"):
        return None
    found: str | None = connection.scalar(text("SELECT version_num FROM alembic_version"))
    return found
