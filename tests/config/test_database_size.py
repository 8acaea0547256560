"""How large a database is."""

from __future__ import annotations

from pathlib import Path

import pytest

from config.database import open_database
from config.database_size import database_size_bytes


async def test_the_size_of_a_database_is_that_of_its_files(tmp_path: Path) -> None:
    """The write-ahead log counts; a database in memory has no size."""
    database = open_database(f"sqlite:///{tmp_path}/books.sqlite")
    before = await database_size_bytes(database)
    await database.upgrade()
    after = await database_size_bytes(database)
    files = sum(each.stat().st_size for each in tmp_path.iterdir())  # noqa: ASYNC240  # three files of a test
    await database.aclose()
    memory = open_database("sqlite://")
    none = await database_size_bytes(memory)
    await memory.aclose()

    assert (0, files, None) == (before, after, none)
    assert files > 4096


@pytest.mark.postgres
async def test_a_server_says_how_large_its_database_is(postgres_url: str) -> None:
    """PostgreSQL counts its own files."""
    database = open_database(postgres_url)
    size = await database_size_bytes(database)
    await database.aclose()

    assert size is not None
    assert size > 1_000_000
