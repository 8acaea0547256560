"""What a proxy key is to those who verify, list and limit it; the keys themselves are nowhere."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping

    from config.key_cache import CachedKey

Scope = Literal["chat", "admin"]
SCOPES: frozenset[str] = frozenset({"chat", "admin"})


@dataclass(frozen=True, slots=True)
class KeyIdentity:
    """A key that was verified."""

    id: str
    name: str
    prefix: str
    scopes: frozenset[str]
    expires_ts: datetime | None = None
    requests_per_minute: int | None = None
    """`None` leaves it to the settings, 0 means no limit; so below."""
    tokens_per_minute: int | None = None
    models: tuple[str, ...] | None = None
    """Names of the only models it may use, as they were given; `None` means all."""


@dataclass(frozen=True, slots=True)
class KeyInfo:
    """A key as lists show it."""

    id: str
    name: str
    prefix: str
    scopes: tuple[str, ...]
    created_ts: datetime
    expires_ts: datetime | None
    revoked_ts: datetime | None
    requests_per_minute: int | None = None
    """`None` leaves it to the settings, 0 means no limit; so below."""
    tokens_per_minute: int | None = None
    models: tuple[str, ...] | None = None
    """Names of the only models it may use, as they were given; `None` means all."""


def static_identity(digest: str, scopes: frozenset[str]) -> KeyIdentity:
    """Return who a key of the settings is; `digest` is its HMAC."""
    prefix = f"env-{digest[:8]}"  # says which key it was without a character of it
    return KeyIdentity(prefix, "from the environment", prefix, scopes)


def identity_of(key: CachedKey) -> KeyIdentity:
    """Return who a stored key is."""
    return KeyIdentity(
        key.id,
        key.name,
        key.prefix,
        frozenset(key.scopes),
        key.expires_ts,
        key.requests_per_minute,
        key.tokens_per_minute,
        key.models,
    )


def info_of(row: Mapping[Any, Any]) -> KeyInfo:
    """Return a row of the table as lists show it."""
    return KeyInfo(
        row["id"],
        row["name"],
        row["prefix"],
        tuple(row["scopes"]),
        row["created_ts"],
        row["expires_ts"],
        row["revoked_ts"],
        row["requests_per_minute"],
        row["tokens_per_minute"],
        None if row["models"] is None else tuple(row["models"]),
    )
