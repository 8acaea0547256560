"""Rows 16, 23 and 24: what upstreams do while a client waits, leaves, or does not read."""

from __future__ import annotations

from router.providers.scripted.actions import Hang
from tests.faults.answering import TEXT, half, stream
from tests.faults.cells import ANSWERED, IN_BAND, MODES, Cell, Fault, Mode
from tests.faults.dialects import DIALECTS, Words, chunk
from tests.faults.server import Endless, Script

_NO_PIECES = ("n/a: a plain answer comes in one piece", "不适用：非流式回答一次送达")
_BOUNDED = ("n/a: a plain answer is bounded by its own deadline, as above", "不适用：非流式回答受自身期限约束，见上")
_WHOLE = ("n/a: a plain answer is handed to the system whole", "不适用：非流式回答整体交给系统")


def _wait(words: Words, mode: Mode) -> Script:
    return (Hang(),)


def _talk(words: Words, mode: Mode) -> Script:
    return stream(words.opening(), words.text(TEXT), then=(Endless(chunk(words.more("on and on ")), 0.01),))(
        words, mode
    )


def _pour(words: Words, mode: Mode) -> Script:
    return stream(words.opening(), words.text(TEXT), then=(Endless(chunk(words.more("x" * 50_000))),))(words, mode)


LEAVING = (
    Fault(23, "waiting", ("while nothing has come", "还没有任何内容时"), _wait),
    Fault(
        23,
        "talking",
        ("while words come", "内容不断到来时"),
        _talk,
        skip={"plain": _NO_PIECES},
    ),
    Fault(23, "half", ("in a silence after half", "到一半静默时"), half(Hang())),
)
SLOW = (
    Fault(
        24,
        "unread",
        ("nothing is read after the head", "响应头之后不再读取"),
        _pour,
        ANSWERED,
        skip={"plain": _WHOLE},
    ),
)
ENDLESS = (
    Fault(
        16,
        "total",
        ("words without end", "无尽的内容"),
        _talk,
        IN_BAND,
        skip={"plain": _BOUNDED},
    ),
)
"""Needs a gateway whose requests may take less time than silences."""


def cells_with_another_behind(faults: tuple[Fault, ...]) -> tuple[Cell, ...]:
    """Return the cells that make sense, each with a sound candidate behind that may not be asked."""
    return tuple(
        Cell(fault, mode, dialect, "first")
        for fault in faults
        for mode in MODES
        for dialect in DIALECTS
        if fault.why_not(mode, dialect) is None
    )
