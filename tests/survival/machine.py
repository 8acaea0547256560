"""The real command in a process of its own, on one port and one folder: started, killed, started again."""

from __future__ import annotations

import asyncio
import json
import os
import sqlite3
import sys
import time
from contextlib import asynccontextmanager, closing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx

from tests.e2e.gateway import HEAD

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

COMMAND = (sys.executable, "-P", "-m", "proxy.cli", "serve", "--json")
FULL = os.environ.get("THALAMUS_SURVIVAL") == "full"
"""Whether the whole numbers are wanted (`make survive`), or those that `make test` has time for."""


@dataclass(frozen=True, slots=True)
class Server:
    """A running gateway. `start_s` is the time from the command to its first answer."""

    url: str
    process: asyncio.subprocess.Process
    start_s: float

    @property
    def port(self) -> int:
        """The port it was bound to."""
        return int(self.url.rpartition(":")[2])


def write_settings(folder: Path, *toml: str, drain_s: float = 5.0) -> None:
    """Write the settings file of a folder."""
    head = HEAD.replace("port = 0", f"port = 0\ndrain_s = {drain_s:g}")
    (folder / "thalamus.toml").write_text(head + "".join(toml), encoding="utf-8")


@asynccontextmanager
async def serving(folder: Path, *, port: int = 0) -> AsyncGenerator[Server]:
    """Run the command in this folder until the block ends; it is killed there unless it has ended itself."""
    env = {name: value for name, value in os.environ.items() if not name.startswith(("THALAMUS_", "COV_"))}
    started = time.monotonic()
    with (folder / "out.log").open("ab") as log:
        process = await asyncio.create_subprocess_exec(
            *COMMAND, "--port", str(port), cwd=folder, env=env, stdout=asyncio.subprocess.PIPE, stderr=log
        )
    try:
        assert process.stdout is not None
        async with asyncio.timeout(30):
            line = await process.stdout.readline()
        url = str(json.loads(line)["base_url"]).removesuffix("/v1")
        async with httpx.AsyncClient(base_url=url, trust_env=False) as http:
            while (await http.get("/health/ready")).status_code != httpx.codes.OK:  # noqa: ASYNC110  # over the wire
                await asyncio.sleep(0.01)
        yield Server(url, process, time.monotonic() - started)
    finally:
        if process.returncode is None:
            with suppress(ProcessLookupError):
                process.kill()
        await process.wait()


def rows(folder: Path, query: str) -> list[dict[str, Any]]:
    """Return what a query finds in the folder's database."""
    [file] = folder.rglob("*.sqlite")
    with closing(sqlite3.connect(file)) as connection:
        connection.row_factory = sqlite3.Row
        return [dict(row) for row in connection.execute(query).fetchall()]


def open_sockets(pid: int) -> int:
    """Return how many sockets a process holds."""
    n = 0
    for each in Path(f"/proc/{pid}/fd").iterdir():
        with suppress(OSError):  # closed while we looked
            n += os.readlink(each).startswith("socket:")  # noqa: PTH115  # such a link leads to no path
    return n


def rss_mib(pid: int) -> float:
    """Return the resident memory of a process."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20
