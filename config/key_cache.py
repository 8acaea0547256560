"""A copy of the keys' digests beside the pepper: what a gateway goes by that starts while its database is away.

It holds no key, and counts only under the pepper and for the database that it was written for. It also tells, however
old, that keys were made there: a database without any is then not the one that held them.
"""

from __future__ import annotations

import hashlib
import hmac
import os
from contextlib import suppress
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

import msgspec
import structlog

from config.ids import new_id

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

CACHE_FILE: Final = "keys.cache"
MAX_AGE: Final = timedelta(days=7)
"""An older copy does not count: a key revoked since must not be served for ever."""
REWRITE_AFTER: Final = timedelta(hours=1)
"""How old a copy with the same keys may grow before it is written anew."""

log = structlog.stdlib.get_logger("thalamus.config.key_cache")


class CachedKey(msgspec.Struct, frozen=True):
    """A key as the copy holds it; `digest` is its HMAC under the pepper, as in the database."""

    digest: str
    id: str
    name: str
    prefix: str
    scopes: tuple[str, ...]
    expires_ts: datetime | None
    is_revoked: bool
    requests_per_minute: int | None
    tokens_per_minute: int | None
    models: tuple[str, ...] | None = None

    def is_active(self, now: datetime) -> bool:
        """Return whether it would be let in."""
        return not self.is_revoked and (self.expires_ts is None or self.expires_ts > now)


class _Copy(msgspec.Struct, frozen=True):
    written_ts: datetime
    keys: tuple[CachedKey, ...]


class KeyCache:
    """Writes and reads the copy in `folder`; neither raises when the disk or the file is bad.

    `source` names the database, without its password: a copy does not count for another one.
    """

    def __init__(self, folder: Path, source: str, *, clock: Callable[[], datetime]) -> None:
        self._path = folder / CACHE_FILE
        self._source = source
        self._clock = clock
        self._last: _Copy | None = None
        self._is_failing = False

    def write(self, pepper: bytes, keys: Sequence[CachedKey]) -> None:
        """Replace the copy whole, unless this process wrote the same keys within the hour."""
        copy = _Copy(self._clock(), tuple(keys))
        if self._is_written(copy):
            return
        body = msgspec.json.encode(copy)
        try:
            self._replace(self._signature(pepper, body) + b"\n" + body)
        except OSError as error:
            if not self._is_failing:
                log.warning("key_cache_not_written", reason=error.strerror or type(error).__name__)
            self._is_failing = True
        else:
            self._last, self._is_failing = copy, False

    def read(self, pepper: bytes) -> Mapping[str, CachedKey]:
        """Return the keys by digest; none where the copy is missing, damaged, forged, foreign or too old."""
        copy = self._whole(pepper)
        if copy is None or abs(self._clock() - copy.written_ts) > MAX_AGE:
            return {}
        return {each.digest: each for each in copy.keys}

    def holds_active(self, pepper: bytes) -> bool:
        """Return whether the copy, however old, has a key that would be let in."""
        copy = self._whole(pepper)
        return copy is not None and any(each.is_active(self._clock()) for each in copy.keys)

    def _whole(self, pepper: bytes) -> _Copy | None:
        try:
            signature, _, body = self._path.read_bytes().partition(b"\n")
        except OSError:
            return None
        if not hmac.compare_digest(signature, self._signature(pepper, body)):
            return None
        try:
            return msgspec.json.decode(body, type=_Copy)
        except msgspec.MsgspecError:
            return None  # another version of the product wrote it

    def _is_written(self, copy: _Copy) -> bool:
        last = self._last
        return (
            last is not None
            and last.keys == copy.keys
            and copy.written_ts - last.written_ts < REWRITE_AFTER
            and self._path.exists()
        )

    def _signature(self, pepper: bytes, body: bytes) -> bytes:
        purpose = hmac.digest(pepper, b"thalamus key cache\0" + self._source.encode(), hashlib.sha256)
        return hmac.new(purpose, body, hashlib.sha256).hexdigest().encode()

    def _replace(self, content: bytes) -> None:
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        draft = self._path.with_name(f"{self._path.name}.{new_id()}")
        try:
            descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            draft.replace(self._path)
        finally:
            with suppress(OSError):
                draft.unlink()


def cached_key(row: Mapping[Any, Any]) -> CachedKey:
    """Return what the copy holds of a row of the table `api_key`."""
    return CachedKey(
        row["hash"],
        row["id"],
        row["name"],
        row["prefix"],
        tuple(row["scopes"]),
        row["expires_ts"],
        row["revoked_ts"] is not None,
        row["requests_per_minute"],
        row["tokens_per_minute"],
        None if row["models"] is None else tuple(row["models"]),
    )
