"""Load and readings: wrk for throughput and latency, a paced stream client for lag, /proc for CPU and memory."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

from targets import Target, require

BODY = {
    "model": "bench",
    "messages": [
        {"role": "system", "content": "You are a careful assistant. Answer in one sentence and cite what you used."},
        {"role": "user", "content": "What does a gateway do with an answer that it relays from a provider? " * 3},
    ],
    "temperature": 0.2,
}
LUA = """
wrk.method = "POST"
wrk.body = [[{body}]]
wrk.headers["Content-Type"] = "application/json"
wrk.headers["Authorization"] = "Bearer any"
done = function(summary, latency, requests)
  io.write(string.format('{{"n":%d,"us":%d,"p50":%.1f,"p99":%.1f,"bytes":%d,"bad":%d}}\\n', summary.requests,
    summary.duration, latency:percentile(50), latency:percentile(99), summary.bytes,
    summary.errors.connect + summary.errors.read + summary.errors.write + summary.errors.status + summary.errors.timeout))
end
"""
TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Load:
    """One run of wrk. Latencies in microseconds, CPU in microseconds of the target per request."""

    n: int
    per_s: float
    p50_us: float
    p99_us: float
    cpu_us: float | None
    bad: int
    off_loop_us: float | None = None
    """Of `cpu_us`, what other threads than the first spent: here the writer of the books."""


def run_wrk(target: Target, *, model: str, stream: bool, connections: int, seconds: float, folder: Path) -> Load:
    """Load the target for so many seconds with so many connections."""
    script = folder / "post.lua"
    script.write_text(LUA.format(body=json.dumps(BODY | {"model": model, "stream": stream})))
    url = f"{target.url}/v1/chat/completions"
    command = [require("wrk"), "-t1", f"-c{connections}", f"-d{seconds:g}s", "--timeout", "20s", "-s", str(script), url]
    before, loop_before = cpu_s(target.pid), loop_cpu_s(target.pid)
    out = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    spent, loop_spent = cpu_s(target.pid) - before, loop_cpu_s(target.pid) - loop_before
    row = json.loads(next(line for line in out.splitlines() if line.startswith("{")))
    n = max(1, row["n"])
    cpu_us = spent / n * 1e6 if target.pid else None
    off_loop_us = (spent - loop_spent) / n * 1e6 if target.pid else None
    return Load(row["n"], row["n"] / row["us"] * 1e6, row["p50"], row["p99"], cpu_us, row["bad"], off_loop_us)


@dataclass(frozen=True)
class Paced:
    """Many paced streams at once. Lags in milliseconds: arrival minus the time the upstream stamped."""

    n_chunks: int
    lag_p50_ms: float
    lag_p99_ms: float
    cpu_us_per_chunk: float | None
    rss_mib: float | None
    bad: int


async def run_paced(target: Target, *, model: str, n_streams: int, n_chunks: int) -> Paced:
    """Open so many streams at once and read each chunk's stamp."""
    before, lags, bad, peak = cpu_s(target.pid), list[float](), 0, 0.0
    done = asyncio.Event()

    async def watch_memory() -> None:
        nonlocal peak
        while not done.is_set():
            peak = max(peak, rss_mib(target.pid) or 0.0)
            await asyncio.sleep(0.1)

    watcher = asyncio.create_task(watch_memory())
    results = await asyncio.gather(*(one_stream(target.url, model) for _ in range(n_streams)))
    done.set()
    await watcher
    for found in results:
        lags.extend(found)
        bad += len(found) != n_chunks
    lags.sort()
    spent = cpu_s(target.pid) - before
    n = max(1, len(lags))
    pick = lambda share: lags[min(len(lags) - 1, int(share * len(lags)))] * 1000 if lags else float("nan")  # noqa: E731
    return Paced(len(lags), pick(0.5), pick(0.99), spent / n * 1e6 if target.pid else None, peak or None, bad)


async def one_stream(base_url: str, model: str) -> list[float]:
    """Read one stream over a raw socket; return the lag of each stamped chunk in seconds."""
    host, port = base_url.removeprefix("http://").split(":")
    body = json.dumps(BODY | {"model": model, "stream": True}).encode()
    head = f"POST /v1/chat/completions HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\n"
    head += f"Authorization: Bearer any\r\nConnection: close\r\nContent-Length: {len(body)}\r\n\r\n"
    lags: list[float] = []
    reader, writer = await asyncio.open_connection(host, int(port))
    try:
        writer.write(head.encode() + body)
        while line := await reader.readline():
            arrived = time.time()
            at = line.find(b"@")
            if line.startswith(b"data: {") and at > 0:
                lags.append(arrived - float(line[at + 1 : line.index(b"@", at + 1)]))
    finally:
        writer.close()
    return lags


def cpu_s(pid: int | None) -> float:
    """Return CPU seconds (user and system) of a process and its children so far."""
    return sum(_ticks(each) for each in _tree(pid)) / TICKS


def loop_cpu_s(pid: int | None) -> float:
    """Return CPU seconds of a process's first thread so far, which is the one that runs the event loop."""
    return _ticks_of(Path(f"/proc/{pid}/task/{pid}/stat")) / TICKS if pid is not None else 0.0


def rss_mib(pid: int | None) -> float | None:
    """Return the resident memory of a process and its children."""
    pages = [int(Path(f"/proc/{each}/statm").read_text().split()[1]) for each in _tree(pid)]
    return sum(pages) * os.sysconf("SC_PAGE_SIZE") / 2**20 if pages else None


def _tree(pid: int | None) -> list[int]:
    if pid is None:
        return []
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [pid, *(each for child in children for each in _tree(int(child)))]


def _ticks(pid: int) -> int:
    return _ticks_of(Path(f"/proc/{pid}/stat"))


def _ticks_of(stat: Path) -> int:
    fields = stat.read_text().rpartition(")")[2].split()
    return int(fields[11]) + int(fields[12])
