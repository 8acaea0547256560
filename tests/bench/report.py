"""Turns what the bench measured into the table, the goals reached and missed, and the report in docs/."""

from __future__ import annotations

import argparse
import json
import platform
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from load import Load, Paced
from path import Part
from targets import N_EVENTS

REPORTS = Path(__file__).parents[2] / "docs" / "reports"
PACED_CHUNKS, PACED_GAP_S = 40, 0.05
N_DOCUMENTS = 200
"""Documents of the library that `auto` searches."""


@dataclass
class Row:
    """Everything measured of one target."""

    name: str
    ready_s: float
    rss_idle_mib: float | None
    c1: Load
    c64: Load
    streams: Load
    paced: Paced | None
    many: Paced | None


HEAD = (
    "| target | ready s | idle MiB | MiB at {streams} streams | added p50 µs, c1 | req/s, c64 | CPU µs/request "
    "| chunks/s, c16 | CPU µs/chunk | paced CPU µs/chunk | lag p99 ms, 32 | lag p99 ms, {streams} | n, c64 | errors |"
)


def write(rows: list[Row], thinking: Load, parts: list[Part], options: argparse.Namespace) -> None:
    """Write `docs/reports/bench.md` and `.json`, and print the table."""
    direct, ours = rows[0], next(row for row in rows if row.name == "thalamus")
    lines = [HEAD.format(streams=options.streams), "|" + "---|" * 14]
    lines += [line(row, direct) for row in rows]
    text = REPORT.format(
        when=time.strftime("%Y-%m-%d"),
        python=platform.python_version(),
        table="\n".join(lines),
        ratios="\n".join(ratios(rows, thinking)),
        options=f"--seconds {options.seconds:g} --rounds {options.rounds} --streams {options.streams}",
        auto=f"{thinking.per_s:,.0f} req/s, {thinking.cpu_us or 0:,.0f} µs CPU a request, n = {thinking.n}, "
        f"errors {thinking.bad}",
        parts="\n".join(f"| {part.name} | {part.us:.1f} |" for part in parts),
        books=f"{ours.c64.off_loop_us or 0:,.0f} µs of {ours.c64.cpu_us or 0:,.0f} µs",
        documents=N_DOCUMENTS,
        events=N_EVENTS,
        chunks=PACED_CHUNKS,
        gap=round(PACED_GAP_S * 1000),
    )
    REPORTS.mkdir(parents=True, exist_ok=True)
    (REPORTS / "bench.md").write_text(text)
    (REPORTS / "bench.json").write_text(
        json.dumps(
            {
                "targets": [asdict(row) for row in rows],
                "auto": asdict(thinking),
                "path": [asdict(part) for part in parts],
            },
            indent=1,
        )
        + "\n"
    )
    print(text)


def line(row: Row, direct: Row) -> str:
    """Return one table row."""

    def show(value: float | None, digits: int = 1) -> str:
        return "" if value is None else f"{value:,.{digits}f}"

    per_chunk = row.streams.cpu_us / (N_EVENTS + 3) if row.streams.cpu_us is not None else None
    bad = row.c1.bad + row.c64.bad + row.streams.bad + sum(each.bad for each in (row.paced, row.many) if each)
    cells = [
        row.name,
        show(row.ready_s, 2),
        show(row.rss_idle_mib, 0),
        show(row.many.rss_mib if row.many else None, 0),
        show(row.c1.p50_us - direct.c1.p50_us, 0),
        show(row.c64.per_s, 0),
        show(row.c64.cpu_us, 0),
        show(row.streams.per_s * (N_EVENTS + 3), 0),
        show(per_chunk),
        show(row.paced.cpu_us_per_chunk if row.paced else None, 0),
        show(row.paced.lag_p99_ms if row.paced else None),
        show(row.many.lag_p99_ms if row.many else None),
        str(row.c64.n),
        str(bad),
    ]
    return "| " + " | ".join(cells) + " |"


def ratios(rows: list[Row], thinking: Load) -> list[str]:
    """Return the goals with what this run reached; a goal without its other side is said to be unmeasured."""
    by_name = {row.name: row for row in rows}
    ours, web, peer = by_name["thalamus"], by_name["nginx"], by_name.get("litellm")
    direct = by_name["direct"]

    def added(row: Row) -> float:
        return max(row.c1.p50_us - direct.c1.p50_us, 0.1)

    found: list[tuple[str, str, float | None, bool | None]] = []

    def goal(
        name: str, text: str, value: float | None, *, at_least: float | None = None, at_most: float | None = None
    ) -> None:
        met = None if value is None else value >= at_least if at_least is not None else value <= (at_most or 0)
        found.append((name, text, value, met))

    goal(
        "req/s at c64 against LiteLLM",
        ">= 20x",
        ours.c64.per_s / peer.c64.per_s if peer and peer.c64.per_s else None,
        at_least=20,
    )
    goal("CPU per request against nginx", "<= 25x", _ratio(ours.c64.cpu_us, web.c64.cpu_us), at_most=25)
    goal("added p50 at c1 against nginx", "<= 8x", added(ours) / added(web), at_most=8)
    goal("CPU per paced chunk against nginx", "<= 4x", _ratio(_cpu(ours.paced), _cpu(web.paced)), at_most=4)
    goal("lag p99 with many streams against LiteLLM", "<= 1/20", _ratio(_lag(ours), _lag(peer)), at_most=0.05)
    goal("memory with many streams against LiteLLM", "<= 1/3", _ratio(_rss(ours), _rss(peer)), at_most=1 / 3)
    goal(
        "`auto` with retrieval, req/s at c64 against LiteLLM's pass-through",
        ">= 5x",
        thinking.per_s / peer.c64.per_s if peer and peer.c64.per_s else None,
        at_least=5,
    )
    goal("ready against LiteLLM", "<= 1/6", ours.ready_s / peer.ready_s if peer else None, at_most=1 / 6)
    return [
        f"| {name} | {text} | {'not measured' if value is None else f'{value:.3g}x'} | "
        f"{'' if met is None else 'reached' if met else 'missed'} |"
        for name, text, value, met in found
    ]


def _ratio(one: float | None, other: float | None) -> float | None:
    return one / other if one is not None and other else None


def _cpu(paced: Paced | None) -> float | None:
    return paced.cpu_us_per_chunk if paced else None


def _lag(row: Row | None) -> float | None:
    return row.many.lag_p99_ms if row and row.many else None


def _rss(row: Row | None) -> float | None:
    return row.many.rss_mib if row and row.many else None


REPORT = """# Bench

Made by `make bench` ({options}) on {when}, Python {python}, two shared cores, everything on loopback.
Pass-through route: a named model, no key check beyond the default, the books switched on (SQLite).

{table}

Added p50 is the median at one connection minus that of the direct connection. Chunks per second: {events} content
events in one unpaced stream. Paced: {chunks} chunks a stream, one every {gap} ms; lag is arrival minus the time that
the upstream stamped into the chunk. Each load figure is the median of the rounds; n counts the requests behind it.

`auto` with retrieval over {documents} documents, a passage placed in every request, c64: {auto}.

The books (decision, attempt, preview, sums) at c64 cost {books} a request; their thread writes them, beside the loop.

What the parts of the request path cost by themselves, in one process, least of several repetitions:

| part | µs CPU a request |
|---|---|
{parts}

| figure | goal | this run | |
|---|---|---|---|
{ratios}
"""
