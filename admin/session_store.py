"""Sessions in the database, with a short memory before it, so that a page costs no query of its own for them."""

from __future__ import annotations

import hashlib
import secrets
import time
from collections import OrderedDict
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final, cast

import structlog
from sqlalchemy import delete, select, update

from admin.login_limit import LoginLimit
from admin.page import User
from admin.passwords import Passwords
from admin.session import Session
from admin.tables import admin_session, admin_user
from admin.users import clean_name
from config.errors import StorageError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from config.database import Database

__all__ = ["LIFETIME", "SessionStore"]

LIFETIME: Final = timedelta(hours=12)
COOKIE_BYTES: Final = 32
MAX_COOKIE_CHARS: Final = 64
FRESH_S: Final = 5.0
"""So long a session that was ended elsewhere, by a new password for instance, may still be taken for one."""
MAX_REMEMBERED: Final = 1000
MAX_ONCE: Final = 100

log = structlog.stdlib.get_logger("thalamus.admin.sessions")


@dataclass(frozen=True, slots=True)
class _Known:
    session: Session
    expires_ts: datetime
    has_notice: bool
    fresh_until: float


class SessionStore:
    """Implements `admin.session.Sessions`.

    What is shown once, such as a new key, is kept in memory only: the database never holds it. It is lost with the
    process, and where another replica shows the next page; that page then says so.
    """

    def __init__(
        self,
        database: Database,
        *,
        passwords: Passwords | None = None,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._database = database
        self._passwords = passwords or Passwords()
        self._clock = clock
        self._monotonic = monotonic
        self._limit = LoginLimit(monotonic)
        self._known: OrderedDict[str, _Known] = OrderedDict()
        self._once: OrderedDict[str, Mapping[str, str]] = OrderedDict()

    async def find(self, cookie: str | None) -> Session | None:
        """Return whose cookie this is; `None` for none, an unknown or an expired one."""
        if not cookie or len(cookie) > MAX_COOKIE_CHARS:
            return None
        id_hash = _hash(cookie)
        known = self._known.get(id_hash)
        if known is None or known.fresh_until <= self._monotonic():
            known = await self._read(id_hash)
        return known.session if known is not None and known.expires_ts > self._clock() else None

    async def log_in(self, name: str, password: str, *, address: str) -> tuple[str, Session] | None:
        """Return a new session and its cookie's value, or `None` for a wrong name or password.

        An unknown name is hashed for like a known one. Raises `Refused` (429) after too many wrong ones, and
        `StorageError`, which counts as no attempt.
        """
        cleaned = clean_name(name)
        self._limit.begin(cleaned or "", address)
        try:
            row = await self._user(cleaned)
        except StorageError:
            self._limit.forgive(cleaned or "", address)
            raise
        if not await self._passwords.fits(row["password_hash"] if row is not None else None, password) or row is None:
            log.warning("dashboard_login_refused", address=address)  # no name: a password may stand in its field
            return None
        self._limit.forgive(cleaned or "", address)
        return await self._open(User(row["name"], row["role"]), password_hash=row["password_hash"])

    async def log_out(self, session: Session) -> None:
        """End it."""
        self._forget(session.id_hash)
        async with self._database.writing() as connection:
            await connection.execute(delete(admin_session).where(admin_session.c.id_hash == session.id_hash))

    async def leave_notice(self, session: Session, notice: Mapping[str, object]) -> None:
        """Keep what the next page of this session says once; `once` of it stays in memory."""
        once = cast("Mapping[str, str]", notice.get("once") or {})
        kept: dict[str, object] = {**notice, "once": {}, "has_once": bool(once)}
        async with self._database.writing() as connection:
            await connection.execute(
                update(admin_session).where(admin_session.c.id_hash == session.id_hash).values(notice=kept)
            )
        self._once.pop(session.id_hash, None)
        if once:
            self._once[session.id_hash] = once
            if len(self._once) > MAX_ONCE:
                self._once.popitem(last=False)
        known = self._known.get(session.id_hash)
        if known is not None:
            self._known[session.id_hash] = replace(known, has_notice=True)

    async def take_notice(self, session: Session) -> Mapping[str, object] | None:
        """Return what was left, and forget it."""
        known = self._known.get(session.id_hash)
        if known is not None and not known.has_notice:
            return None
        row = admin_session.c.id_hash == session.id_hash
        async with self._database.writing() as connection:
            notice = await connection.scalar(select(admin_session.c.notice).where(row))
            await connection.execute(update(admin_session).where(row).values(notice=None))
        if known is not None:
            self._known[session.id_hash] = replace(known, has_notice=False)
        once = self._once.pop(session.id_hash, None)
        if notice is None:
            return None
        if notice.pop("has_once", False) and once is None:
            return {"key": "failing.once_lost", "values": {}, "once": {}}
        return {**notice, "once": once or {}}

    async def _user(self, name: str | None) -> Mapping[Any, Any] | None:
        """Return the row; of a name that cannot be it asks likewise, for the time that it takes."""
        wanted = select(admin_user).where(admin_user.c.name == (name or ""))
        async with self._database.reading() as connection:
            return (await connection.execute(wanted)).mappings().one_or_none()

    async def _open(self, user: User, *, password_hash: str) -> tuple[str, Session] | None:
        cookie = secrets.token_urlsafe(COOKIE_BYTES)
        session, now = Session(_hash(cookie), user), self._clock()
        row = {"id_hash": session.id_hash, "user_name": user.name, "created_ts": now, "expires_ts": now + LIFETIME}
        async with self._database.writing() as connection:
            is_still = select(admin_user.c.name).where(
                admin_user.c.name == user.name, admin_user.c.password_hash == password_hash
            )
            if await connection.scalar(is_still) is None:
                return None  # the password was changed while this one was being checked
            await connection.execute(delete(admin_session).where(admin_session.c.expires_ts <= now))
            await connection.execute(admin_session.insert().values(row))
        self._remember(session, now + LIFETIME, has_notice=False)
        return cookie, session

    async def _read(self, id_hash: str) -> _Known | None:
        wanted = (
            select(admin_session.c.expires_ts, admin_session.c.notice, admin_user.c.name, admin_user.c.role)
            .join(admin_user, admin_user.c.name == admin_session.c.user_name)
            .where(admin_session.c.id_hash == id_hash)
        )
        async with self._database.reading() as connection:
            row = (await connection.execute(wanted)).mappings().one_or_none()
        if row is None or row["expires_ts"] <= self._clock():
            self._forget(id_hash)
            return None
        session = Session(id_hash, User(row["name"], row["role"]))
        return self._remember(session, row["expires_ts"], has_notice=row["notice"] is not None)

    def _remember(self, session: Session, expires_ts: datetime, *, has_notice: bool) -> _Known:
        known = _Known(session, expires_ts, has_notice, self._monotonic() + FRESH_S)
        self._known[session.id_hash] = known
        self._known.move_to_end(session.id_hash)
        if len(self._known) > MAX_REMEMBERED:
            self._known.popitem(last=False)
        return known

    def _forget(self, id_hash: str) -> None:
        self._known.pop(id_hash, None)
        self._once.pop(id_hash, None)


def _hash(cookie: str) -> str:
    return hashlib.sha256(cookie.encode("utf-8", "replace")).hexdigest()
