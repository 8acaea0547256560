"""What a client hears whose key is wrong, or cannot be judged now."""

from __future__ import annotations

from config.errors import AuthenticationError, UnavailableError
from config.key_cache import CACHE_FILE

KEYS_LOST = "keys_lost"
"""Code of the refusal where keys were made and the database holds none."""


def wrong_key() -> AuthenticationError:
    """Return the refusal of a missing, unknown, expired or revoked key; which of them is not told."""
    return AuthenticationError("Incorrect API key provided.")


def away() -> UnavailableError:
    """Return the refusal while the database is away and the key is not known here."""
    return UnavailableError(
        "This key cannot be checked at the moment; try again.", code="storage_unavailable", retry_after_s=1
    )


def keys_lost() -> UnavailableError:
    """Return the refusal where keys were made and the database holds none."""
    return UnavailableError(
        "Proxy keys were made for this gateway, but its database holds none: it was deleted or replaced. Whoever runs "
        "it can put the database back or make a key with 'thalamus keys create NAME'; to go on without any, remove "
        f"'{CACHE_FILE}' from the state folder.",
        code=KEYS_LOST,
    )
