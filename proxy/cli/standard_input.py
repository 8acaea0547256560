"""What is piped in: bytes of any kind become text, a line at a time."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from proxy.cli.printing import note

if TYPE_CHECKING:
    from collections.abc import Iterator


def piped_lines() -> Iterator[str]:
    """Yield each line without its end as soon as it is there; what is no UTF-8 is replaced, a person is told how."""
    if sys.stdin.isatty():
        note("Each line is answered; an empty input (Ctrl-D) ends it.")
    for line in sys.stdin.buffer:
        yield line.decode("utf-8", "replace").rstrip("\r\n")
