"""Bars on stderr for long steps; as plain lines for a program that reads them."""

from __future__ import annotations

import os
import sys
import time
from typing import TYPE_CHECKING, Final

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

PROGRESS_LINES: Final = "THALAMUS_PROGRESS_LINES"
"""Environment variable under which progress is told in lines: `#progress <done> <total> <step>`."""
PROGRESS_LINE: Final = "#progress "
LINE_EVERY_S: Final = 0.2


class Bars:
    """Draws progress as bars on stderr; nothing where stderr is no terminal, or lines where they are asked for."""

    def __init__(self) -> None:
        console = Console(stderr=True)
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
        self._progress = Progress(*columns, console=console, disable=not console.is_terminal)
        self._task = None
        self._in_lines = PROGRESS_LINES in os.environ
        self._step, self._done, self._total, self._told = "", 0, 0, 0.0

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._progress.stop()

    def begin(self, what: str, total: int) -> None:
        """Begin a step of `total` parts; the step before is then done."""
        self._finish()
        self._task = self._progress.add_task(what, total=total)
        self._step, self._done, self._total = what, 0, total
        self._tell()

    def advance(self) -> None:
        """Say that a part is done."""
        if self._task is not None:
            self._progress.advance(self._task)
            self._done += 1
            if self._done == self._total or time.monotonic() - self._told >= LINE_EVERY_S:
                self._tell()

    def _finish(self) -> None:
        if self._task is not None:
            self._progress.update(self._task, completed=self._progress.tasks[self._task].total)

    def _tell(self) -> None:
        if self._in_lines:
            self._told = time.monotonic()
            print(f"{PROGRESS_LINE}{self._done} {self._total} {self._step}", file=sys.stderr, flush=True)  # noqa: T201
