"""The secret under which proxy keys are hashed; it lies apart from the database, which alone then verifies no guess."""

from __future__ import annotations

import os
import secrets
from typing import TYPE_CHECKING

from config.errors import SettingsError
from config.ids import new_id

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

PEPPER_ENV = "THALAMUS_KEY_PEPPER"
PEPPER_FILE = "key-pepper"
PEPPER_BYTES = 32
MIN_PEPPER_CHARS = 16


def load_pepper(state_dir: Path, environment: Mapping[str, str]) -> bytes:
    """Return the pepper of `THALAMUS_KEY_PEPPER`, else of the file in `state_dir`, which is made on first use.

    Losing it makes every key worthless. Replicas need the same one. Raises `SettingsError`.
    """
    given = environment.get(PEPPER_ENV)
    if given:
        if len(given) < MIN_PEPPER_CHARS:
            raise SettingsError(f"{PEPPER_ENV} must have at least {MIN_PEPPER_CHARS} characters")
        return given.encode()
    path = state_dir / PEPPER_FILE
    try:
        state_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        return _made_pepper(path)
    except OSError as error:
        raise SettingsError(f"the key pepper cannot be read or made: {error.strerror}", file=str(path)) from error


def pepper_exists(state_dir: Path, environment: Mapping[str, str]) -> bool:
    """Return whether keys may have been made under this folder or environment."""
    return bool(environment.get(PEPPER_ENV)) or (state_dir / PEPPER_FILE).exists()


def _made_pepper(path: Path) -> bytes:
    """Return what the file holds; where there is none, make it whole or not at all, as two processes may start."""
    if not path.exists():
        draft = path.with_name(f"{path.name}.{new_id()}")
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(secrets.token_hex(PEPPER_BYTES))
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(draft, path)  # fails where another process was quicker, and then its pepper counts
        except FileExistsError:
            pass
        finally:
            draft.unlink()
    pepper = path.read_bytes().strip()
    if len(pepper) < MIN_PEPPER_CHARS:
        raise SettingsError("the key pepper is damaged; restore it, or remove it and make new keys", file=str(path))
    return pepper
