"""The cells that make no sense, each with its reason."""

from __future__ import annotations

from tests.faults.answering import ANSWERING
from tests.faults.cells import MODES, PLACES
from tests.faults.dialects import DIALECTS
from tests.faults.leaving import ENDLESS, LEAVING, SLOW
from tests.faults.reaching import REACHING
from tests.faults.refusing import REFUSING
from tests.faults.seen import ANY

FAULTS = (*REACHING, *REFUSING, *ANSWERING)
CLIENT_FAULTS = (*ENDLESS, *LEAVING, *SLOW)
Skipped = tuple[tuple[str, str], tuple[str, str, str], tuple[str, str]]
"""The case's name, its mode, dialect and place, and the reason; names and reasons in English and Chinese."""


def skipped(row: int) -> list[Skipped]:
    """Return the cells of a row that make no sense."""
    return [
        (fault.name, (mode, dialect, place), reason)
        for fault in (*FAULTS, *CLIENT_FAULTS)
        if fault.row == row
        for mode in MODES
        for dialect in DIALECTS
        for place in ((ANY,) if fault in CLIENT_FAULTS else PLACES)
        if (reason := fault.why_not(mode, dialect)) is not None
    ]
