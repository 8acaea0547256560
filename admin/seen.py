"""Notices that somebody else changed what a form was filled in for: the form carries a hash of the state it showed."""

from __future__ import annotations

import hashlib
import hmac
from typing import TYPE_CHECKING

import msgspec

from admin.page import Refused

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["check_seen", "seen_of"]

SEEN_CHARS = 16


def seen_of(value: object) -> str:
    """Return the beginning of the SHA-256 of a state, hex; the order of names in objects does not count."""
    encoded = msgspec.json.encode(value, order="deterministic", enc_hook=str)
    return hashlib.sha256(encoded).hexdigest()[:SEEN_CHARS]


def check_seen(form: Mapping[str, object], value: object) -> None:
    """Raise `Refused` (409) unless the form's `seen` is of this state: nothing is saved over another's change."""
    if not hmac.compare_digest(str(form.get("seen") or "").encode(), seen_of(value).encode()):
        raise Refused("failing.changed_meanwhile", status=409)
