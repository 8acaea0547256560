"""`make bench`: the gateway beside a direct connection, nginx and LiteLLM; ratios of one run, as a table in docs/.

All figures come from one machine in one go. Absolute times say little on a shared machine; read the ratios.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

from load import Load, rss_mib, run_paced, run_wrk
from paced_upstream import __file__ as paced_file
from path import measure_path
from report import N_DOCUMENTS, PACED_CHUNKS, PACED_GAP_S, Row, write
from rich.progress import track
from targets import (
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

SETTLE_S = 4.0
Servers = dict[str, Target]


def main() -> None:
    """Measure, print and write the report."""
    options = parse()
    with tempfile.TemporaryDirectory(prefix="thalamus-bench-") as name, ExitStack() as stack:
        folder = Path(name)
        folder.chmod(0o755)  # nginx's worker runs as nobody
        targets = start(stack, folder)
        rows = [measure(target, options, folder) for target in track(targets, "measuring")]
        thinking = think(stack, folder, options, mock_url=targets[0]["plain"].url)
    write(rows, thinking, measure_path(), options)


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


def think(stack: ExitStack, folder: Path, options: argparse.Namespace, *, mock_url: str) -> Load:
    """Measure `auto` with retrieval: every request searches a library and carries a passage to the model."""
    started = thalamus(folder / "thinking", {"plain": f"{mock_url}/v1"}, documents=N_DOCUMENTS)
    url, pid, ready = stack.enter_context(started)
    target = Target("thalamus, auto", url, "auto", pid, ready)
    run_wrk(target, model="auto", stream=False, connections=4, seconds=options.seconds, folder=folder)  # warm-up
    return median(
        [
            run_wrk(target, model="auto", stream=False, connections=64, seconds=options.seconds, folder=folder)
            for _ in range(options.rounds)
        ]
    )


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
        off_loop_us=mid([run.off_loop_us for run in runs]),
    )


if __name__ == "__main__":
    main()
