"""The cells that make no sense, each with its reason."""

from __future__ import annotations

from tests.faults.answering import ANSWERING
from tests.faults.cells import MODES, PLACES
from tests.faults.dialects import DIALECTS
from tests.faults.reaching import REACHING
from tests.faults.refusing import REFUSING

FAULTS = (*REACHING, *REFUSING, *ANSWERING)
Skipped = tuple[tuple[str, str], tuple[str, str, str], tuple[str, str]]
"""The case's name, its mode, dialect and place, and the reason; names and reasons in English and Chinese."""


def skipped(row: int) -> list[Skipped]:
    """Return the cells of a row that make no sense."""
    return [
        (fault.name, (mode, dialect, place), reason)
        for fault in FAULTS
        if fault.row == row
        for mode in MODES
        for dialect in DIALECTS
        for place in PLACES
        if (reason := fault.why_not(mode, dialect)) is not None
    ]
