"""How the day is shown: a live table on a terminal, plain lines anywhere else, and the table at the end."""

from __future__ import annotations

from collections import Counter, deque
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final, Protocol

from rich.console import Console, Group
from rich.live import Live
from rich.markup import escape
from rich.table import Table

from tests.demo.day import UPSTREAMS
from tests.demo.ledger import HOLDS

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence

    from tests.demo.day import Phase
    from tests.demo.gateway import Served
    from tests.demo.ledger import Ledger, Move, Row
    from tests.demo.traffic import Seen

COLOURS: Final = {"closed": "green", "half_open": "yellow", "open": "red"}
WIDE: Final = 150
COLUMNS: Final = (
    "at", "what happened", "requests", "answered", "after failover", "broken in mid-stream", "nobody could",
    "failed", "attempts", "added wait, median / longest", "who was left alone, and came back",
)  # fmt: skip


class View(Protocol):
    """Is told what happens while it happens."""

    def entered(self, at: float, phase: Phase) -> None:
        """A phase began."""
        ...

    def moved(self, move: Move) -> None:
        """A breaker changed its state."""
        ...

    def seen(self, seen: Seen) -> None:
        """A client got its answer, or none."""
        ...

    def refresh(self, at: float) -> None:
        """Some time has passed."""
        ...


def invitation(served: Served) -> tuple[str, str]:
    """Return where the dashboard is and who may enter, in English and in Chinese."""
    return (
        f"Dashboard: {served.dashboard}  name: {served.name}  password: {served.password}",
        f"控制台：{served.dashboard}  用户名：{served.name}  密码：{served.password}",
    )


@contextmanager
def open_view(ledger: Ledger, served: Served, *, until: str) -> Generator[View, None, None]:
    """Yield the view that fits where the output goes; `until` says when it ends."""
    console = Console()
    if not console.is_terminal:
        print("\n".join(invitation(served)), flush=True)
        yield Lines(ledger)
        return
    with Live(console=console, refresh_per_second=8, transient=True) as live:
        yield Dashboard(ledger, live, head=invitation(served), until=until)


class Lines:
    """Writes a line for everything that happens, for logs and pipes."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    def entered(self, at: float, phase: Phase) -> None:
        """Write the title."""
        print(f"{at:5.1f}  == {phase.title}", flush=True)

    def moved(self, move: Move) -> None:
        """Write the move."""
        print(f"{move.at:5.1f}     {move.text}", flush=True)

    def seen(self, seen: Seen) -> None:
        """Write what was no answer."""
        if seen.how == "answered":
            return
        verdict = "failed" if seen.how == "refused" and self._ledger.could_be_answered(seen) else seen.how
        print(f"{seen.ended:5.1f}     {seen.model} {verdict}: {seen.error}", flush=True)

    def refresh(self, at: float) -> None:
        """Write nothing."""


class Dashboard:
    """Draws how everybody is, and the last news."""

    def __init__(self, ledger: Ledger, live: Live, *, head: Sequence[str], until: str) -> None:
        self._ledger = ledger
        self._live = live
        self._head = [f"[bold]{escape(line)}[/]" for line in head]
        self._until = until
        self._phase: Phase | None = None
        self._news: deque[str] = deque(maxlen=12)
        self._served: Counter[str] = Counter()
        self._how: Counter[str] = Counter()

    def entered(self, at: float, phase: Phase) -> None:
        """Show the title."""
        self._phase = phase
        self._news.append(f"[bold]{at:5.1f} {phase.title}[/]")

    def moved(self, move: Move) -> None:
        """Show the move."""
        self._news.append(f"{move.at:5.1f} [{COLOURS[move.state]}]{escape(move.text)}[/]")

    def seen(self, seen: Seen) -> None:
        """Count it."""
        failed = seen.how == "refused" and self._ledger.could_be_answered(seen)
        self._how["failed" if failed else seen.how] += 1
        if seen.served is not None:
            self._served[seen.served] += 1
        if seen.how != "answered":
            self._news.append(f"{seen.ended:5.1f} [magenta]{seen.model} {seen.how}: {escape(seen.error or '')}[/]")

    def refresh(self, at: float) -> None:
        """Draw it anew."""
        phase = self._phase
        if phase is None:
            return
        table = Table("upstream", "how it is", "the gateway", "answers", title=f"{at:.0f} s, {self._until}")
        for name in UPSTREAMS:
            trouble, state = phase.trouble(name), self._ledger.states.get(name, "closed")
            colour = "green" if trouble.answers else "red"
            holds = f"[{COLOURS[state]}]{HOLDS[state]}[/]"
            table.add_row(name, f"[{colour}]{trouble.name}[/]", holds, str(self._served[name]))
        counts = ", ".join(f"{how} {n}" for how, n in sorted(self._how.items()))
        self._live.update(Group(*self._head, table, f"clients: {counts or 'none yet'}", *self._news))


def cells(row: Row) -> list[str]:
    """Return the cells of one row under `COLUMNS`."""
    waits = f"{_median(row.added_s):.2f} / {row.added_s[-1]:.2f} s" if row.added_s else "-"
    moves = "; ".join(f"{each.at:.1f} {each.text}" for each in row.moves)
    counts = (row.n, row.n_first, row.n_rescued, row.n_broken, row.n_refused, row.n_failed, row.n_attempts)
    return [f"{row.at:.0f} s", row.title, *map(str, counts), waits, moves]


def show_end(ledger: Ledger) -> None:
    """Print the day as a table, and the verdict."""
    console = Console()
    if not console.is_terminal:
        console = Console(width=WIDE)
    table = Table(*COLUMNS, show_lines=True)
    for row in ledger.rows():
        table.add_row(*map(escape, cells(row)))
    table.add_row(*map(escape, [*cells(ledger.total())[:-1], ""]), style="bold")
    console.print(table)
    console.print(verdict(ledger))


def verdict(ledger: Ledger) -> str:
    """Return the outcome in a sentence."""
    total, n = ledger.total(), len(ledger.failed())
    answered = total.n_first + total.n_rescued
    if not n:
        return (
            f"{total.n} requests: {answered} answered, {total.n_rescued} of them by a stand-in; {total.n_broken} broke "
            f"after their first words, {total.n_refused} came while nobody could answer; none failed that somebody "
            f"could have answered.{_dark(ledger)}"
        )
    return f"{n} of {total.n} requests failed although somebody could have answered them."


def _dark(ledger: Ledger) -> str:
    """Return how those fared who came while nobody could answer, nothing where nobody did."""
    dark, first = ledger.in_the_dark(), ledger.first_after_dark()
    if not dark:
        return ""
    statuses = ", ".join(f"{n} got {status}" for status, n in sorted(Counter(each.status for each in dark).items()))
    n_waits, n_untold = sum(each.retry_after_s is not None for each in dark), len(ledger.untold())
    told = "each was told who was asked or held back" if not n_untold else f"{n_untold} were told too little"
    after = "" if first is None else f"; the first request after the return was {first.how} by {first.served}"
    return f" In the dark: {statuses}, {n_waits} with Retry-After; {told}{after}."


def _median(values: Sequence[float]) -> float:
    return values[len(values) // 2]
