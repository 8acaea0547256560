"""Settings changed while the gateway runs: kept in the database with who changed them and when, each change audited.

What a value means, and whether it may be, is for the room whose setting it is.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import delete, select

from config.books import insert_into
from config.columns import clean_text
from config.ids import new_id
from config.tables import audit, setting_override

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from sqlalchemy.ext.asyncio import AsyncConnection

    from config.database import Database

SET, CLEAR = "set_override", "clear_override"
"""Actions in the audit log."""


@dataclass(frozen=True, slots=True)
class Override:
    """A value that stands in place of the settings file's."""

    value: Any
    """A JSON value."""
    ts: datetime
    changed_by: str
    """The shown part of a proxy key, or who else it was."""


class OverrideStore:
    """The overrides of one area, such as `balancing.weights`; an override is named by what follows the area's name."""

    def __init__(
        self, database: Database, area: str, *, clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self._database = database
        self._prefix = f"{area}."
        self._clock = clock

    async def load(self) -> dict[str, Override]:
        """Return all overrides by name, in the names' order. Raises `StorageError`."""
        async with self._database.reading() as connection:
            return await self._all(connection)

    async def change(self, changes: Mapping[str, object], *, changed_by: str) -> dict[str, Override]:
        """Set overrides, or clear them where the new value is `None`, and return all that there are then.

        All changes and their audit rows are one transaction; what changes nothing is not audited. Raises
        `StorageError`, and then nothing was changed.
        """
        now = self._clock()
        async with self._database.writing() as connection:
            before = await self._all(connection)
            for name, value in changes.items():
                old = before.get(clean_text(name))
                if (old.value if old is not None else None) == value:
                    continue
                await self._write(connection, name, value, ts=now, changed_by=changed_by)
                await connection.execute(
                    audit.insert().values(
                        id=new_id(),
                        ts=now,
                        actor=changed_by,
                        action=CLEAR if value is None else SET,
                        subject=self._prefix + name,
                        before=old.value if old is not None else None,
                        after=value,
                    )
                )
            return await self._all(connection)

    async def _all(self, connection: AsyncConnection) -> dict[str, Override]:
        key = setting_override.c.key
        found = await connection.execute(
            select(setting_override).where(key.startswith(self._prefix, autoescape=True)).order_by(key)
        )
        return {
            row["key"].removeprefix(self._prefix): Override(row["value"], row["ts"], row["changed_by"])
            for row in found.mappings()
        }

    async def _write(
        self, connection: AsyncConnection, name: str, value: object, *, ts: datetime, changed_by: str
    ) -> None:
        key = self._prefix + name
        if value is None:
            await connection.execute(delete(setting_override).where(setting_override.c.key == clean_text(key)))
            return
        row = {"value": value, "ts": ts, "changed_by": changed_by}
        statement = insert_into(setting_override, self._database.dialect).values(key=key, **row)
        await connection.execute(statement.on_conflict_do_update(index_elements=["key"], set_=row))
