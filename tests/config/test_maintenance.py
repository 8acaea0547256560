import asyncio
import sqlite3
import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import func, select

from config.database import open_database
from config.errors import StorageError
from config.maintenance import backup, prune, upgrade
from config.tables import audit, log_event
from router.tables import attempt, body, decision, outcome, preview

NOW = datetime(2026, 11, 21, 8, tzinfo=UTC)


def decision_row(name, ts):
    return {
        "id": name,
        "ts": ts,
        "endpoint": "/v1/chat/completions",
        "stream": False,
        "status": "completed",
        "http_status": 200,
        "passages": [],
        "timings": [],
        "warnings": [],
        "n_attempts": 1,
        "duration_ms": 1.0,
        "input_tokens": 0,
        "output_tokens": 0,
        "cached_tokens": 0,
    }


async def fill(database, ages_days):
    """Write one request of each age, with everything that belongs to it."""
    async with database.writing() as connection:
        for number, days in enumerate(ages_days):
            name, ts = str(number), NOW - timedelta(days=days)
            await connection.execute(decision.insert().values(decision_row(name, ts)))
            await connection.execute(
                attempt.insert().values(
                    decision_id=name, n=1, ts=ts, deployment="d", model="m", provider="p", committed=True, duration_ms=1
                )
            )
            await connection.execute(preview.insert().values(decision_id=name, ts=ts, text="hello"))
            await connection.execute(body.insert().values(decision_id=name, ts=ts, request=b"x"))
            for kind in ("rating", "comment"):
                await connection.execute(outcome.insert().values(decision_id=name, source="user", kind=kind, ts=ts))
            await connection.execute(
                log_event.insert().values(id=name, ts=ts, level="INFO", logger="x", event="y", fields={})
            )


async def counts(database):
    async with database.reading() as connection:
        return {
            each.name: (await connection.execute(select(func.count()).select_from(each))).scalar_one()
            for each in (decision, attempt, preview, body, outcome, log_event)
        }


async def test_what_is_older_than_its_retention_goes_with_all_that_belongs_to_it(database):
    """Bodies go first, then whole requests; batches smaller than the work change nothing about it."""
    await fill(database, [0, 3, 10, 40, 50, 60, 70])
    pruned = await prune(database, retention_days=30, body_retention_days=7, batch=2, clock=lambda: NOW)

    assert {"body": 5, "decision": 4, "outcome": 8, "log_event": 4} == pruned.rows
    assert {"decision": 3, "attempt": 3, "preview": 3, "body": 2, "outcome": 6, "log_event": 3} == await counts(
        database
    )


async def test_zero_days_keep_for_ever(database):
    """Nothing is deleted that nobody asked to delete."""
    await fill(database, [4_000])
    pruned = await prune(database, retention_days=0, body_retention_days=0, clock=lambda: NOW)

    assert {} == pruned.rows
    assert 1 == (await counts(database))["body"]


async def test_a_pruned_sqlite_file_becomes_smaller(tmp_path):
    """Freed pages go back to the disk, a batch at a time."""
    url = f"sqlite:///{tmp_path}/books.sqlite"
    await upgrade(url)
    database = open_database(url)
    async with database.writing() as connection:
        for number in range(50):
            await connection.execute(
                audit.insert().values(id=str(number), ts=NOW, actor="a", action="b", subject="x" * 20_000)
            )
            await connection.execute(
                log_event.insert().values(
                    id=str(number), ts=NOW, level="INFO", logger="", event="x" * 20_000, fields={}
                )
            )

    async def n_pages():
        async with database.reading() as connection:
            return (await connection.exec_driver_sql("PRAGMA page_count")).scalar_one()

    before = await n_pages()
    await prune(database, retention_days=1, body_retention_days=1, batch=10, clock=lambda: NOW + timedelta(days=2))
    after = await n_pages()
    await database.aclose()

    assert after < before * 0.6


async def test_a_backup_is_a_whole_database(database, database_url, tmp_path):
    """It is taken while the database is in use, restored, and holds the rows that were committed by then."""
    await fill(database, [1])
    async with database.writing() as connection:
        await connection.execute(preview.delete())  # not committed when the copy is made: the copy has it
        copy = await backup(database_url, tmp_path / "backups" / "books.copy")
    found = await restored(copy, database_url, tmp_path)

    assert 0o600 == stat.S_IMODE(copy.stat().st_mode)
    assert [copy] == list(copy.parent.iterdir())
    assert ["hello"] == found


async def restored(copy, database_url, tmp_path):
    """The previews in a backup."""
    if database_url.startswith("sqlite"):
        connection = sqlite3.connect(copy)
        found = [each[0] for each in connection.execute("SELECT text FROM preview")]
        connection.close()
        return found
    script = tmp_path / "dump.sql"
    options = ("--data-only", "--table=preview", f"--file={script}", str(copy))
    process = await asyncio.create_subprocess_exec("pg_restore", *options)
    assert 0 == await process.wait()
    return [line.split("\t")[2] for line in script.read_text().splitlines() if line.startswith("0\t")]


async def test_a_backup_replaces_an_older_one_whole_or_not_at_all(sqlite_url, tmp_path):
    """A copy that fails leaves the last good one as it was."""
    copy = tmp_path / "copy.sqlite"
    await backup(sqlite_url, copy)
    good = copy.read_bytes()
    broken = tmp_path / "broken.sqlite"
    broken.write_bytes(b"this is no database" * 1_000)
    with pytest.raises(StorageError, match="not a database"):
        await backup(f"sqlite:///{broken}", copy)

    assert good == copy.read_bytes()


async def test_a_database_that_is_not_there_has_no_backup(tmp_path):
    """A slip in the URL must not make an empty backup."""
    with pytest.raises(StorageError, match="no database at"):
        await backup(f"sqlite:///{tmp_path}/missing.sqlite", tmp_path / "copy")
    assert [] == list(tmp_path.iterdir())


async def test_a_place_that_takes_no_file_is_said(sqlite_url, tmp_path):
    """The error is ours, and names the reason."""
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError, match="cannot be written"):
        await backup(sqlite_url, tmp_path / "file" / "copy")


@pytest.mark.parametrize("place", [".", "..", "/", "made"])
async def test_a_backup_into_a_folder_is_refused_by_name(sqlite_url, tmp_path, monkeypatch, place):
    """A folder is no file: the sentence says what to name instead, and nothing is left behind."""
    (tmp_path / "made").mkdir()
    monkeypatch.chdir(tmp_path)

    with pytest.raises(StorageError, match=r"is a folder; name the file .*copy\.sqlite"):
        await backup(sqlite_url, Path(place))
    assert [] == list((tmp_path / "made").iterdir())


async def test_a_postgres_backup_without_its_program_says_what_is_missing(tmp_path, monkeypatch):
    """The operator learns which program to install."""
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(StorageError, match="pg_dump"):
        await backup("postgresql://host/name", tmp_path / "copy")


@pytest.mark.postgres
async def test_a_postgres_backup_that_fails_says_why_and_leaves_nothing(postgres, tmp_path):
    """The program's own last words are passed on."""
    with pytest.raises(StorageError, match="does not exist"):
        await backup(postgres.base_url + "missing", tmp_path / "copy")
    assert [] == list(tmp_path.iterdir())


async def test_upgrade_takes_a_url(empty_database_url):
    """What `thalamus` runs before it serves, and by itself."""
    await upgrade(empty_database_url)
    database = open_database(empty_database_url)
    async with database.reading() as connection:
        assert 0 == (await connection.execute(select(func.count()).select_from(decision))).scalar_one()
    await database.aclose()
