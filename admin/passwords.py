"""Passwords of the dashboard: made by us, kept as argon2id, hashed beside the event loop and not many at a time."""

from __future__ import annotations

import asyncio
import secrets
from typing import TYPE_CHECKING, Final, Protocol

if TYPE_CHECKING:
    from argon2 import PasswordHasher

__all__ = ["NOBODY", "Hasher", "Passwords", "argon2id", "new_password"]

ALPHABET: Final = "23456789abcdefghjkmnpqrstuvwxyz"
"""Without what looks alike."""
GROUPS: Final = 5
GROUP_CHARS: Final = 4
MAX_PASSWORD_CHARS: Final = 1024
MEMORY_KIB: Final = 47_104
"""46 MiB in one pass and one lane: the first choice of OWASP's Password Storage Cheat Sheet."""
NOBODY: Final = "$argon2id$v=19$m=47104,t=1,p=1$pToCixOJr233MtJLXHkkKA$BxNa+WLiIuhKN2kmJcPedIm1gORi3bNs6G5H66IR9BU"
"""A hash that no password has; what is sent for an unknown name is held against it, so that it takes as long."""


class Hasher(Protocol):
    """Makes and checks hashes; both block."""

    def hash(self, password: str) -> str:
        """Return the hash with its salt and its cost, as text."""
        ...

    def fits(self, stored: str, password: str) -> bool:
        """Return whether this hash is this password's."""
        ...


class Passwords:
    """Hashes one password at a time in a thread, since each takes 46 MiB and some 30 ms of a core."""

    def __init__(self, hasher: Hasher | None = None) -> None:
        self._hasher = hasher
        self._turn = asyncio.Lock()

    async def hashed(self, password: str) -> str:
        """Return what is kept of a password."""
        async with self._turn:
            return await asyncio.to_thread(lambda: self._made().hash(password))

    async def fits(self, stored: str | None, password: str) -> bool:
        """Return whether this is the password of which `stored` was kept; without any it takes as long to say no."""
        is_possible = stored is not None and len(password) <= MAX_PASSWORD_CHARS
        async with self._turn:
            found = await asyncio.to_thread(lambda: self._made().fits(stored or NOBODY, password[:MAX_PASSWORD_CHARS]))
        return found and is_possible

    def _made(self) -> Hasher:
        if self._hasher is None:
            self._hasher = argon2id()
        return self._hasher


def argon2id() -> Hasher:
    """Return the real one."""
    from argon2 import PasswordHasher  # noqa: PLC0415  # a start does not wait for it

    return _Argon2id(PasswordHasher(time_cost=1, memory_cost=MEMORY_KIB, parallelism=1))


class _Argon2id:
    def __init__(self, hasher: PasswordHasher) -> None:
        self._hasher = hasher

    def hash(self, password: str) -> str:
        return self._hasher.hash(password)

    def fits(self, stored: str, password: str) -> bool:
        from argon2.exceptions import InvalidHashError, VerificationError  # noqa: PLC0415  # as above

        try:
            return self._hasher.verify(stored, password)
        except (VerificationError, InvalidHashError):
            return False


def new_password() -> str:
    """Return a password of 99 bits that can be read out and typed, such as `k7mq-x2ps-9fhd-w3nb-tz4c`."""
    letters = [secrets.choice(ALPHABET) for _ in range(GROUPS * GROUP_CHARS)]
    return "-".join("".join(letters[at : at + GROUP_CHARS]) for at in range(0, len(letters), GROUP_CHARS))
