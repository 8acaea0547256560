"""One process changes a library at a time: a lock that the system gives back when its holder dies."""

from __future__ import annotations

import fcntl
import json
import os
import time
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final, cast

from config.errors import LibraryBusyError

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

LOOK_S: Final = 0.05


@contextmanager
def library_lock(
    path: Path, what: str, *, wait_s: float = 0.0, told: Callable[[str], object] = lambda _: None
) -> Generator[None]:
    """Hold the lock for the block. `what` tells others what is done; `told` hears once whom we wait for.

    Raises `LibraryBusyError` where another process still holds it after `wait_s` seconds.
    """
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with path.open("a+b") as file:
        until, said = time.monotonic() + wait_s, False
        while not _is_ours(file.fileno()):
            holder = _holder(path)
            if time.monotonic() >= until:
                raise LibraryBusyError(f"The documents are being changed by {holder}; try again when it is done.")
            if not said:
                told(f"Waiting for {holder}.")
                said = True
            time.sleep(LOOK_S)
        file.truncate(0)
        file.write(json.dumps({"pid": os.getpid(), "what": what, "since": datetime.now(UTC).isoformat()}).encode())
        file.flush()
        yield  # closing gives the lock back


def _is_ours(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _holder(path: Path) -> str:
    try:
        found = cast("dict[str, object]", json.loads(path.read_bytes()))
        since = datetime.fromisoformat(str(found["since"])).astimezone()
        return f"process {found['pid']} ({found['what']}, since {since:%H:%M:%S})"
    except (OSError, ValueError, KeyError, TypeError):  # it has only just begun
        return "another process"
