"""Runs the whole suite part by part, so that one process that hangs or dies costs a part and not the run.

Under coverage that follows greenlets a worker spins for ever, once in some runs, in the weak reference's callback of a
greenlet whose thread has ended; it is seen on CPython 3.11, and no signal ends it.

What fails beside other tests is tried once more, alone. A worker that hung was ended by pytest's faulthandler (see
`pyproject.toml`), and what it had measured of coverage went with it: then its part is run again from the start.
With arguments of one's own, pytest is run once with these.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

ROOT: Final = Path(__file__).parents[2]
WHOLE: Final = "tests"
APART: Final = (
    "tests/proxy",
    "tests/e2e",
    "tests/faults",
    "tests/survival",
    "tests/demo",
    "tests/browser",
    "tests/admin",
)
"""Rooms of a part of their own, or that share one with their neighbours here; all others are the last part."""
PARTS: Final = (
    ("tests/proxy",),
    ("tests/e2e", "tests/survival"),
    ("tests/faults",),
    ("tests/demo", "tests/browser", "tests/admin"),
)
CRASHED: Final = ROOT / ".pytest_cache" / "crashed"
"""What `tests/conftest.py` leaves where a worker died."""
FAILED: Final = 1
"""What pytest exits with where tests failed; greater numbers are no verdict on the code."""


def main(arguments: Sequence[str]) -> int:
    """Run the parts, or what `arguments` ask for, and return 0 where all passed."""
    (ROOT / ".coverage").unlink(missing_ok=True)
    if arguments:
        return once(list(arguments))
    others = [WHOLE, *(f"--ignore={each}" for each in APART)]
    return max(part(list(each)) for each in (*PARTS, others))


def part(where: Sequence[str]) -> int:
    """Run a part, and what failed of it once more; return pytest's last word."""
    said, began = " ".join(each for each in where if not each.startswith("--")), time.monotonic()
    print(f"== {said}", flush=True)
    code = once(where)
    if code == FAILED and CRASHED.exists():
        print(f"A worker died: {said} is run once more.", flush=True)
        code = once(where)
    if code == FAILED:
        print(
            "What failed beside other tests is tried once more, alone; a test that needs this is to be mended.",
            flush=True,
        )
        code = pytest(["--last-failed", "--last-failed-no-failures", "none"])
    print(f"== {said}: {time.monotonic() - began:.0f} s", flush=True)
    return code


def once(what: Sequence[str]) -> int:
    """Run pytest with workers."""
    CRASHED.unlink(missing_ok=True)
    return pytest(["-n", os.environ.get("WORKERS", "2"), *what])


def pytest(arguments: Sequence[str]) -> int:
    """Run pytest, adding to the coverage that there is, and return its exit code."""
    command = [sys.executable, "-m", "pytest", "-q", "--cov", "--cov-append", "--cov-report=", *arguments]
    return subprocess.run(command, cwd=ROOT, check=False).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
