"""Who may log in to the dashboard: made, given new passwords, and listed. Every change is audited and ends sessions."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final, cast

from sqlalchemy import delete, func, select

from admin.passwords import Passwords, new_password
from admin.tables import admin_session, admin_user
from config.books import insert_into
from config.ids import new_id
from config.tables import audit

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from sqlalchemy.ext.asyncio import AsyncConnection

    from admin.page import Role
    from config.database import Database

__all__ = ["FIRST_NAME", "UserInfo", "UserStore", "clean_name"]

FIRST_NAME: Final = "admin"
MAX_NAME_CHARS: Final = 64


@dataclass(frozen=True, slots=True)
class UserInfo:
    """A user as lists show it."""

    name: str
    role: Role
    created_ts: datetime
    changed_ts: datetime
    n_sessions: int
    """Of those that are not over."""


class UserStore:
    """The users in a database. Every method raises `StorageError` when it is away."""

    def __init__(
        self,
        database: Database,
        *,
        passwords: Passwords | None = None,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._database = database
        self._passwords = passwords or Passwords()
        self._clock = clock

    async def is_empty(self) -> bool:
        """Return whether nobody can log in."""
        async with self._database.reading() as connection:
            return not await connection.scalar(select(func.count()).select_from(admin_user))

    async def first_password(self) -> str | None:
        """Make the user `admin` where there is no user at all, and return its password; else `None`."""
        if not await self.is_empty():
            return None
        password = new_password()
        row = self._row(FIRST_NAME, "admin", await self._passwords.hashed(password))
        async with self._database.writing() as connection:
            if await connection.scalar(select(func.count()).select_from(admin_user)):
                return None  # another replica was quicker; on PostgreSQL it may still be about to be
            made = insert_into(admin_user, self._database.dialect).values(row).on_conflict_do_nothing()
            if not (await connection.execute(made)).rowcount:
                return None
            await self._audit(connection, "make_user", FIRST_NAME, {"role": "admin"}, actor="first start")
        return password

    async def set_password(self, name: str, *, role: Role | None = None, changed_by: str) -> tuple[str, Role]:
        """Give a user a new password and return it with the role; end the user's sessions.

        A user that there is not yet is made: unless `role` says otherwise `admin` as admin, others as viewers. Raises
        `ValueError` for a name that cannot be.
        """
        cleaned = clean_name(name)
        if cleaned is None:
            raise ValueError(f"a name has 1 to {MAX_NAME_CHARS} printable characters, and no space at its ends")
        password = new_password()
        password_hash = await self._passwords.hashed(password)
        async with self._database.writing() as connection:
            before = await connection.scalar(select(admin_user.c.role).where(admin_user.c.name == cleaned))
            usual: Role = "admin" if cleaned == FIRST_NAME else "viewer"
            now_role: Role = role or cast("Role | None", before) or usual
            row = self._row(cleaned, now_role, password_hash)
            change = {key: row[key] for key in ("role", "password_hash", "changed_ts")}
            statement = insert_into(admin_user, self._database.dialect).values(row)
            await connection.execute(statement.on_conflict_do_update(index_elements=["name"], set_=change))
            await connection.execute(delete(admin_session).where(admin_session.c.user_name == cleaned))
            action = "make_user" if before is None else "set_password"
            await self._audit(connection, action, cleaned, {"role": now_role}, actor=changed_by)
        return password, now_role

    async def remove(self, name: str, *, changed_by: str) -> bool:
        """End a user and the user's sessions; return whether there was one."""
        cleaned = clean_name(name)
        if cleaned is None:
            return False
        async with self._database.writing() as connection:
            await connection.execute(delete(admin_session).where(admin_session.c.user_name == cleaned))
            ended = await connection.execute(delete(admin_user).where(admin_user.c.name == cleaned))
            if ended.rowcount:
                await self._audit(connection, "remove_user", cleaned, None, actor=changed_by)
        return bool(ended.rowcount)

    async def users(self) -> list[UserInfo]:
        """Return all, by name."""
        living = (
            select(func.count())
            .where(admin_session.c.user_name == admin_user.c.name, admin_session.c.expires_ts > self._clock())
            .correlate(admin_user)
            .scalar_subquery()
        )
        async with self._database.reading() as connection:
            found = await connection.execute(select(admin_user, living.label("n_sessions")).order_by(admin_user.c.name))
            return [
                UserInfo(row["name"], row["role"], row["created_ts"], row["changed_ts"], row["n_sessions"])
                for row in found.mappings()
            ]

    def _row(self, name: str, role: Role, password_hash: str) -> dict[str, Any]:
        now = self._clock()
        return {"name": name, "role": role, "password_hash": password_hash, "created_ts": now, "changed_ts": now}

    async def _audit(
        self, connection: AsyncConnection, action: str, subject: str, after: object, *, actor: str
    ) -> None:
        await connection.execute(
            audit.insert().values(
                id=new_id(), ts=self._clock(), actor=actor, action=action, subject=subject, before=None, after=after
            )
        )


def clean_name(name: str) -> str | None:
    """Return a user's name as it is kept, or `None` for one that cannot be; it may be written in any script."""
    normal = unicodedata.normalize("NFC", name)
    is_possible = 0 < len(normal) <= MAX_NAME_CHARS and normal.isprintable() and normal == normal.strip()
    return normal if is_possible else None
