import stat
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from config.database import open_database
from config.errors import AuthenticationError, NotFoundError, SettingsError, StorageError, UnavailableError
from config.key_making import KEY_PREFIX, SHOWN_CHARS
from config.keys import KeyStore
from config.pepper import PEPPER_FILE, load_pepper
from config.tables import api_key, audit

NOW = datetime(2026, 11, 21, 8, tzinfo=UTC)


class Clock:
    """A clock that moves when told."""

    def __init__(self):
        self.passed_s = 0.0

    def monotonic(self):
        return self.passed_s

    def now(self):
        return NOW + timedelta(seconds=self.passed_s)


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def open_store(tmp_path, clock):
    """Open a key store on a database; all share one pepper."""

    def make(database, **options):
        return KeyStore(
            database, tmp_path / "state", environment={}, monotonic=clock.monotonic, clock=clock.now, **options
        )

    return make


@pytest.fixture
def keys(database, open_store):
    return open_store(database)


async def away(database):
    """Take the database away: its tables are gone."""
    async with database.writing() as connection:
        await connection.exec_driver_sql("ALTER TABLE api_key RENAME TO gone")


async def back(database):
    async with database.writing() as connection:
        await connection.exec_driver_sql("ALTER TABLE gone RENAME TO api_key")


async def test_a_key_is_shown_once_and_then_known(keys):
    """What was made is verified; 256 random bits follow the product's prefix."""
    key, info = await keys.create("laptop", scopes=["chat", "admin"])
    identity = await keys.verify(key)

    assert key.startswith(KEY_PREFIX)
    assert 43 == len(key.removeprefix(KEY_PREFIX))
    assert key[:SHOWN_CHARS] == info.prefix == identity.prefix
    assert ("laptop", frozenset({"chat", "admin"}), info.id) == (identity.name, identity.scopes, identity.id)
    assert [info] == await keys.list_keys()


async def test_a_key_keeps_its_limits(keys, database, open_store):
    """What was said when it was made is known when it is verified, and is listed."""
    key, info = await keys.create("app", requests_per_minute=10, tokens_per_minute=0)
    identity = await open_store(database).verify(key)

    assert (10, 0) == (identity.requests_per_minute, identity.tokens_per_minute)
    assert [info] == await keys.list_keys()


@pytest.mark.parametrize("limits", [{"requests_per_minute": -1}, {"tokens_per_minute": 2**60}])
async def test_a_limit_that_cannot_be_is_refused(keys, limits):
    """Below nothing, and beyond what a database or JSON can hold."""
    with pytest.raises(ValueError, match="limits"):
        await keys.create("app", **limits)


async def test_the_database_holds_no_key(keys, database):
    """Only its beginning and an HMAC are kept, and the HMAC cannot be made without the pepper."""
    key, _ = await keys.create("laptop")
    async with database.reading() as connection:
        row = dict((await connection.execute(select(api_key))).mappings().one())

    assert key[SHOWN_CHARS:] not in str(row)
    assert 64 == len(row["hash"])


@pytest.mark.parametrize("presented", [None, "", "sk-thal-made-up", "x" * 10_000, "密钥\ud800", "' OR 1=1 --"])
async def test_a_wrong_key_is_refused_in_the_same_words(keys, presented):
    """The refusal does not say what was wrong, and repeats nothing of what was sent."""
    with pytest.raises(AuthenticationError) as caught:
        await keys.verify(presented)

    assert ("Incorrect API key provided.", 401, "invalid_api_key") == (
        caught.value.message,
        caught.value.status,
        caught.value.code,
    )


async def test_a_revoked_key_is_worthless_at_once(keys):
    """In the process that revoked it nothing cached serves it; revoking again changes nothing."""
    key, info = await keys.create("laptop")
    await keys.verify(key)
    revoked = await keys.revoke(info.prefix)
    again = await keys.revoke(info.id)

    with pytest.raises(AuthenticationError):
        await keys.verify(key)
    assert revoked == again
    assert NOW == revoked.revoked_ts


async def test_another_replica_learns_of_a_revocation_within_its_freshness(database, open_store, clock):
    """A cached key is asked of the database again after `fresh_s` seconds."""
    here, there = open_store(database), open_store(database, fresh_s=30)
    key, info = await here.create("laptop")
    await there.verify(key)
    await here.revoke(info.id)
    clock.passed_s = 29
    still = await there.verify(key)
    clock.passed_s = 31

    assert info.id == still.id
    with pytest.raises(AuthenticationError):
        await there.verify(key)


async def test_revoking_what_is_not_there_is_said(keys):
    """A slip of the pen must not look like success."""
    with pytest.raises(NotFoundError):
        await keys.revoke("sk-thal-nobody")


