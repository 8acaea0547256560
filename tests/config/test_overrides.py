"""Overrides in the database: set, cleared, audited, and nothing half done."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from sqlalchemy import select, text

from config.database import Database, open_database
from config.errors import StorageError
from config.overrides import Override, OverrideStore
from config.tables import audit

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
LATER = datetime(2026, 11, 21, 13, tzinfo=UTC)


def store(database: Database, area: str = "area", at: datetime = NOW) -> OverrideStore:
    return OverrideStore(database, area, clock=lambda: at)


async def audited(database: Database) -> list[tuple[object, ...]]:
    columns = (audit.c.actor, audit.c.action, audit.c.subject, audit.c.before, audit.c.after)
    async with database.reading() as connection:
        return [tuple(row) for row in await connection.execute(select(*columns).order_by(audit.c.id))]


async def test_what_was_set_is_there_with_who_and_when(database: Database) -> None:
    """Setting again replaces it; another area has its own, be its name the beginning of this one's."""
    await store(database).change({"a": 1.5, "b.c": 0}, changed_by="me")
    there = await store(database, at=LATER).change({"a": 2}, changed_by="you")
    await store(database, "are_").change({"a": 9}, changed_by="me")
    await store(database, "area.b").change({"d": True}, changed_by="me")

    assert {"a": Override(2, LATER, "you"), "b.c": Override(0, NOW, "me")} == there
    assert {"a": 9} == {name: each.value for name, each in (await store(database, "are_").load()).items()}
    assert ["a", "b.c", "b.d"] == list(await store(database).load())


async def test_every_change_is_audited_and_what_changes_nothing_is_not(database: Database) -> None:
    """One row a name, with the value before and after."""
    await store(database).change({"a": 1, "b": 2}, changed_by="me")
    await store(database).change({"a": 1, "b": None, "c": None}, changed_by="you")

    assert {"a": Override(1, NOW, "me")} == await store(database).load()
    assert [
        ("me", "set_override", "area.a", None, 1),
        ("me", "set_override", "area.b", None, 2),
        ("you", "clear_override", "area.b", 2, None),
    ] == await audited(database)


async def test_a_change_that_cannot_be_audited_changes_nothing(sqlite_database: Database) -> None:
    """The override and its audit row are one transaction."""
    async with sqlite_database.writing() as connection:
        await connection.execute(text("DROP TABLE audit"))
    with pytest.raises(StorageError):
        await store(sqlite_database).change({"a": 1}, changed_by="me")

    assert {} == await store(sqlite_database).load()


async def test_a_name_that_no_database_holds_is_cleaned_and_found_again(database: Database) -> None:
    """A NUL is dropped; setting the same again is no change."""
    await store(database).change({"a\x00b": 1}, changed_by="me")
    await store(database).change({"a\x00b": 1}, changed_by="me")
    assert ["ab"] == list(await store(database).load())
    await store(database).change({"a\x00b": None}, changed_by="me")

    assert {} == await store(database).load()
    assert 2 == len(await audited(database))


async def test_a_database_without_tables_is_away(tmp_path: object) -> None:
    """It is the database's trouble, not the caller's."""
    opened = open_database(f"sqlite:///{tmp_path}/empty.sqlite")
    with pytest.raises(StorageError):
        await store(opened).load()
    await opened.aclose()
