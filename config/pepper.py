"""The secret under which proxy keys are hashed; it lies apart from the database, which alone then verifies no guess."""

from __future__ import annotations

from typing import TYPE_CHECKING

from config.errors import SettingsError
from config.stored_secret import MIN_SECRET_CHARS, stored_secret

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

PEPPER_ENV = "THALAMUS_KEY_PEPPER"
PEPPER_FILE = "key-pepper"


def load_pepper(state_dir: Path, environment: Mapping[str, str]) -> bytes:
    """Return the pepper of `THALAMUS_KEY_PEPPER`, else of the file in `state_dir`, which is made on first use.

    Losing it makes every key worthless. Replicas need the same one. Raises `SettingsError`.
    """
    given = given_pepper(environment)
    if given is not None:
        return given
    return stored_secret(
        state_dir / PEPPER_FILE, what="the key pepper", mend="restore it, or remove it and make new keys"
    )


def given_pepper(environment: Mapping[str, str]) -> bytes | None:
    """Return the pepper of the environment, `None` where there is none. Raises `SettingsError` for one too short."""
    given = environment.get(PEPPER_ENV)
    if not given:
        return None
    if len(given) < MIN_SECRET_CHARS:
        raise SettingsError(f"{PEPPER_ENV} must have at least {MIN_SECRET_CHARS} characters")
    return given.encode()


def pepper_exists(state_dir: Path, environment: Mapping[str, str]) -> bool:
    """Return whether keys may have been made under this folder or environment."""
    return bool(environment.get(PEPPER_ENV)) or (state_dir / PEPPER_FILE).exists()