async def test_a_key_expires_while_it_is_cached(keys, clock):
    """Expiry is a matter of the clock, not of the database."""
    key, _ = await keys.create("guest", expires_ts=NOW + timedelta(seconds=5))
    await keys.verify(key)
    clock.passed_s = 5

    with pytest.raises(AuthenticationError):
        await keys.verify(key)


async def test_a_known_key_serves_while_the_database_is_away_and_an_unknown_one_is_not_called_wrong(
    keys, database, clock
):
    """Keys that the database told of serve until their time is over; unknown ones get 503, for 401 would be a guess."""
    known, _ = await keys.create("known")
    other, _ = await keys.create("not seen yet")
    await keys.verify(known)
    with pytest.raises(AuthenticationError):
        await keys.verify("sk-thal-wrong")
    await away(database)
    clock.passed_s = 5
    with pytest.raises(AuthenticationError):
        await keys.verify("sk-thal-wrong")
    clock.passed_s = 899
    served = [(await keys.verify(key)).name for key in (known, other)]
    with pytest.raises(UnavailableError) as caught:
        await keys.verify("sk-thal-wrong")
    assert (503, 1) == (caught.value.status, caught.value.retry_after_s)
    clock.passed_s = 8 * 24 * 3600
    with pytest.raises(UnavailableError):
        await keys.verify(known)
    await back(database)

    assert ["known", "not seen yet"] == served
    assert "known" == (await keys.verify(known)).name


async def test_a_flood_of_made_up_keys_is_bounded_and_pushes_out_no_real_one(database, open_store, clock):
    """Real and unknown keys are remembered apart."""
    keys = open_store(database, max_cached=3)
    real, _ = await keys.create("real")
    await keys.verify(real)
    for number in range(10):
        with pytest.raises(AuthenticationError):
            await keys.verify(f"sk-thal-{number}")
    await away(database)
    clock.passed_s = 1

    assert "real" == (await keys.verify(real)).name
    assert (1, 3) == (len(keys._known), len(keys._unknown))
    await back(database)


async def test_a_key_of_the_settings_needs_no_database(tmp_path, open_store):
    """Keys of the environment work before there is any table, and are told apart without a character of them."""
    database = open_database(f"sqlite:///{tmp_path}/none.sqlite")
    keys = open_store(database, static=("first-secret", "second-secret"))
    first, second = await keys.verify("first-secret"), await keys.verify("second-secret")

    assert await keys.any_active()
    assert (frozenset({"chat"}), "from the environment") == (first.scopes, first.name)
    assert first.prefix != second.prefix
    assert "secret" not in first.prefix
    await database.aclose()


async def test_whether_any_key_exists_is_asked_now_and_then(keys, database, clock):
    """The answer follows what is made and revoked here at once, and what happens elsewhere within its freshness."""
    none = await keys.any_active()
    _, info = await keys.create("laptop", expires_ts=NOW + timedelta(seconds=100))
    made = await keys.any_active()
    await away(database)
    clock.passed_s = 50
    while_away = await keys.any_active()
    await back(database)
    clock.passed_s = 101
    expired = await keys.any_active()
    await keys.create("other")
    await keys.revoke(info.id)

    assert (False, True, True, False) == (none, made, while_away, expired)
    assert await keys.any_active()


async def test_without_an_answer_from_the_database_nobody_is_let_in(keys, database, tmp_path):
    """A gateway that cannot know whether it has keys does not act as if it had none, once a key was ever made here."""
    (tmp_path / "state").mkdir()
    (tmp_path / "state" / "key-pepper").write_text("p" * 64)
    await away(database)

    with pytest.raises(UnavailableError):
        await keys.any_active()
    with pytest.raises(StorageError):
        await keys.list_keys()


async def test_where_no_key_was_ever_made_a_database_that_is_away_locks_nobody_out(keys, database):
    """Without a pepper no key can exist, so the answer needs no database."""
    await away(database)

    assert not await keys.any_active()


@pytest.mark.parametrize(("name", "scopes"), [("", ["chat"]), ("x" * 121, ["chat"]), ("a", []), ("a", ["root"])])
async def test_a_key_needs_a_name_and_known_scopes(keys, name, scopes):
    """What cannot be is refused before anything is stored."""
    with pytest.raises(ValueError, match="key"):
        await keys.create(name, scopes=scopes)
    assert [] == await keys.list_keys()


@settings(max_examples=50, deadline=None)
@given(st.text(max_size=80))
def test_no_presented_text_breaks_the_digest(tmp_path_factory, text):
    """Headers carry anything."""
    database = open_database("sqlite://")
    store = KeyStore(database, tmp_path_factory.mktemp("state"), environment={"THALAMUS_KEY_PEPPER": "p" * 16})

    assert 64 == len(store._digest(text))


def test_the_pepper_is_made_once_for_its_owner_only(tmp_path):
    """A second process finds the first one's pepper, and nobody else may read it."""
    first, second = (load_pepper(tmp_path / "state", {}) for _ in range(2))
    file = tmp_path / "state" / PEPPER_FILE

    assert first == second
    assert 64 == len(first)
    assert 0o600 == stat.S_IMODE(file.stat().st_mode)
    assert [file] == list(file.parent.iterdir())


