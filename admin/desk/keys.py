"""What the keys page may see and do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    from config.key_identity import KeyInfo
    from config.key_making import KeyTerms

__all__ = ["DoorState", "KeysDesk"]


@dataclass(frozen=True, slots=True)
class DoorState:
    """Who comes in without a key of the table, and what a key without limits of its own may use."""

    opens_until_first_key: bool
    """Whether requests need no key as long as there is none: the first one that is made closes the door."""
    n_from_environment: int
    """Keys of the environment, which cannot be listed or revoked here."""
    requests_per_minute: int
    """0 is no limit; so below."""
    tokens_per_minute: int
    models: tuple[str, ...]
    """Names that an allow-list may hold."""


class KeysDesk(Protocol):
    """The proxy keys of the running gateway; changes arrive at once here, within half a minute at replicas."""

    def door(self) -> DoorState:
        """Return what is in force where a key says nothing."""
        ...

    async def keys(self) -> Sequence[KeyInfo]:
        """Return every key, newest first, revoked ones too. Raises `StorageError`."""
        ...

    async def make(self, terms: KeyTerms, *, changed_by: str) -> tuple[str, KeyInfo]:
        """Make a key and return it. Raises `ValueError` for terms that cannot be, `StorageError`."""
        ...

    async def revoke(self, key_id: str, *, changed_by: str) -> KeyInfo:
        """End a key for good. Raises `NotFoundError`, `StorageError`."""
        ...

    async def limit_models(self, key_id: str, models: Sequence[str] | None, *, changed_by: str) -> KeyInfo:
        """Set its allow-list, `None` for every model. Raises `ValueError`, `NotFoundError`, `StorageError`."""
        ...
