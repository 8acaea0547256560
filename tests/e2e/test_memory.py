"""Memory does not grow with the number of streamed requests; the real server in a process of its own."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import sys
from collections.abc import AsyncGenerator
from pathlib import Path

import httpx
import pytest

from router.providers.scripted import Reply, Script, scripted_upstream
from tests.e2e.gateway import HEAD, model, user

N_EARLY, N_LATE, N_CLIENTS = 2_000, 20_000, 24
END = b"0\r\n\r\n"


def rss_kib(pid: int) -> int:
    """Return the resident memory of a process."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") // 1024


@contextlib.asynccontextmanager
async def served(folder: Path, toml: str) -> AsyncGenerator[tuple[str, int], None]:
    """Run `thalamus serve` on a free port; gives its URL and pid."""
    config = folder / "thalamus.toml"
    config.write_text(HEAD + toml)
    thalamus = str(Path(sys.executable).parent / "thalamus")
    log = folder / "out.log"
    with log.open("wb") as out:
        process = await asyncio.create_subprocess_exec(
            thalamus, "serve", "--config", str(config), "--json", stdout=out, stderr=asyncio.subprocess.STDOUT
        )
        try:
            async with asyncio.timeout(30):
                while b"base_url" not in log.read_bytes():
                    assert process.returncode is None, log.read_text()
                    await asyncio.sleep(0.05)
            ready = next(line for line in log.read_text().splitlines() if "base_url" in line)
            yield json.loads(ready)["base_url"].removesuffix("/v1"), process.pid
        finally:
            process.terminate()
            await process.wait()


async def stream_many(url: str, n: int) -> int:
    """Send so many streamed requests over keep-alive connections; return how many ended whole."""
    host, port = url.removeprefix("http://").split(":")
    body = json.dumps({"model": "m", "messages": user("hi"), "stream": True}).encode()
    request = (
        f"POST /v1/chat/completions HTTP/1.1\r\nhost: {host}\r\ncontent-type: application/json\r\n"
        f"content-length: {len(body)}\r\n\r\n"
    ).encode() + body

    async def client(share: int) -> int:
        reader, writer = await asyncio.open_connection(host, int(port))
        whole = 0
        for _ in range(share):
            writer.write(request)
            answer = await reader.readuntil(END)
            whole += b"data: [DONE]" in answer
        writer.close()
        return whole

    shares = [n // N_CLIENTS + (position < n % N_CLIENTS) for position in range(N_CLIENTS)]
    return sum(await asyncio.gather(*map(client, shares)))


@pytest.mark.slow
async def test_memory_after_20_000_streams_is_that_after_2_000(tmp_path: Path) -> None:
    """Within 5 %: nothing is kept of a request but its row in the database."""
    script = Script((Reply(text="one two three four five six"),))
    async with (
        scripted_upstream(script) as upstream,
        served(tmp_path, model("m", upstream.url + "/v1")) as (url, pid),
        httpx.AsyncClient(base_url=url) as http,
    ):
        upstream.keep_requests = False
        assert N_EARLY == await stream_many(url, N_EARLY)
        early = rss_kib(pid)
        assert N_LATE - N_EARLY == await stream_many(url, N_LATE - N_EARLY)
        late = rss_kib(pid)
        health = (await http.get("/health")).json()

    assert "ok" == health["status"]
    assert late <= early * 1.05, f"{early} KiB after {N_EARLY}, {late} KiB after {N_LATE}"
