"""Proxy keys: made here, shown once, kept as an HMAC, and verified without the database on most requests.

The pepper lies apart from the database, so that a stolen database alone verifies no guess.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import os
import time
from collections import OrderedDict
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from sqlalchemy import exists, or_, select, update

from config.errors import NotFoundError, StorageError
from config.key_audit import UNSAID, audit_key
from config.key_cache import CachedKey, KeyCache, cached_key
from config.key_identity import KeyIdentity, KeyInfo, identity_of, info_of, static_identity
from config.key_making import KeyTerms, checked_models, made_key, row_of
from config.key_refusals import away, keys_lost, wrong_key
from config.pepper import load_pepper, pepper_exists
from config.tables import api_key

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from sqlalchemy import ColumnElement

    from config.database import Database
    from config.key_identity import Scope

MAX_PRESENTED_CHARS = 512


@dataclass(slots=True)
class _Known:
    """What the cache holds of a digest; `identity=None` for a key that does not exist."""

    identity: KeyIdentity | None
    fresh_until: float
    usable_until: float


class KeyStore:
    """Verifies keys, and makes, lists and revokes them.

    A verified key is asked of the database again after `fresh_s` seconds (so long a revocation may take to arrive at
    another replica), and serves up to `ttl_s` seconds while the database is away. An unknown key is remembered for
    `negative_s` seconds. `static` keys come from the settings and need no database. The pepper is read, or made in
    `state_dir`, when it is first needed (see `config/pepper.py`). Where the database has not answered since the start,
    a copy of the keys in `state_dir` counts (see `config/key_cache.py`).
    """

    def __init__(
        self,
        database: Database,
        state_dir: Path,
        *,
        static: Sequence[str] = (),
        static_scopes: frozenset[str] = frozenset({"chat"}),
        fresh_s: float = 30.0,
        ttl_s: float = 900.0,
        negative_s: float = 10.0,
        retry_s: float = 5.0,
        max_cached: int = 10_000,
        environment: Mapping[str, str] = os.environ,
        monotonic: Callable[[], float] = time.monotonic,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._database = database
        self._state_dir = state_dir
        self._environment = environment
        self._pepper: bytes | None = None
        self._fresh_s = fresh_s
        self._ttl_s = ttl_s
        self._negative_s = negative_s
        self._retry_s = retry_s
        self._max_cached = max_cached
        self._monotonic = monotonic
        self._clock = clock
        self._static = {self._digest(key): static_identity(self._digest(key), static_scopes) for key in static}
        # Two caches, so that a flood of made-up keys cannot push out the real ones.
        self._known: OrderedDict[str, _Known] = OrderedDict()
        self._unknown: OrderedDict[str, _Known] = OrderedDict()
        self._any_active: bool | None = None
        self._any_active_until = 0.0
        self._copy = KeyCache(state_dir, database.engine.url.render_as_string(hide_password=True), clock=clock)
        self._outlives_us = database.engine.url.database not in {None, "", ":memory:"}
        self._copy_due = 0.0
        self._spare: Mapping[str, CachedKey] = {}
        self._spare_until = 0.0

    async def verify(self, presented: str | None) -> KeyIdentity:
        """Return whose key this is.

        Raises `AuthenticationError` for a missing, unknown, expired or revoked key, and `UnavailableError` for a key
        that is not known here while the database is away: that it is wrong would be a guess.
        """
        if not presented or len(presented) > MAX_PRESENTED_CHARS:
            raise wrong_key()
        digest = self._digest(presented)
        for known, identity in self._static.items():
            if hmac.compare_digest(known, digest):
                return identity
        identity = await self._identity(digest)
        if identity is None or (identity.expires_ts is not None and identity.expires_ts <= self._clock()):
            raise wrong_key()
        return identity

    async def any_active(self) -> bool:
        """Return whether any key exists that would be let in; asked of the database every `fresh_s` seconds.

        While the database is away the last answer counts. Without one there is none where no pepper was ever made
        here, for then no key was; there is one where the copy of the keys holds one; else raises `UnavailableError`.
        A failed look is not repeated for `retry_s` seconds.

        A database without a single key, where the copy holds a living one, is not the one that held them: raises
        `UnavailableError` with the code `keys_lost`, so that a deleted file opens no door.
        """
        if self._static:
            return True
        if self._any_active_until <= self._monotonic():
            try:
                self._any_active = await self._has_active()
            except StorageError as error:
                if self._any_active is None and pepper_exists(self._state_dir, self._environment):
                    if not any(each.is_active(self._clock()) for each in (await self._spare_keys()).values()):
                        raise away() from error  # a copy without keys must not open the door
                    self._any_active = True
                self._any_active_until = self._monotonic() + self._retry_s
                return bool(self._any_active)
            self._any_active_until = self._monotonic() + self._fresh_s
            await self._refresh_copy()
        return bool(self._any_active)

    async def create(
        self,
        name: str,
        *,
        scopes: Sequence[Scope] = ("chat",),
        expires_ts: datetime | None = None,
        requests_per_minute: int | None = None,
        tokens_per_minute: int | None = None,
        models: Sequence[str] | None = None,
        changed_by: str = UNSAID,
    ) -> tuple[str, KeyInfo]:
        """Make a key and return it with what is kept of it; the key itself is never seen again.

        `models` are the only ones it may use, `None` for all; `changed_by` is whom the audit log names. Raises
        `ValueError` for a name, scope, limit or model that cannot be, and `StorageError`.
        """
        terms = KeyTerms(
            name,
            tuple(scopes),
            expires_ts,
            requests_per_minute,
            tokens_per_minute,
            None if models is None else tuple(models),
        )
        key, info = made_key(terms, created_ts=self._clock())
        digest = self._digest(key)
        async with self._database.writing() as connection:
            await connection.execute(api_key.insert().values(row_of(info, digest=digest)))
            await audit_key(connection, "create_key", changed_by, before=None, after=info, ts=info.created_ts)
        self._unknown.pop(digest, None)
        self._any_active_until = 0.0
        await self._write_copy()
        return key, info

    async def list_keys(self) -> list[KeyInfo]:
        """Return every key, newest first, revoked ones too. Raises `StorageError`."""
        async with self._database.reading() as connection:
            found = await connection.execute(select(api_key).order_by(api_key.c.id.desc()))
            keys = [info_of(row) for row in found.mappings()]
        await self._write_copy()
        return keys

    async def revoke(self, key: str, *, changed_by: str = UNSAID) -> KeyInfo:
        """Make a key, named by its id or its prefix, worthless from now on; revoking again changes nothing.

        Raises `NotFoundError` and `StorageError`.
        """
        return await self._change(
            key, api_key.c.revoked_ts.is_(None), by=("revoke_key", changed_by), revoked_ts=self._clock()
        )

    async def limit_models(self, key: str, models: Sequence[str] | None, *, changed_by: str = UNSAID) -> KeyInfo:
        """Let a key, named by its id or its prefix, use these models only, or all with `None`.

        Raises `ValueError` for names that cannot be, `NotFoundError` and `StorageError`.
        """
        names = None if models is None else checked_models(models)
        return await self._change(key, by=("limit_key", changed_by), models=names)

    async def _change(self, key: str, *unless: ColumnElement[bool], by: tuple[str, str], **values: object) -> KeyInfo:
        """Change the row of a key, where it fits, and forget what was known of it; `by`: the action, and who did it."""
        is_meant = select(api_key).where(or_(api_key.c.id == key, api_key.c.prefix == key))
        async with self._database.writing() as connection:
            before = (await connection.execute(is_meant)).mappings().one_or_none()
            if before is None:
                raise NotFoundError(f"There is no key '{key}'.", param="key")
            is_this = api_key.c.id == before["id"]
            await connection.execute(update(api_key).where(is_this, *unless).values(values))
            row = (await connection.execute(is_meant)).mappings().one()
            await audit_key(connection, *by, before=info_of(before), after=info_of(row), ts=self._clock())
        self._known.pop(row["hash"], None)
        self._any_active_until = 0.0
        await self._write_copy()
        return info_of(row)

    def _loaded_pepper(self) -> bytes:
        if self._pepper is None:
            self._pepper = load_pepper(self._state_dir, self._environment)
        return self._pepper

    def _digest(self, key: str) -> str:
        return hmac.new(self._loaded_pepper(), key.encode("utf-8", "replace"), hashlib.sha256).hexdigest()

    async def _identity(self, digest: str) -> KeyIdentity | None:
        now = self._monotonic()
        known = self._known.get(digest) or self._unknown.get(digest)
        if known is not None and now < known.fresh_until:
            return known.identity
        try:
            identity = await self._look_up(digest)
        except StorageError as error:
            if known is not None and known.identity is not None and now < known.usable_until:
                return known.identity
            spare = (await self._spare_keys()).get(digest)
            if spare is None:
                raise away() from error
            identity = None if spare.is_revoked else identity_of(spare)
            self._remember(digest, identity, fresh_s=self._retry_s)
            return identity
        self._remember(digest, identity, fresh_s=self._fresh_s)
        await self._refresh_copy()
        return identity

    async def _spare_keys(self) -> Mapping[str, CachedKey]:
        """Return the copy of the keys: the last that the database said, at most `MAX_AGE` old."""
        if self._spare_until <= self._monotonic():
            self._spare = await asyncio.to_thread(self._copy.read, self._loaded_pepper())
            self._spare_until = self._monotonic() + self._retry_s
        return self._spare

    async def _refresh_copy(self) -> None:
        if self._copy_due <= self._monotonic():
            await self._write_copy()

    async def _write_copy(self) -> None:
        """Keep a copy for a start without the database; one that cannot be written costs nothing else."""
        self._copy_due = self._monotonic() + self._fresh_s
        newest = select(api_key).order_by(api_key.c.id.desc()).limit(self._max_cached)
        try:
            async with self._database.reading() as connection:
                keys = [cached_key(row) for row in (await connection.execute(newest)).mappings()]
        except StorageError:
            return  # the next answer of the database brings it
        if keys:
            await asyncio.to_thread(self._copy.write, self._loaded_pepper(), keys)

    def _remember(self, digest: str, identity: KeyIdentity | None, *, fresh_s: float) -> None:
        now = self._monotonic()
        self._known.pop(digest, None)
        self._unknown.pop(digest, None)
        if identity is None:
            cache, entry = self._unknown, _Known(None, now + self._negative_s, now)
        else:
            cache, entry = self._known, _Known(identity, now + fresh_s, now + self._ttl_s)
        cache[digest] = entry
        if len(cache) > self._max_cached:
            cache.popitem(last=False)

    async def _look_up(self, digest: str) -> KeyIdentity | None:
        async with self._database.reading() as connection:
            row = (await connection.execute(select(api_key).where(api_key.c.hash == digest))).mappings().one_or_none()
        if row is None or row["revoked_ts"] is not None or not hmac.compare_digest(row["hash"], digest):
            return None
        return identity_of(cached_key(row))

    async def _has_active(self) -> bool:
        is_active = api_key.c.revoked_ts.is_(None) & (
            api_key.c.expires_ts.is_(None) | (api_key.c.expires_ts > self._clock())
        )
        async with self._database.reading() as connection:
            if (await connection.execute(select(exists().where(is_active)))).scalar_one():
                return True
            if (await connection.execute(select(exists(select(api_key.c.id))))).scalar_one():
                return False  # keys are revoked, or end, and are never deleted
        may_be_lost = self._outlives_us and pepper_exists(self._state_dir, self._environment)
        if may_be_lost and await asyncio.to_thread(self._copy.holds_active, self._loaded_pepper()):
            raise keys_lost()
        return False
