"""What happened on the bad day: requests by phase, breakers as they moved, and whether anybody was failed needlessly."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Final

from tests.demo.day import UPSTREAMS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tests.demo.day import Phase
    from tests.demo.traffic import Seen

HOLDS: Final = {"closed": "asked", "half_open": "on trial", "open": "left alone"}
"""What the state of a breaker means."""


@dataclass(frozen=True, slots=True)
class Move:
    """A breaker or bench that changed its state."""

    at: float
    upstream: str
    state: str
    why: str

    @property
    def text(self) -> str:
        """Return it in words."""
        return f"{self.upstream} {HOLDS.get(self.state, self.state)}{f' ({self.why})' if self.why else ''}"


@dataclass(slots=True)
class Ledger:
    """All that was seen. `entered` holds the seconds at which each phase really began."""

    phases: Sequence[Phase]
    entered: list[float] = field(default_factory=list[float])
    seen: list[Seen] = field(default_factory=list["Seen"])
    moves: list[Move] = field(default_factory=list[Move])
    states: dict[str, str] = field(default_factory=dict[str, str])

    def enter(self, at: float) -> None:
        """Note that the next phase begins."""
        self.entered.append(at)

    def watch(self, at: float, name: str, state: Mapping[str, Any]) -> Move | None:
        """Note how a deployment is; return the move where it is one."""
        now = str(state["state"])
        if self.states.get(name, "closed") == now:
            return None
        self.states[name] = now
        why = f"{state['scope']}: {state['reason']}" if state.get("reason") else ""
        move = Move(at, name, now, why)
        self.moves.append(move)
        return move

    def phase_at(self, at: float) -> int:
        """Return the number of the phase in which this moment lies."""
        return max(0, sum(each <= at for each in self.entered) - 1)

    def spans(self) -> list[tuple[float, float]]:
        """Return begin and end of each phase that began."""
        return list(pairwise([*self.entered, float("inf")]))

    def could_be_answered(self, seen: Seen) -> bool:
        """Return whether somebody was well from the request's beginning to its end."""
        first, last = self.phase_at(seen.began), self.phase_at(seen.ended)
        during = self.phases[first : last + 1]
        return any(all(phase.trouble(name).answers for phase in during) for name in UPSTREAMS)

    def failed(self) -> list[Seen]:
        """Return the requests that got no answer although somebody could have given one."""
        return [each for each in self.seen if each.how == "refused" and self.could_be_answered(each)]

    def in_the_dark(self) -> list[Seen]:
        """Return the refusals of requests that nobody could have answered."""
        return [each for each in self.seen if each.how == "refused" and not self.could_be_answered(each)]

    def untold(self) -> list[Seen]:
        """Return those of them that were told too little: not whom we asked, or a 503 without when to come again."""
        return [
            each
            for each in self.in_the_dark()
            if not each.n_told or (each.status == 503 and each.retry_after_s is None)
        ]

    def first_after_dark(self) -> Seen | None:
        """Return the first request that came once somebody was back; `None` where nobody had been dark."""
        dark = [end for phase, (_, end) in zip(self.phases, self.spans(), strict=False) if phase.is_dark]
        later = (each for each in self.seen if dark and each.began >= dark[-1])
        return min(later, key=lambda each: each.began, default=None)

    def rows(self) -> list[Row]:
        """Return one row of figures for each phase."""
        return [self._row(i, begin, end) for i, (begin, end) in enumerate(self.spans())]

    def total(self) -> Row:
        """Return the figures of the whole day."""
        return _figures(0.0, "the whole day", self.seen, self.failed(), self.moves)

    def _row(self, i: int, begin: float, end: float) -> Row:
        seen = [each for each in self.seen if begin <= each.began < end]
        failed = [each for each in self.failed() if begin <= each.began < end]
        moves = [each for each in self.moves if begin <= each.at < end]
        return _figures(begin, self.phases[i].title, seen, failed, moves)


@dataclass(frozen=True, slots=True)
class Row:
    """The figures of a part of the day; waits in seconds."""

    at: float
    title: str
    n: int
    n_first: int
    """Answered by the first who was asked."""
    n_rescued: int
    """Answered after somebody else had failed."""
    n_broken: int
    """Broken off after content had been sent."""
    n_refused: int
    """Refused while nobody could answer."""
    n_failed: int
    """Refused although somebody could have answered."""
    n_attempts: int
    served: Mapping[str, int]
    added_s: tuple[float, ...]
    """Sorted waits that failed attempts added, of the rescued ones."""
    first_s: tuple[float, ...]
    """Sorted waits for the first content of streams."""
    moves: tuple[Move, ...]


def _figures(at: float, title: str, seen: Sequence[Seen], failed: Sequence[Seen], moves: Sequence[Move]) -> Row:
    answered = [each for each in seen if each.how == "answered"]
    rescued = [each for each in answered if len(each.attempts) > 1]
    refused = [each for each in seen if each.how == "refused"]
    return Row(
        at=at,
        title=title,
        n=len(seen),
        n_first=len(answered) - len(rescued),
        n_rescued=len(rescued),
        n_broken=sum(each.how == "broken" for each in seen),
        n_refused=len(refused) - len(failed),
        n_failed=len(failed),
        n_attempts=sum(len(each.attempts) for each in seen),
        served=Counter(each.served for each in seen if each.served is not None and each.how != "refused"),
        added_s=tuple(sorted(each.added_s for each in rescued)),
        first_s=tuple(sorted(each.first_s for each in answered if each.stream and each.first_s is not None)),
        moves=tuple(moves),
    )
