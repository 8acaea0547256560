"""The loop of background work that follows the books: look again and again, and wait while the database is away."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, NoReturn

from config.errors import StorageError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable


async def follow(
    look: Callable[[], Awaitable[None]],
    *,
    look_s: float,
    retry_s: float,
    tell: Callable[[StorageError], None],
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> NoReturn:
    """Look every `look_s` seconds until cancelled; while the database is away, every `retry_s`, and tell it once."""
    waits = False
    while True:
        try:
            await look()
        except StorageError as error:
            if not waits:
                tell(error)
            waits = True
            await sleep(retry_s)
        else:
            waits = False
            await sleep(look_s)
