"""What the process takes of the machine: CPU, memory, descriptors; read from `/proc` where there is one."""

from __future__ import annotations

import os
import resource
import sys
import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

_SELF = Path("/proc/self")
_PAGE_BYTES = resource.getpagesize()


@dataclass(frozen=True, slots=True)
class ProcessFigures:
    """One reading. What the system does not tell is `None`."""

    cpu_s: float
    """CPU seconds of the process since its start, its own and the kernel's on its behalf."""
    rss_bytes: int
    """Memory held now; where only the most it ever held is known, that."""
    open_fds: int | None
    open_sockets: int | None
    """Descriptors that are sockets, listening ones included."""
    max_fds: int | None
    """Descriptors it may open; `None` for no limit."""
    n_threads: int


def read_process() -> ProcessFigures:
    """Look now. Takes some microseconds per open descriptor: call it off the loop."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    open_fds, open_sockets = _descriptors(_SELF / "fd")
    return ProcessFigures(
        cpu_s=used.ru_utime + used.ru_stime,
        rss_bytes=_rss_bytes(_SELF / "statm", used.ru_maxrss),
        open_fds=open_fds,
        open_sockets=open_sockets,
        max_fds=None if limit == resource.RLIM_INFINITY else limit,
        n_threads=threading.active_count(),
    )


def started_at(started: float) -> float:
    """Return the Unix time of a moment on the monotonic clock."""
    return time.time() - (time.monotonic() - started)


def _rss_bytes(statm: Path, max_rss: int) -> int:
    try:
        return int(statm.read_text(encoding="ascii").split()[1]) * _PAGE_BYTES
    except (OSError, ValueError, IndexError):
        return max_rss * (1 if sys.platform == "darwin" else 1024)  # getrusage(2): bytes there, KiB elsewhere


def _descriptors(folder: Path) -> tuple[int | None, int | None]:
    try:
        names = os.listdir(folder)  # noqa: PTH208  # names suffice, and there may be ten thousand
    except OSError:
        return None, None
    n_sockets = 0
    for name in names:
        with suppress(OSError):  # closed since
            n_sockets += os.readlink(f"{folder}/{name}").startswith("socket:")  # noqa: PTH115  # as above
    return len(names), n_sockets
