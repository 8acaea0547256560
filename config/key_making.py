"""What a proxy key may be: its text is drawn here, and name, scopes, limits and models are held against what can be."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from config.forms import is_shown
from config.ids import new_id
from config.key_identity import SCOPES, KeyInfo

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from config.key_identity import Scope

KEY_PREFIX: Final = "sk-thal-"
SECRET_BYTES: Final = 32
SHOWN_CHARS: Final = len(KEY_PREFIX) + 6
"""Characters of a key that are stored and shown: enough to tell keys apart, too few to guess the rest."""
MAX_NAME_CHARS: Final = 120
MAX_PER_MINUTE: Final = 2**53
MAX_MODELS: Final = 256
MAX_MODEL_CHARS: Final = 200
ANY_MODEL: Final = "auto"
"""It is no model but a way of choosing one, so a key cannot be limited to it."""


@dataclass(frozen=True, slots=True)
class KeyTerms:
    """What a key is to be. `None` of a limit leaves it to the settings, 0 is no limit; `models=None` are all models."""

    name: str
    scopes: tuple[Scope, ...] = ("chat",)
    expires_ts: datetime | None = None
    requests_per_minute: int | None = None
    tokens_per_minute: int | None = None
    models: tuple[str, ...] | None = None

    def checked(self) -> KeyTerms:
        """Return the terms with texts trimmed and each model once. Raises `ValueError` for what cannot be."""
        name, limits = self.name.strip(), (self.requests_per_minute, self.tokens_per_minute)
        if not 0 < len(name) <= MAX_NAME_CHARS:
            raise ValueError(f"a key needs a name of 1 to {MAX_NAME_CHARS} characters")
        if not is_shown(name):
            raise ValueError("a key's name cannot hold control characters, line breaks or other marks that do not show")
        if not self.scopes or not SCOPES.issuperset(self.scopes):
            raise ValueError("a key's scopes are 'chat' and 'admin'")
        if any(each is not None and not 0 <= each <= MAX_PER_MINUTE for each in limits):
            raise ValueError(f"a key's limits are whole numbers from 0 (none) to {MAX_PER_MINUTE}")
        models = None if self.models is None else checked_models(self.models)
        return KeyTerms(name, tuple(sorted(set(self.scopes))), self.expires_ts, *limits, models)


def made_key(terms: KeyTerms, *, created_ts: datetime) -> tuple[str, KeyInfo]:
    """Return a new key with what is kept of it beside its digest. Raises `ValueError` for what cannot be."""
    told = terms.checked()
    key = KEY_PREFIX + secrets.token_urlsafe(SECRET_BYTES)
    info = KeyInfo(
        new_id(),
        told.name,
        key[:SHOWN_CHARS],
        told.scopes,
        created_ts,
        told.expires_ts,
        None,
        told.requests_per_minute,
        told.tokens_per_minute,
        told.models,
    )
    return key, info


def row_of(info: KeyInfo, *, digest: str) -> dict[str, Any]:
    """Return the row of a new key in the table `api_key`; `digest` is its HMAC."""
    return {
        "id": info.id,
        "name": info.name,
        "prefix": info.prefix,
        "hash": digest,
        "scopes": info.scopes,
        "created_ts": info.created_ts,
        "expires_ts": info.expires_ts,
        "requests_per_minute": info.requests_per_minute,
        "tokens_per_minute": info.tokens_per_minute,
        "models": info.models,
    }


def checked_models(models: Sequence[str]) -> tuple[str, ...]:
    """Return the models of an allow-list, each once, in their order. Raises `ValueError` for what cannot be."""
    names = tuple(dict.fromkeys(each.strip() for each in models))
    if not names or len(names) > MAX_MODELS:
        raise ValueError(f"a key may be limited to 1 to {MAX_MODELS} models")
    for name in names:
        if not 0 < len(name) <= MAX_MODEL_CHARS or not is_shown(name):
            raise ValueError(f"a model's name has 1 to {MAX_MODEL_CHARS} characters, and none that do not show")
        if name == ANY_MODEL or name.startswith(f"{ANY_MODEL}:"):
            raise ValueError(f"'{name}' is no model: it chooses among those that the key may use, so name those")
    return names
