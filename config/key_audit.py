"""Writes who made, limited or revoked a proxy key, within the transaction that does it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from config.auditing import write_audit

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncConnection

    from config.key_identity import KeyInfo

__all__ = ["UNSAID", "audit_key"]

UNSAID: Final = "unsaid"
"""Who it was where the caller does not say."""


async def audit_key(
    connection: AsyncConnection, action: str, actor: str, *, before: KeyInfo | None, after: KeyInfo, ts: datetime
) -> None:
    """Write one row, unless nothing changed."""
    if before != after:
        was, now = (None if each is None else _told(each) for each in (before, after))
        await write_audit(connection, action, after.prefix, actor=actor, ts=ts, before=was, after=now)


def _told(info: KeyInfo) -> dict[str, object]:
    """Return what the audit log keeps of a key: nothing that opens a door."""
    return {
        "name": info.name,
        "scopes": list(info.scopes),
        "expires": info.expires_ts.isoformat() if info.expires_ts else None,
        "revoked": info.revoked_ts.isoformat() if info.revoked_ts else None,
        "requests_per_minute": info.requests_per_minute,
        "tokens_per_minute": info.tokens_per_minute,
        "models": None if info.models is None else list(info.models),
    }
