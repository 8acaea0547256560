"""A throw-away PostgreSQL for the tests: one that answers already, or one started from the system's programs."""

from __future__ import annotations

import asyncio
import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import time
import uuid
from collections.abc import Generator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import asyncpg

GIVEN = "THALAMUS_TEST_POSTGRES_URL"
"""Variable with the URL of a server on which the tests may create and drop databases."""


class NoPostgresError(Exception):
    """No server can be had; the message says what was tried and what would help."""


@dataclass(frozen=True, slots=True)
class PostgresServer:
    """A server on which databases may be made; `base_url` ends where a database's name follows."""

    base_url: str

    def create(self, template: str = "template0") -> str:
        """Make a database, as a copy of `template`, and return its URL."""
        name = f"t_{uuid.uuid4().hex}"
        self._run(f'CREATE DATABASE "{name}" TEMPLATE "{template}" STRATEGY file_copy')
        return self.base_url + name

    def drop(self, url: str) -> None:
        """Remove a database, whoever is still connected to it."""
        self._run(f'DROP DATABASE IF EXISTS "{url.rpartition("/")[2]}" WITH (FORCE)')

    def disconnect(self, url: str) -> None:
        """Cut every connection to a database, as a restart of the server does."""
        name = url.rpartition("/")[2]
        self._run(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'")

    def _run(self, statement: str) -> None:
        async def go() -> None:
            connection = await asyncpg.connect(self.base_url + "postgres", timeout=10)
            try:
                await connection.execute(statement)
            finally:
                await connection.close()

        with asyncio.Runner() as runner:
            runner.run(go())


@contextmanager
def running_postgres() -> Generator[PostgresServer]:
    """Give the server of `THALAMUS_TEST_POSTGRES_URL`, or start one that is gone afterwards."""
    given = os.environ.get(GIVEN)
    if given:
        yield PostgresServer(given.rstrip("/").rpartition("/")[0] + "/")
        return
    programs = _programs()
    with tempfile.TemporaryDirectory(prefix="thalamus-postgres-", ignore_cleanup_errors=True) as folder:
        data = Path(folder) / "data"
        user = _unprivileged_user()
        if user is not None:
            shutil.chown(folder, user)
            Path(folder).chmod(0o755)
        _call([programs / "initdb", "-D", data, "-U", "thalamus", "--auth=trust", "-E", "UTF8", "--no-sync"], user)
        port = _free_port()
        server = _start(programs / "postgres", data, port, user)
        try:
            yield PostgresServer(f"postgresql://thalamus@127.0.0.1:{port}/")
        finally:
            server.terminate()  # SIGTERM waits for clients, who are gone by now
            try:
                server.wait(timeout=20)
            except subprocess.TimeoutExpired:
                server.kill()
                server.wait()


def _start(program: Path, data: Path, port: int, user: str | None) -> subprocess.Popen[bytes]:
    settings = {
        "listen_addresses": "127.0.0.1",
        "port": str(port),
        "unix_socket_directories": "",
        "fsync": "off",  # what is thrown away need not survive a power cut
        "full_page_writes": "off",
        "synchronous_commit": "off",
        "max_connections": "60",
        "shared_buffers": "32MB",
        "dynamic_shared_memory_type": "mmap",  # containers often have a tiny /dev/shm
    }
    options = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
    server = subprocess.Popen(
        [program, "-D", data, *options], user=user, cwd="/", stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    until = time.monotonic() + 30
    while not _answers(port):
        if server.poll() is not None or time.monotonic() > until:
            server.kill()
            server.wait()
            raise NoPostgresError(f"{program} did not start")
        with suppress(subprocess.TimeoutExpired):
            server.wait(timeout=0.05)
    return server


def _answers(port: int) -> bool:
    async def go() -> None:
        connection = await asyncpg.connect(f"postgresql://thalamus@127.0.0.1:{port}/postgres", timeout=5)
        await connection.close()

    try:
        with asyncio.Runner() as runner:
            runner.run(go())
    except (OSError, asyncpg.PostgresError):
        return False
    return True


def _programs() -> Path:
    folders = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda each: each.parent.name, reverse=True)
    found = shutil.which("postgres")
    for folder in [*folders, *([Path(found).parent] if found else [])]:
        if (folder / "initdb").exists() and (folder / "postgres").exists():
            return folder
    raise NoPostgresError(f"no PostgreSQL is installed and {GIVEN} is not set; run tests/bin/ensure-postgres")


def _unprivileged_user() -> str | None:
    """Return who shall run the server: PostgreSQL refuses to run as root."""
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        try:
            return pwd.getpwnam(name).pw_name
        except KeyError:
            continue
    raise NoPostgresError("PostgreSQL does not run as root, and there is neither a user postgres nor nobody")


def _call(command: list[str | Path], user: str | None) -> None:
    done = subprocess.run(command, user=user, cwd="/", capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise NoPostgresError(f"{command[0]} failed: {done.stderr.strip()[-300:]}")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
