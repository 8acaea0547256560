"""`make bench`: the gateway beside a direct connection, nginx and LiteLLM; ratios of one run, as a table in docs/.

All figures come from one machine in one go. Absolute times say little on a shared machine; read the ratios.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import platform
import statistics
import sys
import tempfile
import time
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path

from load import Load, Paced, rss_mib, run_paced, run_wrk
from paced_upstream import __file__ as paced_file
from rich.progress import track
from targets import (
    N_EVENTS,
    PROXY_BLOCK,
    Target,
    free_port,
    litellm,
    litellm_binary,
    mock_upstream,
    nginx,
    process,
    thalamus,
)

REPORTS = Path(__file__).parents[2] / "docs" / "reports"
PACED_CHUNKS, PACED_GAP_S = 40, 0.05
SETTLE_S = 4.0
Servers = dict[str, Target]


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


def main() -> None:
    """Measure, print and write the report."""
    options = parse()
    with tempfile.TemporaryDirectory(prefix="thalamus-bench-") as name, ExitStack() as stack:
        folder = Path(name)
        folder.chmod(0o755)  # nginx's worker runs as nobody
        rows = [measure(target, options, folder) for target in track(start(stack, folder), "measuring")]
    write(rows, options)


def parse() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=5.0, help="length of each load (default 5)")
    parser.add_argument("--rounds", type=int, default=3, help="repetitions; the median is reported (default 3)")
    parser.add_argument("--streams", type=int, default=500, help="paced streams at once (default 500)")
    return parser.parse_args()


def start(stack: ExitStack, folder: Path) -> list[dict[str, Target]]:
    """Start everything once; returns per target the servers for plain, streamed and paced answers."""
    mock = stack.enter_context(mock_upstream(folder))
    paced = free_port()
    command = [sys.executable, paced_file, str(paced), str(PACED_CHUNKS), str(PACED_GAP_S)]
    stack.enter_context(process(command, folder / "paced.log"))
    bases = {kind: f"http://127.0.0.1:{mock}/{kind}" for kind in ("plain", "stream")}
    bases["paced"] = f"http://127.0.0.1:{paced}"
    targets = [{kind: Target("direct", url, "bench", None) for kind, url in bases.items()}]
    front = free_port()
    front_paced = free_port()
    blocks = PROXY_BLOCK.format(mock=mock, port=front) + PROXY_BLOCK.replace("upstream mock", "upstream paced").replace(
        "http://mock", "http://paced"
    ).format(mock=paced, port=front_paced)
    worker = stack.enter_context(nginx(folder / "front", blocks))
    urls = {kind: f"http://127.0.0.1:{front}/{kind}" for kind in ("plain", "stream")}
    urls["paced"] = f"http://127.0.0.1:{front_paced}"
    targets.append({kind: Target("nginx", url, "bench", worker, 0.03) for kind, url in urls.items()})
    upstreams = {kind: f"{url}/v1" for kind, url in bases.items()}
    url, pid, ready = stack.enter_context(thalamus(folder / "thalamus", upstreams))
    targets.append({kind: Target("thalamus", url, kind, pid, ready) for kind in bases})
    binary = litellm_binary()
    if binary is not None:
        url, pid, ready = stack.enter_context(litellm(folder / "litellm", upstreams, binary))
        targets.append({kind: Target("litellm", url, kind, pid, ready) for kind in bases})
    return targets


def measure(servers: dict[str, Target], options: argparse.Namespace, folder: Path) -> Row:
    """Measure one target; each figure is the median of the rounds."""
    plain, streamed, paced = servers["plain"], servers["stream"], servers["paced"]
    idle = rss_mib(plain.pid)

    def load(target: Target, *, stream: bool, connections: int) -> Load:
        runs = [
            run_wrk(
                target,
                model=target.model,
                stream=stream,
                connections=connections,
                seconds=options.seconds,
                folder=folder,
            )
            for _ in range(options.rounds)
        ]
        return median(runs)

    load(plain, stream=False, connections=4)  # warm-up
    loads = (
        load(plain, stream=False, connections=1),
        load(plain, stream=False, connections=64),
        load(streamed, stream=True, connections=16),
    )
    time.sleep(SETTLE_S)  # what the loads left to be booked is no part of the paced figures
    return Row(
        plain.name,
        plain.ready_s,
        idle,
        *loads,
        asyncio.run(run_paced(paced, model=paced.model, n_streams=32, n_chunks=PACED_CHUNKS)),
        asyncio.run(run_paced(paced, model=paced.model, n_streams=options.streams, n_chunks=PACED_CHUNKS)),
    )


def median(runs: list[Load]) -> Load:
    """Return the figure-wise median of several runs."""

    def mid(values: list[float | None]) -> float | None:
        known = [value for value in values if value is not None]
        return statistics.median(known) if known else None

    return Load(
        n=sum(run.n for run in runs),
        per_s=mid([run.per_s for run in runs]) or 0.0,
        p50_us=mid([run.p50_us for run in runs]) or 0.0,
        p99_us=mid([run.p99_us for run in runs]) or 0.0,
        cpu_us=mid([run.cpu_us for run in runs]),
        bad=sum(run.bad for run in runs),
    )


HEAD = (
    "| target | ready s | idle MiB | MiB at {streams} streams | added p50 µs, c1 | req/s, c64 | CPU µs/request "
    "| chunks/s, c16 | CPU µs/chunk | paced CPU µs/chunk | lag p99 ms, 32 | lag p99 ms, {streams} | n, c64 | errors |"
)


def write(rows: list[Row], options: argparse.Namespace) -> None:
    """Write `docs/reports/bench.md` and `.json`, and print the table."""
    direct = rows[0]
    lines = [HEAD.format(streams=options.streams), "|" + "---|" * 14]
    lines += [line(row, direct) for row in rows]
    text = REPORT.format(
        when=time.strftime("%Y-%m-%d"),
        python=platform.python_version(),
        table="\n".join(lines),
        ratios="\n".join(ratios(rows)),
        options=f"--seconds {options.seconds:g} --rounds {options.rounds} --streams {options.streams}",
        events=N_EVENTS,
        chunks=PACED_CHUNKS,
        gap=round(PACED_GAP_S * 1000),
    )
    REPORTS.mkdir(parents=True, exist_ok=True)
    (REPORTS / "bench.md").write_text(text)
    (REPORTS / "bench.json").write_text(json.dumps([asdict(row) for row in rows], indent=1) + "\n")
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


def ratios(rows: list[Row]) -> list[str]:
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

| figure | goal | this run | |
|---|---|---|---|
{ratios}
"""

if __name__ == "__main__":
    main()
