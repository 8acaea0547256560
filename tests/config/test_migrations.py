import asyncio
import subprocess
import sys

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import inspect, text

from config.database import METADATA, open_database
from config.errors import StorageError
from config.keys import KeyStore
from config.revision import NEWEST
from config.schema import alembic_config, downgrade_schema, migrations_folder


@pytest.fixture
async def empty_database(empty_database_url):
    opened = open_database(empty_database_url)
    yield opened
    await opened.aclose()


async def table_names(database):
    async with database.reading() as connection:
        return set(await connection.run_sync(lambda sync: inspect(sync).get_table_names()))


async def test_an_upgraded_database_has_every_table_just_as_the_code_declares_it(empty_database):
    """What the migrations make and what the tables say does not differ in any column, type or index."""
    await empty_database.upgrade()

    def differences(connection):
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        return compare_metadata(context, METADATA)

    async with empty_database.reading() as connection:
        assert [] == await connection.run_sync(differences)


async def test_the_schema_can_be_taken_back_and_put_up_again(empty_database):
    """Down to nothing and up again leaves the same tables."""
    await empty_database.upgrade()
    async with empty_database.writing() as connection:
        await connection.run_sync(downgrade_schema, "base")
    assert {"alembic_version"} == await table_names(empty_database)
    await empty_database.upgrade()

    assert {*METADATA.tables, "alembic_version"} == await table_names(empty_database)


async def test_a_filled_database_of_the_first_revision_keeps_its_rows_through_an_upgrade(empty_database):
    """Rows written by the first version of the product are there after the newest version came up."""
    await empty_database.upgrade()
    async with empty_database.writing() as connection:
        await connection.run_sync(downgrade_schema, "0001")
        await connection.execute(
            text(
                "INSERT INTO audit (id, ts, actor, action, subject) "
                "VALUES ('a', '2026-11-21T08:00:00.000000+00:00', 'admin', 'weights', 'gpt')"
            )
        )
    await empty_database.upgrade()

    async with empty_database.reading() as connection:
        assert [("a", "weights")] == [
            tuple(row) for row in await connection.execute(text("SELECT id, action FROM audit"))
        ]


async def test_keys_made_before_there_were_limits_still_open_the_door(empty_database, tmp_path):
    """A filled database of the first revision: the key is known, and has no limits of its own."""
    await empty_database.upgrade()
    keys = KeyStore(empty_database, tmp_path, environment={})
    key, info = await keys.create("old", requests_per_minute=3)
    async with empty_database.writing() as connection:
        await connection.run_sync(downgrade_schema, "0001")
    await empty_database.upgrade()
    found = await KeyStore(empty_database, tmp_path, environment={}).verify(key)

    assert (info.id, None, None) == (found.id, found.requests_per_minute, found.tokens_per_minute)
    assert [(info.prefix, None, None)] == [
        (each.prefix, each.requests_per_minute, each.tokens_per_minute) for each in await keys.list_keys()
    ]


async def test_keys_made_before_they_could_be_limited_may_use_every_model(empty_database, tmp_path):
    """A filled database of the revision before: no key is lost, and none is limited until somebody does it."""
    await empty_database.upgrade()
    keys = KeyStore(empty_database, tmp_path, environment={})
    key, info = await keys.create("old", scopes=["admin", "chat"], requests_per_minute=3, models=["cheap"])
    async with empty_database.writing() as connection:
        await connection.run_sync(downgrade_schema, "0003")
    await empty_database.upgrade()
    found = await KeyStore(empty_database, tmp_path, environment={}).verify(key)
    limited = await keys.limit_models(info.id, ["cheap", "good"])

    assert (info.id, info.scopes, 3, None) == (
        found.id,
        tuple(sorted(found.scopes)),
        found.requests_per_minute,
        found.models,
    )
    assert ("cheap", "good") == limited.models == (await keys.list_keys())[0].models


