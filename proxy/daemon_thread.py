"""Long work in a thread that a stop does not wait for: for what may be left half done at any moment."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import Future
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")


async def in_daemon_thread(work: Callable[[], T]) -> T:
    """Return what `work` returns, or raise what it raises; the process does not wait for it when it ends."""
    done: Future[T] = Future()
    done.set_running_or_notify_cancel()  # who awaits may leave; the thread then works for nobody

    def run() -> None:
        try:
            found = work()
        except BaseException as error:  # noqa: BLE001  # raised where the work is awaited, as a pool does
            done.set_exception(error)
        else:
            done.set_result(found)

    threading.Thread(target=run, name="background-work", daemon=True).start()
    return await asyncio.wrap_future(done)
