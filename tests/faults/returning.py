"""Row 34 and what row 5 leaves behind: upstreams that were down, are left alone, and come back."""

from __future__ import annotations

from router.providers.scripted.actions import Hang
from tests.faults.answering import TEXT, finished
from tests.faults.cells import MODES, Cell, Fault, Mode, Place
from tests.faults.dialects import DIALECTS, Words
from tests.faults.refusing import refusal
from tests.faults.server import Hold, Script

N_FAILURES = 3
"""What opens the breaker here."""
_down = refusal(503, "Out of order.", "server_error")


def _held(words: Words, mode: Mode) -> Script:
    return Hold(), *finished(TEXT, "stop")(words, mode)


def _hang(words: Words, mode: Mode) -> Script:
    return (Hang(),)


_OUTAGE = (_down,) * N_FAILURES
ONE_PROBE = Fault(
    34,
    "one",
    ("many ask at its return", "恢复时大量请求"),
    _held,
    prefaces=_OUTAGE,
)
LOST_PROBE = Fault(
    34,
    "lost",
    ("the probe's client leaves", "探测的客户端离开"),
    finished(TEXT, "stop"),
    prefaces=(*_OUTAGE, _hang),
)
FAILED_PROBE = Fault(34, "failed", ("the probe fails", "探测失败"), finished(TEXT, "stop"), prefaces=(*_OUTAGE, _down))
NOBODY_ELSE = Fault(34, "alone", ("nobody else is there", "没有其他候选"), _down)
LIMITED = Fault(
    5,
    "benched",
    ("asked again while it waits", "等待期间再次请求"),
    refusal(429, "Too many requests.", "rate_limit_error", "retry-after: 7"),
)


def cells(fault: Fault, place: Place) -> tuple[Cell, ...]:
    """Return one cell per mode and dialect."""
    return tuple(Cell(fault, mode, dialect, place) for mode in MODES for dialect in DIALECTS)


PROBED, LOST, FAILED = cells(ONE_PROBE, "first"), cells(LOST_PROBE, "first"), cells(FAILED_PROBE, "first")
ALONE, BENCHED = cells(NOBODY_ELSE, "alone"), cells(LIMITED, "alone")
RETURNING = (*PROBED, *LOST, *FAILED, *ALONE, *BENCHED)