async def test_decisions_made_before_savings_keep_their_attempts(empty_database):
    """The column is added in place: no table is copied, so nothing that hangs on it is deleted."""
    await empty_database.upgrade()
    async with empty_database.writing() as connection:
        await connection.run_sync(downgrade_schema, "0002")
        await connection.execute(
            text(
                "INSERT INTO decision (id, ts, endpoint, stream, status, http_status, passages, timings, warnings, "
                "n_attempts, duration_ms, input_tokens, output_tokens, cached_tokens) VALUES ('d', "
                "'2026-11-21T08:00:00.000000+00:00', 'chat', false, 'completed', 200, '[]', '[]', '[]', 1, 1, 1, 1, 0)"
            )
        )
        await connection.execute(
            text(
                "INSERT INTO attempt (decision_id, n, ts, deployment, model, provider, committed, duration_ms) VALUES "
                "('d', 1, '2026-11-21T08:00:00.000000+00:00', 'm/p', 'm', 'p', true, 1)"
            )
        )
    await empty_database.upgrade()
    async with empty_database.reading() as connection:
        found = await connection.execute(
            text("SELECT savings, n FROM decision JOIN attempt ON attempt.decision_id = decision.id")
        )
        assert [(None, 1)] == [tuple(row) for row in found]
    async with empty_database.writing() as connection:
        await connection.run_sync(downgrade_schema, "0002")
        assert 1 == await connection.scalar(text("SELECT count(*) FROM attempt"))


async def test_upgrading_twice_changes_nothing(empty_database):
    """Every start upgrades; only the first one does something."""
    await empty_database.upgrade()
    before = await table_names(empty_database)
    await empty_database.upgrade()

    assert before == await table_names(empty_database)


UPGRADE = """
import asyncio, sys
from config.database import open_database
async def main():
    database = open_database(sys.argv[1], busy_timeout_s=30)
    print("ready", flush=True)
    sys.stdin.readline()
    await database.upgrade()
    await database.aclose()
asyncio.run(main())
"""


async def test_three_processes_that_upgrade_at_once_do_not_break_each_other(empty_database_url):
    """Replicas start together; one upgrades and the others wait and find it done."""
    processes = [
        await asyncio.create_subprocess_exec(
            sys.executable,
            *("-W", "error", "-c", UPGRADE, empty_database_url),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        for _ in range(3)
    ]
    for process in processes:
        await process.stdout.readline()
    ended = await asyncio.gather(*(process.communicate(b"\n") for process in processes))

    assert [b"", b"", b""] == [stderr for _, stderr in ended]
    assert [0, 0, 0] == [process.returncode for process in processes]


async def test_a_database_of_a_newer_version_is_refused_in_words(empty_database):
    """An older program must not touch a schema that it does not know."""
    await empty_database.upgrade()
    async with empty_database.writing() as connection:
        await connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))

    with pytest.raises(StorageError, match="another version of Thalamus"):
        await empty_database.upgrade()


async def test_a_migration_that_fails_leaves_nothing_behind(empty_database):
    """All of an upgrade happens or none of it."""
    async with empty_database.writing() as connection:
        await connection.execute(text("CREATE TABLE passage (id INTEGER)"))  # in the way of the migration's own

    with pytest.raises(StorageError):
        await empty_database.upgrade()
    assert {"passage"} == await table_names(empty_database)


def test_migrations_are_found_in_a_checkout():
    """Where the package is not installed they lie beside it."""
    folder = migrations_folder()

    assert (folder / "env.py").is_file()
    assert str(folder) == alembic_config().get_main_option("script_location")


def test_the_newest_revision_is_the_one_that_a_start_looks_for():
    """A migration that nobody told the start of would never run where the database is one behind."""
    found = ScriptDirectory.from_config(alembic_config()).get_current_head()

    assert NEWEST == found


def test_a_start_on_an_up_to_date_database_does_without_alembic(tmp_path):
    """It would take a fifth of a second of every start."""
    script = f"""
import asyncio, sys
from config.database import open_database
async def start():
    database = open_database("sqlite:///{tmp_path}/house.sqlite")
    await database.upgrade()
    await database.aclose()
asyncio.run(start())
print("alembic" in sys.modules)
"""
    seen = [
        subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout.strip()
        for _ in range(2)
    ]

    assert ["True", "False"] == seen
