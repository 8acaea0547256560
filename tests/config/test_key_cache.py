"""The copy of the keys that a start without the database goes by."""

import stat
from datetime import UTC, datetime, timedelta

import pytest
from structlog.testing import capture_logs

from config.database import open_database
from config.errors import AuthenticationError, UnavailableError
from config.key_cache import CACHE_FILE, MAX_AGE, REWRITE_AFTER, CachedKey, KeyCache
from config.keys import KeyStore

NOW = datetime(2026, 11, 21, 8, tzinfo=UTC)
PEPPER = b"p" * 64
KEY = CachedKey("d" * 64, "id", "laptop", "sk-thal-abcdef", ("chat",), NOW + timedelta(days=1), False, 60, None)


class Clock:
    """A calendar that moves when told."""

    def __init__(self):
        self.now = NOW

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def cache(tmp_path, clock):
    return KeyCache(tmp_path, "sqlite:///books.sqlite", clock=clock)


@pytest.fixture
def store(tmp_path, clock):
    """Opens a key store of a process that has just begun, on a database at a path."""

    def open_at(path):
        database = open_database(f"sqlite:///{path}")
        return database, KeyStore(database, tmp_path, environment={}, clock=clock)

    return open_at


def test_keys_come_back_as_written(cache, tmp_path):
    """By digest, in a file for its owner alone, with no draft left."""
    cache.write(PEPPER, [KEY])

    assert {KEY.digest: KEY} == cache.read(PEPPER)
    assert [CACHE_FILE] == [each.name for each in tmp_path.iterdir()]
    assert 0o600 == stat.S_IMODE((tmp_path / CACHE_FILE).stat().st_mode)


@pytest.mark.parametrize("harm", ["missing", "empty", "forged", "torn", "not_text"])
def test_a_bad_copy_counts_for_nothing(cache, tmp_path, harm):
    """A missing, torn or forged copy is as none."""
    path = tmp_path / CACHE_FILE
    cache.write(PEPPER, [KEY])
    content = path.read_bytes()
    harmed = {
        "empty": b"",
        "forged": content.replace(b'"chat"', b'"admin"'),
        "torn": content[:-9],
        "not_text": b"\xff\n{}",
    }
    path.unlink()
    if harm in harmed:
        path.write_bytes(harmed[harm])

    assert {} == cache.read(PEPPER)


def test_a_foreign_copy_counts_for_nothing(cache, tmp_path, clock):
    """Another pepper or another database did not write this copy."""
    cache.write(PEPPER, [KEY])

    assert {} == cache.read(b"q" * 64)
    assert {} == KeyCache(tmp_path, "sqlite:///other.sqlite", clock=clock).read(PEPPER)


def test_a_copy_of_another_version_counts_for_nothing(cache, tmp_path):
    """What is signed and cannot be read is as none."""
    (tmp_path / CACHE_FILE).write_bytes(cache._signature(PEPPER, b"{}") + b"\n{}")  # only a signed body gets that far

    assert {} == cache.read(PEPPER)


@pytest.mark.parametrize("age", [MAX_AGE + timedelta(seconds=1), -MAX_AGE - timedelta(seconds=1)])
def test_an_old_copy_counts_for_nothing(cache, clock, age):
    """After a week a key may have been revoked where nobody told us; nor does a copy from the future count."""
    cache.write(PEPPER, [KEY])
    clock.now += age

    assert {} == cache.read(PEPPER)


def test_the_same_keys_are_written_once_an_hour(cache, tmp_path, clock):
    """The disk is spared, and the copy stays young; one that was removed comes back at once."""
    path = tmp_path / CACHE_FILE
    cache.write(PEPPER, [KEY])
    first = path.read_bytes()
    clock.now += REWRITE_AFTER / 2
    cache.write(PEPPER, [KEY])
    second = path.read_bytes()
    clock.now += REWRITE_AFTER
    cache.write(PEPPER, [KEY])
    third = path.read_bytes()
    path.unlink()
    cache.write(PEPPER, [KEY])

    assert first == second != third
    assert path.exists()


def test_a_disk_that_refuses_is_told_once(tmp_path, clock):
    """A copy that cannot be written costs one warning, no request."""
    (tmp_path / "state").touch()
    cache = KeyCache(tmp_path / "state", "sqlite:///books.sqlite", clock=clock)
    with capture_logs() as logs:
        cache.write(PEPPER, [KEY])
        cache.write(PEPPER, [KEY])

    assert ["key_cache_not_written"] == [each["event"] for each in logs]


