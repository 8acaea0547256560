"""Which gateways run: each holds a lock on a small file in the state folder, so a dead one is never taken for alive."""

from __future__ import annotations

import fcntl
import json
import os
import signal
import time
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from collections.abc import Generator
    from pathlib import Path
    from types import FrameType

FOLDER = "run"
LOOK_S = 0.05


@dataclass(frozen=True, slots=True)
class Running:
    """A gateway that runs."""

    file: Path
    pid: int
    url: str


@contextmanager
def announced(state_dir: Path, url: str) -> Generator[None]:
    """Say that this process serves on `url` until the block ends, however it ends."""
    folder = state_dir / FOLDER
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = folder / f"{os.getpid()}.json"
    draft = path.with_suffix(".new")
    with draft.open("w", encoding="utf-8") as file:
        fcntl.flock(file, fcntl.LOCK_EX)  # the lock ends with the process, even by SIGKILL
        file.write(json.dumps({"pid": os.getpid(), "url": url}))
        file.flush()
        draft.replace(path)
        try:
            yield
        finally:
            path.unlink(missing_ok=True)


def running_gateways(state_dir: Path) -> list[Running]:
    """Return the gateways of a state folder, and clear away what dead ones left."""
    return [found for path in sorted((state_dir / FOLDER).glob("*.json")) if (found := _read(path)) is not None]


def wait_until_gone(gateway: Running, timeout_s: float) -> bool:
    """Return whether a gateway ended within `timeout_s` seconds."""
    until = time.monotonic() + timeout_s
    while _read(gateway.file) is not None:
        if time.monotonic() > until:
            return False
        time.sleep(LOOK_S)
    return True


def end_well_on_sigterm() -> None:
    """Make SIGTERM end the process with code 0 by way of every `finally`, as a supervisor expects."""
    signal.signal(signal.SIGTERM, _end)


def _end(_number: int, _frame: FrameType | None) -> None:
    raise SystemExit(0)


def _read(path: Path) -> Running | None:
    try:
        with path.open(encoding="utf-8") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                said = cast("dict[str, object]", json.load(file))
                return Running(path, int(str(said["pid"])), str(said["url"]))
            path.unlink(missing_ok=True)  # nobody holds it: its gateway is dead
    except FileNotFoundError:
        pass
    return None
