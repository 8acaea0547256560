"""A secret that is made on first use and kept in a file of the state folder, readable by its owner only."""

from __future__ import annotations

import os
import secrets
from typing import TYPE_CHECKING, Final

from config.errors import SettingsError
from config.ids import new_id

if TYPE_CHECKING:
    from pathlib import Path

SECRET_BYTES: Final = 32
MIN_SECRET_CHARS: Final = 16


def stored_secret(path: Path, *, what: str, mend: str) -> bytes:
    """Return what the file holds; where there is none, make it whole or not at all, as two processes may start.

    `what` names the secret in errors, and `mend` what helps where it is damaged. Raises `SettingsError`.
    """
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not path.exists():
            _make(path)
        found = path.read_bytes().strip()
    except OSError as error:
        raise SettingsError(f"{what} cannot be read or made: {error.strerror}", file=str(path)) from error
    if len(found) < MIN_SECRET_CHARS:
        raise SettingsError(f"{what} is damaged; {mend}", file=str(path))
    return found


def _make(path: Path) -> None:
    draft = path.with_name(f"{path.name}.{new_id()}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(secrets.token_hex(SECRET_BYTES))
        file.flush()
        os.fsync(file.fileno())
    try:
        os.link(draft, path)  # fails where another process was quicker, and then its secret counts
    except FileExistsError:
        pass
    finally:
        draft.unlink()
