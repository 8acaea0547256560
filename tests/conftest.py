"""Fixtures for every room: a database of each kind, empty or with the newest schema."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import sys

import pytest
import structlog
from structlog._config import BoundLoggerLazyProxy

import admin.tables  # noqa: F401  # this and the next four fill METADATA
import classifier.tables  # noqa: F401
import config.tables  # noqa: F401
import retrieval.tables  # noqa: F401
import router.tables  # noqa: F401
from config.database import open_database
from tests.bin.run_parts import CRASHED
from tests.postgres import NoPostgresError, running_postgres

DIALECTS = [pytest.param("sqlite"), pytest.param("postgresql", marks=pytest.mark.postgres)]


@pytest.fixture(autouse=True)
def logging_of_one_test():
    """Give structlog back as it was: a command that set it up would leave its loggers to whoever logs next."""
    yield
    if structlog.is_configured():
        structlog.reset_defaults()
        for module in tuple(sys.modules.values()):
            log = getattr(module, "__dict__", {}).get("log")
            if isinstance(log, BoundLoggerLazyProxy):
                log.__dict__.pop("bind", None)  # what `cache_logger_on_first_use` left


def pytest_sessionstart():
    """Let Ctrl-C be heard by the processes that tests begin, also where a shell began this one in its background."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.hookimpl(optionalhook=True)  # of xdist, which may be away
def pytest_handlecrashitem(crashitem, report, sched):  # the names are the hook's
    """Note for `tests/bin/run_parts.py` that a worker died, and in which test."""
    CRASHED.parent.mkdir(exist_ok=True)
    CRASHED.write_text(crashitem, encoding="utf-8")


@pytest.fixture(scope="session")
def postgres():
    """A PostgreSQL on which a test may make databases; where none can be had it fails in CI and skips elsewhere."""
    try:
        with running_postgres() as server:
            yield server
    except NoPostgresError as error:
        if os.environ.get("CI") or os.environ.get("THALAMUS_REQUIRE_POSTGRES"):
            pytest.fail(str(error), pytrace=False)
        pytest.skip(str(error))


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory):
    """An SQLite file with the newest schema, to be copied."""
    path = tmp_path_factory.mktemp("sqlite") / "template.sqlite"
    _upgrade(f"sqlite:///{path}")
    return path


@pytest.fixture(scope="session")
def postgres_template(postgres):
    """The name of a PostgreSQL database with the newest schema, to be copied."""
    url = postgres.create()
    _upgrade(url)
    yield url.rpartition("/")[2]
    postgres.drop(url)


@pytest.fixture(params=DIALECTS)
def dialect(request):
    """The name of a database we support, one after the other."""
    return request.param


@pytest.fixture
def empty_database_url(dialect, request, tmp_path):
    """The URL of a database without any table."""
    if dialect == "sqlite":
        yield f"sqlite:///{tmp_path}/empty.sqlite"
        return
    server = request.getfixturevalue("postgres")
    url = server.create()
    yield url
    server.drop(url)


@pytest.fixture
def sqlite_url(sqlite_template, tmp_path):
    """The URL of an SQLite file with the newest schema."""
    path = tmp_path / "thalamus.sqlite"
    shutil.copy(sqlite_template, path)
    return f"sqlite:///{path}"


@pytest.fixture
def postgres_url(postgres, postgres_template):
    """The URL of a PostgreSQL database with the newest schema."""
    url = postgres.create(postgres_template)
    yield url
    postgres.drop(url)


@pytest.fixture
def database_url(dialect, request):
    """The URL of a database with the newest schema."""
    return request.getfixturevalue("sqlite_url" if dialect == "sqlite" else "postgres_url")


@pytest.fixture
async def database(database_url):
    """An open database with the newest schema, on each kind."""
    opened = open_database(database_url, busy_timeout_s=1.0)
    yield opened
    await opened.aclose()


@pytest.fixture
async def sqlite_database(sqlite_url):
    """An open SQLite database with the newest schema."""
    opened = open_database(sqlite_url, busy_timeout_s=1.0)
    yield opened
    await opened.aclose()


def _upgrade(url: str) -> None:
    async def go() -> None:
        opened = open_database(url)
        try:
            await opened.upgrade()
        finally:
            await opened.aclose()

    with asyncio.Runner() as runner:
        runner.run(go())
