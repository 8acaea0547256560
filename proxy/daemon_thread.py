"""Long work in a thread that a stop does not wait for: for what may be left half done at any moment."""

from __future__ import annotations

import asyncio
import threading
from contextlib import suppress
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")


async def in_daemon_thread(work: Callable[[], T]) -> T:
    """Return what `work` returns. Where it raises, the thread tells what, and `RuntimeError` is raised here."""
    loop = asyncio.get_running_loop()
    done: asyncio.Future[list[T]] = loop.create_future()

    def settle(found: list[T]) -> None:
        if not done.cancelled():
            done.set_result(found)

    def run() -> None:
        found: list[T] = []
        try:
            found.append(work())
        finally:
            with suppress(RuntimeError):  # the loop is closed: nobody waits any more
                loop.call_soon_threadsafe(settle, found)

    threading.Thread(target=run, name="background-work", daemon=True).start()
    found = await done
    if not found:
        raise RuntimeError("the work in the background failed; its thread told how")
    return found[0]
