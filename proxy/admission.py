"""Who may come in: proxy keys, where they are needed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from config.checks import is_loopback
from config.errors import AuthenticationError, PermissionDeniedError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from config.key_identity import KeyIdentity, Scope
    from proxy.house import House


async def admit_key(house: House, headers: Mapping[str, str]) -> KeyIdentity | None:
    """Return the caller's key, or `None` where no key is needed and none that we know was sent.

    Raises `AuthenticationError` for a missing or unknown key, `UnavailableError` while keys cannot be looked up.
    """
    presented = presented_key(headers)
    needed = await keys_needed(house)
    if presented is None:
        if needed:
            raise AuthenticationError(
                "You did not send an API key. Send one of this gateway's keys as 'Authorization: Bearer KEY'."
            )
        return None
    if not needed:
        return None  # SDKs insist on sending some key; where none is needed, any will do
    return await house.keys.verify(presented)


def require_scope(caller: KeyIdentity | None, scope: Scope) -> None:
    """Raise `PermissionDeniedError` where a key was needed and may not do this; where none is needed, all may."""
    if caller is not None and scope not in caller.scopes:
        raise PermissionDeniedError(f"This needs a key with the scope '{scope}'.", code="insufficient_scope")


async def keys_needed(house: House) -> bool:
    """Return whether requests need a key: always beyond loopback, and on loopback once a key exists."""
    server = house.settings.server
    if server.require_key == "always" or not is_loopback(server.host):
        return True
    if server.require_key == "never":
        return False
    return await house.keys.any_active()


def presented_key(headers: Mapping[str, str]) -> str | None:
    """Return the key of `Authorization: Bearer`, of Anthropic's `x-api-key`, or of Azure's `api-key`."""
    scheme, _, token = headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer" and token.strip():
        return token.strip()
    return headers.get("x-api-key") or headers.get("api-key") or None
