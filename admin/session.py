"""Who is logged in: sessions kept by the server; the browser has only an unguessable name for its own."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping

    from admin.page import User

__all__ = ["COOKIE", "Session", "Sessions"]

COOKIE = "thalamus_session"


@dataclass(frozen=True, slots=True)
class Session:
    """A browser that logged in."""

    id_hash: str = field(repr=False)
    """SHA-256 of the cookie's value, hex."""
    user: User


class Sessions(Protocol):
    """Opens, finds and ends sessions. Every method raises `StorageError` when the database is away."""

    async def find(self, cookie: str | None) -> Session | None:
        """Return whose cookie this is; `None` for none, an unknown or an expired one."""
        ...

    async def log_in(self, name: str, password: str, *, address: str) -> tuple[str, Session] | None:
        """Return a new session and its cookie's value, or `None` for a wrong name or password.

        Raises `admin.page.Refused` (429) after too many wrong ones.
        """
        ...

    async def log_out(self, session: Session) -> None:
        """End it."""
        ...

    async def leave_notice(self, session: Session, notice: Mapping[str, object]) -> None:
        """Keep what the next page of this session says once."""
        ...

    async def take_notice(self, session: Session) -> Mapping[str, object] | None:
        """Return what was left, and forget it."""
        ...
