import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select, text

from admin.page import Refused
from admin.passwords import NOBODY, Passwords
from admin.session_store import FRESH_S, LIFETIME, SessionStore
from admin.tables import admin_session
from admin.users import UserStore
from config.database import open_database
from config.errors import StorageError

NOW = datetime(2026, 11, 21, 8, 30, tzinfo=UTC)


class Clock:
    """Both clocks, moved by hand."""

    def __init__(self):
        self.seconds = 0.0

    def utc(self):
        return NOW + timedelta(seconds=self.seconds)

    def monotonic(self):
        return self.seconds


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def hasher(passwords):
    return passwords._hasher


def store_of(database, passwords, clock):
    return SessionStore(database, passwords=passwords, clock=clock.utc, monotonic=clock.monotonic)


@pytest.fixture
def sessions(database, passwords, clock):
    return store_of(database, passwords, clock)


@pytest.fixture
async def password(database, passwords):
    """The password of the administrator 管理员."""
    made, _role = await UserStore(database, passwords=passwords).set_password("管理员", role="admin", changed_by="cli")
    return made


async def entered(sessions, password, name="管理员"):
    opened = await sessions.log_in(name, password, address="10.0.0.1")
    assert opened is not None
    return opened


async def test_a_session_is_found_by_its_cookie_for_twelve_hours(sessions, password, clock):
    """Each login has a cookie of its own; one that is over, unknown or too long is nobody's."""
    cookie, session = await entered(sessions, password)
    other, _session = await entered(sessions, password)
    clock.seconds = LIFETIME.total_seconds() - 1
    found = await sessions.find(cookie)
    clock.seconds += 1

    assert session == found
    assert ("管理员", "admin") == (found.user.name, found.user.role)
    assert cookie != other
    assert [None] * 5 == [await sessions.find(each) for each in (cookie, None, "", "made-up", "x" * 1000)]


async def test_the_database_holds_no_cookie(sessions, password, database):
    """Who reads the table cannot log in with what is there."""
    cookie, _session = await entered(sessions, password)
    async with database.reading() as connection:
        rows = (await connection.execute(select(admin_session))).all()

    assert 1 == len(rows)
    assert cookie not in str(rows)


async def test_a_restart_keeps_sessions(sessions, password, database, passwords, clock):
    """A new process finds what the old one opened."""
    cookie, session = await entered(sessions, password)

    assert session == await store_of(database, passwords, clock).find(cookie)


async def test_a_wrong_password_opens_nothing(sessions, password):
    """Neither does a name that nobody has, nor one that cannot be."""
    names = ["管理员", "nobody", "", "a\x00b", " admin", "x" * 65, "\ud800"]

    assert [None] * 7 == [await sessions.log_in(name, "wrong", address=f"10.0.1.{n}") for n, name in enumerate(names)]


async def test_an_unknown_name_is_hashed_for_like_a_known_one(sessions, password, hasher):
    """How long an answer takes does not tell which names there are."""
    hasher.checked.clear()
    await sessions.log_in("管理员", "wrong", address="10.0.0.1")
    await sessions.log_in("nobody", "wrong", address="10.0.0.1")
    await sessions.log_in("a\x00b", "wrong", address="10.0.0.1")

    assert [f"plain:{password}", NOBODY, NOBODY] == hasher.checked


async def test_too_many_wrong_passwords_must_wait(sessions, password, clock):
    """The eleventh attempt from an address within five minutes is refused with the seconds to wait, right or wrong."""
    for _ in range(10):
        await sessions.log_in("管理员", "wrong", address="10.0.0.1")
    clock.seconds = 100
    with pytest.raises(Refused) as refused:
        await sessions.log_in("管理员", password, address="10.0.0.1")
    elsewhere = await sessions.log_in("管理员", password, address="10.0.0.2")
    clock.seconds = 300

    assert (429, {"seconds": 200}) == (refused.value.status, refused.value.values)
    assert elsewhere is not None
    assert await sessions.log_in("管理员", password, address="10.0.0.1") is not None


async def test_attempts_that_run_at_once_are_counted_at_once(sessions, password):
    """Twenty at the same moment do not slip through while the first is still being hashed."""
    tried = await asyncio.gather(
        *(sessions.log_in("管理员", "wrong", address="10.0.0.1") for _ in range(20)), return_exceptions=True
    )

    assert [10, 10] == [tried.count(None), sum(isinstance(each, Refused) for each in tried)]


async def test_right_passwords_never_run_into_the_limit(sessions, password):
    """What was right does not count."""
    for _ in range(15):
        await entered(sessions, password)


