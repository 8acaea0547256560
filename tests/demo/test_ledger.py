"""What the demo makes of what its clients saw: who could have answered, and whether anybody was failed."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

from tests.demo.day import DAY, ERRORS, GONE, SLOW, UPSTREAMS, WELL, WHOLE_DAY_S, Phase, phases
from tests.demo.ledger import Ledger
from tests.demo.report import page
from tests.demo.traffic import How, Seen
from tests.demo.view import Lines, cells, verdict

OTHERS_DOWN = {"gpt": ERRORS, "deepseek": ERRORS}
OPTIONS = cast("Any", SimpleNamespace(seconds=30.0, rate=6.0, seed=1))


def ledger(*seen: Seen) -> Ledger:
    """Return a day of three phases of ten seconds: one is left, nobody is left, another is left."""
    day = Ledger((
        Phase(0, "claude is left", {**OTHERS_DOWN, "local": GONE, "claude": SLOW}),
        Phase(10, "nobody is left", {**OTHERS_DOWN, "local": GONE, "claude": GONE}),
        Phase(20, "local is left", {**OTHERS_DOWN, "claude": GONE}),
    ))  # fmt: skip
    for at in (0.0, 10.0, 20.0):
        day.enter(at)
    day.seen += seen
    return day


def seen(began: float, ended: float, how: How = "refused", *, n_attempts: int = 1) -> Seen:
    """Return a request with its books."""
    attempts = [
        {"committed": i == n_attempts - 1 and how == "answered", "duration_ms": 250.0, "usage_raw": {"n": 1}}
        for i in range(n_attempts)
    ]
    return Seen(
        began, "auto", stream=True, ended=ended, how=how, first_s=0.5, served="claude", decision_id="d",
        error="502 no", decision={"id": "d", "requested": "auto", "attempts": attempts},
    )  # fmt: skip


def test_a_request_failed_only_where_somebody_was_well_all_the_time() -> None:
    """Slow is well; a request that outlives the only one who was well could not have been answered."""
    within, beyond, in_the_dark, after = seen(1, 9), seen(9, 11), seen(12, 18), seen(21, 22)
    day = ledger(within, beyond, in_the_dark, after, seen(3, 4, "broken"), seen(3, 4, "answered"))

    assert [within, after] == day.failed()
    assert verdict(day).startswith("2 of 6 requests failed")
    rows = day.rows()
    assert [(4, 1), (1, 0), (1, 1)] == [(row.n, row.n_failed) for row in rows]
    assert (1, 1, 1) == (rows[0].n_refused, rows[0].n_broken, rows[0].n_first)


def refused(began: float, *, status: int = 503, retry_after_s: float | None = 2.0, n_told: int = 4) -> Seen:
    """Return a refusal in the dark phase, with what its error told."""
    return replace(seen(began, began + 1), status=status, retry_after_s=retry_after_s, n_told=n_told)


def test_who_came_in_the_dark_was_told_whom_we_asked_and_when_to_come_again() -> None:
    """Counted apart from those who were failed; a 503 without a time, or an error that names nobody, is too little."""
    told, plain_502 = refused(12), refused(13, status=502, retry_after_s=None)
    no_time, nobody_named = refused(14, retry_after_s=None), refused(15, n_told=0)
    day = ledger(told, plain_502, no_time, nobody_named, seen(20.5, 21, "answered"), seen(22, 23, "answered"))

    assert ([told, plain_502, no_time, nobody_named], []) == (day.in_the_dark(), day.failed())
    assert [no_time, nobody_named] == day.untold()
    assert "1 got 502, 3 got 503, 2 with Retry-After; 2 were told too little" in verdict(day)


def test_the_first_request_after_the_return_is_named() -> None:
    """In whichever order they ended; where nobody came in the dark there is nothing to tell."""
    dark, bright = ledger(refused(12), seen(25, 26, "answered"), seen(20.5, 27, "answered")), ledger(seen(1, 2))

    assert (20.5, None) == (getattr(dark.first_after_dark(), "began", None), bright.first_after_dark())
    assert "the first request after the return was answered by claude" in verdict(dark)
    assert "In the dark" not in verdict(ledger(seen(1, 2, "answered")))


def test_the_wait_that_failures_add_is_theirs_alone() -> None:
    """The attempt that answered is no wait; the table shows median and longest."""
    day = ledger(seen(1, 2, "answered", n_attempts=3), seen(1, 2, "answered"))
    row = day.rows()[0]

    assert (1, 1, 4, (0.5,)) == (row.n_first, row.n_rescued, row.n_attempts, row.added_s)
    assert "0.50 / 0.50 s" in cells(row)
    assert "2 answered, 1 of them by a stand-in" in verdict(day)


def test_only_changes_of_a_breaker_are_moves() -> None:
    """Told again and again, noted once; closed is where everybody begins."""
    day = ledger()
    opened = {"state": "open", "scope": "host", "reason": "transient"}

    assert day.watch(1.0, "gpt", {"state": "closed", "scope": None, "reason": None}) is None
    move = day.watch(2.0, "gpt", opened)
    assert move is not None
    assert "gpt left alone (host: transient)" == move.text
    assert day.watch(3.0, "gpt", opened) is None
    assert ["gpt left alone (host: transient)"] == [each.text for each in day.rows()[0].moves]


def test_the_page_explains_the_failover_with_most_attempts() -> None:
    """With its decision, without the raw usage; a day without any has no such section."""
    told = page(ledger(seen(1, 2, "answered", n_attempts=3), seen(2, 3, "answered", n_attempts=2)), OPTIONS)

    assert "At 1.0 s a client asked for `auto`, streamed" in told
    assert '"requested": "auto"' in told
    assert "usage_raw" not in told
    assert "explained" not in page(ledger(seen(2, 3, "answered")), OPTIONS)


def test_lines_tell_a_needless_failure_from_one_that_nobody_could_help(capsys: Any) -> None:
    """What was answered is not worth a line."""
    day = ledger()
    lines = Lines(day)
    for each in (seen(1, 2), seen(12, 13), seen(1, 2, "broken"), seen(1, 2, "answered")):
        lines.seen(each)

    said = [line.split()[2].rstrip(":") for line in capsys.readouterr().out.splitlines()]
    assert ["failed", "refused", "broken"] == said


def test_somebody_is_well_at_every_hour_of_the_day_but_one() -> None:
    """The demo is held to answering all but those who come in the dark, and to being there when that ends."""
    dark = [phase.title for phase in DAY if phase.is_dark]

    assert ["nobody is left"] == dark
    assert [each.at_s / 3 for each in DAY] == [each.at_s for each in phases(WHOLE_DAY_S / 3)]
    assert not any(DAY[-1].trouble(name) != WELL for name in UPSTREAMS)


def test_the_recorded_run_is_of_this_day() -> None:
    """Every phase stands in the page, and nobody was failed in it."""
    told = (Path(__file__).parents[2] / "docs" / "reports" / "bad-day.md").read_text(encoding="utf-8")

    assert [] == [phase.title for phase in DAY if phase.title not in told]
    assert "none failed that somebody could have answered" in told