async def test_known_keys_are_let_in_after_a_start_without_the_database(store, tmp_path, clock):
    """The known key is served, a revoked or expired one refused, and of an unknown one nobody can tell."""
    path = tmp_path / "books.sqlite"
    database, before = store(path)
    await database.upgrade()
    good, _ = await before.create("good", scopes=("admin",), requests_per_minute=7)
    ended, _ = await before.create("ended", expires_ts=NOW + timedelta(hours=1))
    revoked, info = await before.create("revoked")
    await before.revoke(info.id)
    await database.aclose()
    for each in tmp_path.glob("books.sqlite*"):
        each.unlink()
    path.mkdir()
    clock.now += timedelta(hours=2)
    database, after = store(path)

    identity = await after.verify(good)
    assert (await after.any_active(), await after.any_active()) == (True, True)
    assert ("good", frozenset({"admin"}), 7) == (identity.name, identity.scopes, identity.requests_per_minute)
    for refused in (ended, revoked):
        with pytest.raises(AuthenticationError):
            await after.verify(refused)
    with pytest.raises(UnavailableError):
        await after.verify("sk-thal-" + "x" * 43)
    path.rmdir()
    await database.upgrade()
    assert "good" not in {each.name for each in await after.list_keys()}
    await database.aclose()


async def test_a_copy_without_a_living_key_does_not_open_the_door(store, tmp_path):
    """Where every key was revoked and the database is away, nobody can say that no other was made since."""
    path = tmp_path / "books.sqlite"
    database, before = store(path)
    await database.upgrade()
    _, info = await before.create("gone")
    await before.revoke(info.id)
    await database.aclose()
    for each in tmp_path.glob("books.sqlite*"):
        each.unlink()
    path.mkdir()
    database, after = store(path)

    with pytest.raises(UnavailableError):
        await after.any_active()
    await database.aclose()


async def emptied(store, path):
    """Make a key, delete the database, and return a store on what lies there now, an empty one."""
    database, before = store(path)
    await database.upgrade()
    await before.create("laptop", expires_ts=NOW + timedelta(days=90))
    await database.aclose()
    for each in path.parent.glob(f"{path.name}*"):
        each.unlink()
    database, after = store(path)
    await database.upgrade()
    return database, after


@pytest.mark.parametrize("age", [timedelta(0), MAX_AGE + timedelta(days=30)])
async def test_a_new_database_does_not_open_the_door_that_keys_had_closed(store, tmp_path, clock, age):
    """However old the copy is, it shows that keys were made; a key made now, or the copy's end, ends it."""
    database, keys = await emptied(store, tmp_path / "books.sqlite")
    clock.now += age
    with pytest.raises(UnavailableError) as lost:
        await keys.any_active()
    assert (503, "keys_lost") == (lost.value.status, lost.value.code)

    await keys.create("new")
    assert await keys.any_active()
    await database.aclose()


async def test_an_operator_may_say_that_no_key_is_wanted_any_more(store, tmp_path):
    """Without the copy a new database is what it looks like: one in which nobody ever made a key."""
    database, keys = await emptied(store, tmp_path / "books.sqlite")
    (tmp_path / CACHE_FILE).unlink()

    assert not await keys.any_active()
    await database.aclose()


async def test_keys_that_had_ended_before_the_loss_close_nothing(store, tmp_path, clock):
    """The door was open then too."""
    database, keys = await emptied(store, tmp_path / "books.sqlite")
    clock.now += timedelta(days=91)

    assert not await keys.any_active()
    await database.aclose()


async def test_the_keys_of_another_database_close_nothing(store, tmp_path):
    """Settings that name another database name another set of keys."""
    database, keys = await emptied(store, tmp_path / "books.sqlite")
    await database.aclose()
    database, keys = store(tmp_path / "other.sqlite")
    await database.upgrade()

    assert not await keys.any_active()
    await database.aclose()


async def test_a_database_in_memory_loses_its_keys_by_its_nature(store, tmp_path):
    """Who chose one chose to begin anew with each start."""
    for _ in range(2):
        database, keys = store(":memory:")
        await database.upgrade()
        assert not await keys.any_active()
        await keys.create("laptop")
        assert await keys.any_active()
        await database.aclose()