async def test_a_page_costs_no_query_within_five_seconds(sessions, password, database, clock):
    """What was read a moment ago counts; after that a session that was ended elsewhere is gone."""
    cookie, session = await entered(sessions, password)
    async with database.writing() as connection:
        await connection.execute(text("DELETE FROM admin_session"))
    clock.seconds = FRESH_S - 0.1
    just_after = await sessions.find(cookie)
    clock.seconds = FRESH_S

    assert session == just_after
    assert await sessions.find(cookie) is None


async def test_logging_out_ends_the_session_at_once(sessions, password):
    """The cookie is worthless from then on; the other browser stays logged in."""
    cookie, session = await entered(sessions, password)
    other, _session = await entered(sessions, password)
    await sessions.log_out(session)

    assert await sessions.find(cookie) is None
    assert await sessions.find(other) is not None


async def test_a_new_password_ends_the_sessions_of_the_old_one(sessions, password, database, passwords, clock):
    """Whoever knew the old one is out, in other processes after five seconds."""
    cookie, _session = await entered(sessions, password)
    await UserStore(database, passwords=passwords).set_password("管理员", changed_by="cli")
    clock.seconds = FRESH_S

    assert await sessions.find(cookie) is None
    assert await sessions.log_in("管理员", password, address="10.0.0.1") is None


async def test_a_password_that_changes_during_a_login_opens_nothing(password, database, clock):
    """It was right when it was read, and is not any more."""

    class Slow:
        def hash(self, password):
            return f"plain:{password}"

        def fits(self, stored, password):
            asyncio.run(change())
            return stored == f"plain:{password}"

    async def change():
        again = open_database(database.engine.url.render_as_string(hide_password=False))
        await UserStore(again, passwords=Passwords(Slow())).set_password("管理员", changed_by="cli")
        await again.aclose()

    sessions = store_of(database, Passwords(Slow()), clock)

    assert await sessions.log_in("管理员", password, address="10.0.0.1") is None


async def test_sessions_that_are_over_are_deleted_at_the_next_login(sessions, password, database, clock):
    """The table does not grow for ever."""
    await entered(sessions, password)
    clock.seconds = LIFETIME.total_seconds()
    _cookie, session = await entered(sessions, password)
    async with database.reading() as connection:
        kept = list(await connection.scalars(select(admin_session.c.id_hash)))

    assert [session.id_hash] == kept


async def test_a_notice_is_told_once(sessions, password):
    """The next page says it, the one after does not."""
    _cookie, session = await entered(sessions, password)
    await sessions.leave_notice(session, {"key": "models.saved", "values": {"n": 3}, "once": {}})
    taken = [await sessions.take_notice(session) for _ in range(2)]

    assert [{"key": "models.saved", "values": {"n": 3}, "once": {}}, None] == taken


async def test_a_notice_outlives_a_restart(sessions, password, database, passwords, clock):
    """What was done is said by the process that shows the next page."""
    cookie, session = await entered(sessions, password)
    await sessions.leave_notice(session, {"key": "models.saved", "values": {}, "once": {}})
    after = store_of(database, passwords, clock)
    await after.find(cookie)

    assert "models.saved" == (await after.take_notice(session))["key"]


async def test_what_is_shown_once_never_reaches_the_database(sessions, password, database, passwords, clock):
    """A new key stands in the answer alone; where it was lost the page says what to do."""
    _cookie, session = await entered(sessions, password)
    notice = {"key": "keys.made", "values": {}, "once": {"key": "sk-thal-secret"}}
    await sessions.leave_notice(session, notice)
    async with database.reading() as connection:
        kept = str((await connection.execute(select(admin_session))).all())
    shown = await sessions.take_notice(session)
    await sessions.leave_notice(session, notice)
    lost = await store_of(database, passwords, clock).take_notice(session)

    assert "sk-thal-secret" not in kept
    assert notice == shown
    assert "failing.once_lost" == lost["key"]


async def test_what_is_remembered_is_bounded(sessions, password):
    """Many sessions push out the oldest, which are then read again."""
    first, session = await entered(sessions, password)
    for n in range(1001):
        sessions._remember(type(session)(f"{n}", session.user), NOW + LIFETIME, has_notice=False)
    for n in range(101):
        await sessions.leave_notice(type(session)(f"{n}", session.user), {"once": {"key": "x"}})

    assert 1000 == len(sessions._known)
    assert 100 == len(sessions._once)
    assert session == await sessions.find(first)


async def test_a_lost_database_is_said(tmp_path, passwords, clock):
    """Nothing is guessed, and the attempt does not count."""
    database = open_database(f"sqlite:///{tmp_path}/empty.sqlite")
    sessions = store_of(database, passwords, clock)
    for _ in range(12):
        with pytest.raises(StorageError):
            await sessions.log_in("admin", "any", address="10.0.0.1")
    with pytest.raises(StorageError):
        await sessions.find("cookie")
    await database.aclose()
