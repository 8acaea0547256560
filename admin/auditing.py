"""Writes who changed what where nobody below does: a row of the audit log, in a transaction of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from config.ids import new_id
from config.tables import audit

if TYPE_CHECKING:
    from admin.page import Visit

__all__ = ["audited"]


async def audited(visit: Visit, action: str, subject: str, *, before: object = None, after: object = None) -> None:
    """Write one row. `before` and `after` are JSON values without secrets. Raises `StorageError`."""
    row = {"action": action, "subject": subject, "before": before, "after": after}
    async with visit.desk.database.writing() as connection:
        await connection.execute(audit.insert().values(id=new_id(), ts=visit.now, actor=visit.actor, **row))
