"""One cell of the matrix: a fault, how the client asked, what the upstream speaks, and where in the chain it stands."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from tests.faults.dialects import DIALECTS, WORDS, Dialect, Words
from tests.faults.server import Script

Mode = Literal["streamed", "plain"]
Place = Literal["first", "last", "alone"]
MODES: tuple[Mode, ...] = ("streamed", "plain")
PLACES: tuple[Place, ...] = ("first", "last")
Where = Literal["closed port", "no address", "untrusted"]
"""Upstreams that cannot be reached have no script."""
Play = Callable[[Words, Mode], Script]


SOON_S = 0.4
"""Deadlines that are meant to pass."""


@dataclass(frozen=True, slots=True)
class Promise:
    """What must become of an attempt with the fault.

    `next`: the next candidate answers, and the last one's error is `status` and `code`; `in_band`: an error after
    content; `returned`: the error goes to the client wherever it happens; `answered`: no fault at all; `recovered`:
    the same target answers at the second try.
    """

    kind: Literal["next", "in_band", "returned", "answered", "recovered"]
    failure: str | None = None
    status: int = 502
    code: str | None = "upstream_failed"
    finish: str = "stop"


ANSWERED = Promise("answered")
NEXT = Promise("next", "transient")
IN_BAND = Promise("in_band", "transient")
TIMED_OUT = Promise("next", "transient", 504, "upstream_timeout")


@dataclass(frozen=True, slots=True)
class Fault:
    """One way a row's fault shows itself. `skip` gives a reason by dialect, by mode or by `"mode dialect"`."""

    row: int
    key: str
    name: tuple[str, str]
    play: Play | Where
    streamed: Promise = NEXT
    plain: Promise = NEXT
    skip: Mapping[str, tuple[str, str]] = field(default_factory=dict[str, tuple[str, str]])
    patience_s: float = 30.0
    """Deadline for first content at the faulty deployment; so below, and short only where it is what is tested."""
    idle_s: float = 30.0
    """Deadline for silences."""
    total_s: float = 30.0
    """Total deadline of a plain call."""
    prefaces: tuple[Play, ...] = ()
    """What it does to the first requests, one each, before `play`."""
    tries: int = 1
    """How often the same target is asked."""
    window: int | None = None
    """Context window of the faulty deployment."""
    other_window: int | None = None
    """Context window of the deployment beside it."""
    retry_after: bool = False
    """Whether the client is told when to come back, once nobody answers."""

    def promise(self, mode: Mode) -> Promise:
        """Return what must become of it."""
        return self.streamed if mode == "streamed" else self.plain

    def why_not(self, mode: Mode, dialect: Dialect) -> tuple[str, str] | None:
        """Return why a cell makes no sense, `None` where it does."""
        return self.skip.get(f"{mode} {dialect}") or self.skip.get(mode) or self.skip.get(dialect)


@dataclass(frozen=True, slots=True)
class Cell:
    """A fault in one position."""

    fault: Fault
    mode: Mode
    dialect: Dialect
    place: Place

    @property
    def id(self) -> str:
        """Its name in tests and in what they saw."""
        return f"{self.fault.row:02d}-{self.fault.key}-{self.mode}-{self.dialect}-{self.place}"

    @property
    def scripts(self) -> tuple[Script, ...]:
        """What its upstream does to one request after the other, nothing where it cannot be reached."""
        play = self.fault.play
        plays = () if isinstance(play, str) else (*self.fault.prefaces, play)
        return tuple(each(WORDS[self.dialect], self.mode) for each in plays)


def cells_of(faults: tuple[Fault, ...]) -> tuple[Cell, ...]:
    """Return every cell that makes sense."""
    return tuple(
        Cell(fault, mode, dialect, place)
        for fault in faults
        for mode in MODES
        for dialect in DIALECTS
        for place in PLACES
        if fault.why_not(mode, dialect) is None
    )
