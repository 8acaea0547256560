"""Writes who changed what, within the transaction that changes it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from config.ids import new_id
from config.tables import audit

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncConnection

__all__ = ["write_audit"]


async def write_audit(
    connection: AsyncConnection,
    action: str,
    subject: str,
    *,
    actor: str,
    ts: datetime,
    before: object = None,
    after: object = None,
) -> None:
    """Write one row. `before` and `after` are JSON values without secrets."""
    row = {"action": action, "subject": subject, "before": before, "after": after}
    await connection.execute(audit.insert().values(id=new_id(), ts=ts, actor=actor, **row))
