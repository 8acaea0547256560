"""Starts the containers' topology as processes: PostgreSQL, one migration, N gateways, and one front before them.

    .venv/bin/python tests/bin/topology.py --gateways 2

The front is a plain TCP relay that takes the gateways in turn and passes over those that do not answer: streams pass
through it untouched. Ctrl-C ends everything in order.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import secrets
import signal
import sys
import tempfile
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))  # started as a program, only tests/bin is on the path

from tests.postgres import NoPostgresError, running_postgres

CHUNK = 64 * 1024
THALAMUS = [sys.executable, "-m", "proxy.cli"]
START_TIMEOUT_S = 60.0


class TopologyError(Exception):
    """A part did not start; the message holds what it said."""


@dataclass
class GatewayProcess:
    """One gateway; `url` has no `/v1`."""

    url: str
    process: asyncio.subprocess.Process


@dataclass
class Front:
    """The relay before the gateways."""

    backends: Sequence[tuple[str, int]]
    turn: int = 0
    url: str = ""

    async def relay(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Join one client with the next gateway that answers."""
        upstream = await self._next()
        if upstream is None:
            writer.close()
            return
        up_reader, up_writer = upstream
        await asyncio.gather(_pump(reader, up_writer), _pump(up_reader, writer))

    async def _next(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter] | None:
        for _ in self.backends:
            host, port = self.backends[self.turn % len(self.backends)]
            self.turn += 1
            with suppress(OSError):
                return await asyncio.open_connection(host, port)
        return None


@dataclass
class Topology:
    """Everything that runs; `url` is the front's."""

    url: str
    gateways: list[GatewayProcess]
    pepper: str


@asynccontextmanager
async def topology(
    folder: Path, *, database_url: str, n_gateways: int = 2, env: Mapping[str, str] | None = None, port: int = 0
) -> AsyncGenerator[Topology]:
    """Migrate, start the gateways, each with a folder of its own, and put the front before them."""
    pepper = secrets.token_hex(32)  # shared, so that each verifies the others' keys
    common = environment(database_url, pepper, env or {})
    async with AsyncExitStack() as stack:
        await _finish([*THALAMUS, "db", "upgrade"], {**common, "THALAMUS_STATE_DIR": str(folder / "migrate")}, folder)
        gateways = [
            await stack.enter_async_context(_gateway(folder / f"gateway-{n}", common)) for n in range(1, n_gateways + 1)
        ]
        front = Front([_address(each.url) for each in gateways])
        server = await asyncio.start_server(front.relay, "127.0.0.1", port)
        stack.callback(server.close)
        front.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        yield Topology(front.url, gateways, pepper)


def environment(database_url: str, pepper: str, more: Mapping[str, str]) -> dict[str, str]:
    """Return what every part of the topology has in its environment."""
    return {**os.environ, "THALAMUS_STORAGE__URL": database_url, "THALAMUS_KEY_PEPPER": pepper, **more}


@asynccontextmanager
async def _gateway(folder: Path, env: dict[str, str]) -> AsyncGenerator[GatewayProcess]:
    log = _log(folder)
    process = await asyncio.create_subprocess_exec(
        *THALAMUS, "serve", "--port", "0", "--json",
        cwd=folder, env={**env, "THALAMUS_STATE_DIR": str(folder)}, stdout=asyncio.subprocess.PIPE, stderr=log,
    )  # fmt: skip
    try:
        if process.stdout is None:
            raise TopologyError("the gateway has no output")
        async with asyncio.timeout(START_TIMEOUT_S):
            line = await process.stdout.readline()
        if not line:
            raise TopologyError(f"a gateway did not start: {_tail(folder)}")
        yield GatewayProcess(json.loads(line)["base_url"].removesuffix("/v1"), process)
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()
        log.close()


def _log(folder: Path) -> BinaryIO:
    folder.mkdir(parents=True, exist_ok=True)
    return (folder / "log").open("wb")


def _tail(folder: Path) -> str:
    return (folder / "log").read_text(encoding="utf-8", errors="replace")[-2000:]


async def _finish(command: Sequence[str], env: dict[str, str], folder: Path) -> None:
    process = await asyncio.create_subprocess_exec(
        *command, cwd=folder, env=env, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    said, _ = await process.communicate()
    if process.returncode != 0:
        raise TopologyError(f"{' '.join(command[1:])} failed: {said.decode()[-2000:]}")


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Copy until one side ends; a side that breaks off is an end too."""
    with suppress(ConnectionError):
        while data := await reader.read(CHUNK):
            writer.write(data)
            await writer.drain()
    writer.close()
    with suppress(ConnectionError):
        await writer.wait_closed()


def _address(url: str) -> tuple[str, int]:
    host, _, port = url.removeprefix("http://").rpartition(":")
    return host, int(port)


async def _run(n_gateways: int, port: int, database_url: str) -> None:
    stopped = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    with tempfile.TemporaryDirectory(prefix="thalamus-topology-") as folder:
        async with topology(Path(folder), database_url=database_url, n_gateways=n_gateways, port=port) as running:
            print(f"{n_gateways} gateways behind {running.url}/v1", flush=True)
            for each in running.gateways:
                print(f"  {each.url} (process {each.process.pid})", flush=True)
            await stopped.wait()


def main() -> int:
    """Run until Ctrl-C."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--gateways", type=int, default=2)
    parser.add_argument("--port", type=int, default=0, help="port of the front; 0 takes a free one")
    parser.add_argument("--sqlite", type=Path, help="use this SQLite file in place of PostgreSQL")
    asked = parser.parse_args()
    if asked.sqlite:
        asyncio.run(_run(asked.gateways, asked.port, f"sqlite:///{asked.sqlite.resolve()}"))
        return 0
    try:
        with running_postgres() as server:
            asyncio.run(_run(asked.gateways, asked.port, server.create()))
    except NoPostgresError as error:
        print(f"{error}; or name a file: --sqlite FILE", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