def test_of_two_processes_that_make_the_pepper_at_once_the_first_counts(tmp_path, monkeypatch):
    """Whoever comes second uses what is there by then."""
    (tmp_path / PEPPER_FILE).write_text("made by the other process")
    monkeypatch.setattr(type(tmp_path), "exists", lambda _: False)

    assert b"made by the other process" == load_pepper(tmp_path, {})


def test_the_pepper_of_the_environment_comes_first(tmp_path):
    """Replicas share one by the environment; then no file is made."""
    assert b"x" * 16 == load_pepper(tmp_path, {"THALAMUS_KEY_PEPPER": "x" * 16})
    assert [] == list(tmp_path.iterdir())


def test_a_pepper_that_protects_nothing_is_refused(tmp_path):
    """Too short, cut off or unreadable: the start stops in words that do not repeat it."""
    with pytest.raises(SettingsError, match="at least 16") as caught:
        load_pepper(tmp_path, {"THALAMUS_KEY_PEPPER": "short"})
    (tmp_path / PEPPER_FILE).write_text("")
    with pytest.raises(SettingsError, match="damaged"):
        load_pepper(tmp_path, {})
    with pytest.raises(SettingsError, match="cannot be read"):
        load_pepper(tmp_path / PEPPER_FILE, {})

    assert "'short'" not in str(caught.value)
    assert "" == (tmp_path / PEPPER_FILE).read_text()


async def test_a_key_keeps_the_models_that_it_may_use(keys):
    """Each once, in their order; a key without any may use all."""
    limited, info = await keys.create("app", models=["cheap", " good ", "cheap"])
    free, _ = await keys.create("free")

    assert ("cheap", "good") == info.models == (await keys.verify(limited)).models
    assert (await keys.verify(free)).models is None
    assert [None, ("cheap", "good")] == [each.models for each in await keys.list_keys()]


@pytest.mark.parametrize(
    "models", [[], [""], ["a\nb"], ["auto"], ["auto:cheap"], ["x" * 201], [f"m{n}" for n in range(257)]]
)
async def test_models_that_cannot_be_are_refused_before_a_key_is_made(keys, models):
    """An empty list would lock the key out, and `auto` is no model."""
    with pytest.raises(ValueError, match=r"key|model"):
        await keys.create("app", models=models)
    assert [] == await keys.list_keys()


async def test_what_a_key_may_use_can_be_changed_and_taken_back(keys, database, open_store, clock):
    """Here at once, elsewhere once the key is asked of the database again."""
    elsewhere = open_store(database)
    key, info = await keys.create("app", models=["cheap"])
    await elsewhere.verify(key)
    changed = await keys.limit_models(info.prefix, ["good"])
    here, there = (await keys.verify(key)).models, (await elsewhere.verify(key)).models
    clock.passed_s = 31
    later = (await elsewhere.verify(key)).models
    await keys.limit_models(info.id, None)

    assert ("good",) == changed.models == here == later
    assert ("cheap",) == there
    assert (await keys.verify(key)).models is None
    with pytest.raises(NotFoundError):
        await keys.limit_models("sk-thal-nobody", ["good"])
    with pytest.raises(ValueError, match="model"):
        await keys.limit_models(info.id, [])


async def test_a_limited_key_stays_limited_while_the_database_is_away(keys, database, open_store):
    """A process that begins without the database goes by the copy, where the models stand too."""
    key, _ = await keys.create("app", models=["cheap"])
    await away(database)

    assert ("cheap",) == (await open_store(database).verify(key)).models
    await back(database)


async def test_every_change_of_a_key_is_audited(database, tmp_path):
    """Who made, limited or revoked it, in the same transaction; what changed nothing is not there, and no key is."""
    store = KeyStore(database, tmp_path, environment={})
    key, info = await store.create("laptop", changed_by="cli")
    await store.limit_models(info.id, ["m"], changed_by="dashboard:mei")
    await store.revoke(info.id, changed_by="dashboard:mei")
    await store.revoke(info.id, changed_by="dashboard:late")
    async with database.reading() as connection:
        rows = [dict(each) for each in (await connection.execute(select(audit).order_by(audit.c.id))).mappings()]

    assert [
        ("create_key", "cli"), ("limit_key", "dashboard:mei"), ("revoke_key", "dashboard:mei"),
    ] == [(each["action"], each["actor"]) for each in rows]  # fmt: skip
    assert {info.prefix} == {each["subject"] for each in rows}
    assert [None, ["m"], ["m"]] == [each["after"]["models"] for each in rows]
    assert rows[2]["before"]["revoked"] is None
    assert rows[2]["after"]["revoked"] is not None
    assert key not in str(rows)
