"""The keys page's view of the house."""

from __future__ import annotations

from typing import TYPE_CHECKING

from admin.desk.keys import DoorState
from config.checks import is_loopback

if TYPE_CHECKING:
    from collections.abc import Sequence

    from config.key_identity import KeyInfo
    from config.key_making import KeyTerms
    from proxy.house import House


class HouseKeys:
    """A `KeysDesk` over the running house."""

    def __init__(self, house: House) -> None:
        self._house = house

    def door(self) -> DoorState:
        """Return what is in force where a key says nothing."""
        settings = self._house.settings
        server, limits = settings.server, settings.limits
        return DoorState(
            opens_until_first_key=server.require_key == "auto" and is_loopback(server.host) and not server.api_keys,
            n_from_environment=len(server.api_keys),
            requests_per_minute=limits.requests_per_minute,
            tokens_per_minute=limits.tokens_per_minute,
            models=tuple(self._house.catalog.models),
        )

    async def keys(self) -> Sequence[KeyInfo]:
        """Return every key, newest first."""
        return await self._house.keys.list_keys()

    async def make(self, terms: KeyTerms, *, changed_by: str) -> tuple[str, KeyInfo]:
        """Make a key and return it."""
        return await self._house.keys.create(
            terms.name,
            scopes=terms.scopes,
            expires_ts=terms.expires_ts,
            requests_per_minute=terms.requests_per_minute,
            tokens_per_minute=terms.tokens_per_minute,
            models=terms.models,
            changed_by=changed_by,
        )

    async def revoke(self, key_id: str, *, changed_by: str) -> KeyInfo:
        """End a key for good."""
        return await self._house.keys.revoke(key_id, changed_by=changed_by)

    async def limit_models(self, key_id: str, models: Sequence[str] | None, *, changed_by: str) -> KeyInfo:
        """Set its allow-list."""
        return await self._house.keys.limit_models(key_id, models, changed_by=changed_by)
