import asyncio
from datetime import UTC, datetime

import pytest
from sqlalchemy import select

from admin.session_store import SessionStore
from admin.users import UserStore, clean_name
from config.tables import audit

NOW = datetime(2026, 11, 21, 8, 30, tzinfo=UTC)


@pytest.fixture
def users(database, passwords):
    return UserStore(database, passwords=passwords, clock=lambda: NOW)


async def audited(database):
    async with database.reading() as connection:
        rows = await connection.execute(
            select(audit.c.actor, audit.c.action, audit.c.subject, audit.c.after).order_by(audit.c.id)
        )
        return [tuple(row) for row in rows]


async def test_the_first_password_is_made_once(users, database, passwords):
    """For `admin`, where there is nobody at all; never again, also by replicas that start together."""
    assert await users.is_empty()
    others = [UserStore(database, passwords=passwords) for _ in range(3)]
    made = await asyncio.gather(*(each.first_password() for each in (users, *others)))

    assert 1 == sum(each is not None for each in made)
    assert await users.first_password() is None
    assert not await users.is_empty()
    assert [("admin", "admin")] == [(each.name, each.role) for each in await users.users()]


async def test_a_removed_admin_is_not_made_again_while_others_are_there(users):
    """Only who has nobody at all gets a first password."""
    await users.set_password("mei", role="admin", changed_by="cli")

    assert await users.first_password() is None


async def test_roles_stay_unless_they_are_said(users):
    """`admin` begins as an administrator, others as viewers; a new password changes no role."""
    roles = [
        (await users.set_password(name, role=role, changed_by="cli"))[1]
        for name, role in (("admin", None), ("mei", None), ("mei", "admin"), ("mei", None), ("mei", "viewer"))
    ]

    assert ["admin", "viewer", "admin", "admin", "viewer"] == roles


async def test_every_change_of_a_user_is_audited_without_the_password(users, database):
    """Who, what and with which role."""
    password, _role = await users.set_password("王芳", role="viewer", changed_by="dashboard:mei")
    await users.set_password("王芳", changed_by="cli")
    removed = [await users.remove("王芳", changed_by="cli") for _ in range(2)]
    rows = await audited(database)

    assert [True, False] == removed
    assert [
        ("dashboard:mei", "make_user", "王芳", {"role": "viewer"}), ("cli", "set_password", "王芳", {"role": "viewer"}),
        ("cli", "remove_user", "王芳", None),
    ] == rows  # fmt: skip
    assert password not in str(rows)


async def test_sessions_are_counted_and_end_with_their_user(users, database, passwords):
    """Whoever is removed is out, and a list says how many browsers are in."""
    sessions = SessionStore(database, passwords=passwords, clock=lambda: NOW)
    password, _role = await users.set_password("mei", changed_by="cli")
    for _ in range(2):
        await sessions.log_in("mei", password, address="::1")
    before = await users.users()
    await users.remove("mei", changed_by="cli")

    assert [2] == [each.n_sessions for each in before]
    assert [] == await users.users()
    assert await sessions.log_in("mei", password, address="::1") is None


@pytest.mark.parametrize("name", ["", " ", " a", "a ", "x" * 65, "a\n", "a\x00", "\u202ea", "\ud800"])
async def test_names_that_cannot_be_are_refused(users, name):
    """Nothing that does not show, nothing at the ends, not too long."""
    with pytest.raises(ValueError, match="1 to 64"):
        await users.set_password(name, changed_by="cli")
    assert await users.remove(name, changed_by="cli") is False


def test_one_name_has_one_spelling():
    """What looks alike by composed or single letters is one user."""
    assert clean_name("Jose\u0301") == clean_name("José") == "José"
