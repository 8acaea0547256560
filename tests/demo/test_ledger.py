"""What the demo makes of what its clients saw: who could have answered, and whether anybody was failed."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

from tests.demo.day import DAY, ERRORS, GONE, SLOW, UPSTREAMS, WHOLE_DAY_S, Phase, phases
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


def test_somebody_is_well_at_every_hour_of_the_day() -> None:
    """Else there would be requests that nobody could answer, and the demo could not be held to answering all."""
    for phase in DAY:
        assert any(phase.trouble(name).answers for name in UPSTREAMS), phase.title
    assert [each.at_s / 3 for each in DAY] == [each.at_s for each in phases(WHOLE_DAY_S / 3)]


def test_the_recorded_run_is_of_this_day() -> None:
    """Every phase stands in the page, and nobody was failed in it."""
    told = (Path(__file__).parents[2] / "docs" / "reports" / "bad-day.md").read_text(encoding="utf-8")

    assert [] == [phase.title for phase in DAY if phase.title not in told]
    assert "none failed that somebody could have answered" in told
