"""The keys page: shown once, limited, ended, and never a whole key in a list, the database or the audit log."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select

from admin.desk.keys import DoorState
from config.errors import AuthenticationError
from config.keys import KeyStore
from config.tables import api_key, audit

HOSTILE = "<script>alert(1)</script>\"'&{{7*7}}"


class Keys:
    """The keys of a real store."""

    def __init__(self, store):
        self.store = store
        self.open = True

    def door(self):
        return DoorState(self.open, 2, 60, 0, ("cheap", "good"))

    async def keys(self):
        return await self.store.list_keys()

    async def make(self, terms, *, changed_by):
        return await self.store.create(
            terms.name,
            scopes=terms.scopes,
            expires_ts=terms.expires_ts,
            requests_per_minute=terms.requests_per_minute,
            tokens_per_minute=terms.tokens_per_minute,
            models=terms.models,
            changed_by=changed_by,
        )

    async def revoke(self, key_id, *, changed_by):
        return await self.store.revoke(key_id, changed_by=changed_by)

    async def limit_models(self, key_id, models, *, changed_by):
        return await self.store.limit_models(key_id, models, changed_by=changed_by)


@pytest.fixture
def store(sqlite_database, tmp_path):
    """An empty store of keys."""
    return KeyStore(sqlite_database, tmp_path, environment={})


@pytest.fixture
def desk(desk, store):
    """A desk with keys."""
    return replace(desk, keys=Keys(store))


async def told(site, query=""):
    return (await site.get(f"/dashboard/keys.json{query}")).json()


async def audited(database):
    query = select(audit.c.action, audit.c.actor).where(audit.c.action.like("%_key")).order_by(audit.c.id)
    async with database.reading() as connection:
        return [tuple(row) for row in await connection.execute(query)]


async def test_a_new_key_is_shown_once_and_opens_the_door(site, store, sqlite_database):
    """It stands on the next page, not on the one after, and neither in the list nor in the database."""
    page = await site.change(
        "/dashboard/keys", name="手机 app", scope="chat", models="cheap，good", days="30",
        requests_per_minute="5", tokens_per_minute="0",
    )  # fmt: skip
    key = re.findall(r"sk-thal-[\w-]{20,}", page.text)[0]
    again = await site.get("/dashboard/keys")
    (row,) = (await told(site))["keys"]
    identity = await store.verify(key)
    async with sqlite_database.reading() as connection:
        kept = str((await connection.execute(select(api_key))).all() + (await connection.execute(select(audit))).all())

    assert key not in again.text
    assert key not in kept
    assert ("手机 app", "active", ["chat"], ["cheap", "good"], 5, 0) == tuple(
        row[name] for name in ("name", "state", "scopes", "models", "requests_per_minute", "tokens_per_minute")
    )
    assert (row["id"], ("cheap", "good")) == (identity.id, identity.models)
    assert timedelta(days=29) < datetime.fromisoformat(row["expires"]) - datetime.now(UTC) < timedelta(days=30)
    assert [("create_key", "dashboard:the-admin")] == await audited(sqlite_database)


async def test_what_is_left_empty_is_left_to_the_settings(site):
    """No model list, no end, no limits of its own."""
    page = await site.change("/dashboard/keys", name="plain", scope="admin")
    (row,) = (await told(site))["keys"]

    assert 200 == page.status_code
    assert [None] * 4 == [row[name] for name in ("models", "expires", "requests_per_minute", "tokens_per_minute")]
    assert ["admin", "chat"] == sorted(row["scopes"])


@pytest.mark.parametrize(
    ("fields", "told_of"),
    [
        ({"name": ""}, "1 to 120 characters"),
        ({"name": "x" * 121}, "1 to 120 characters"),
        ({"name": "x", "days": "0"}, "days"),
        ({"name": "x", "days": "1.5"}, "1.5"),
        ({"name": "x", "days": "99999"}, "3650"),
        ({"name": "x", "requests_per_minute": "-1"}, "-1"),
        ({"name": "x", "tokens_per_minute": "1e9"}, "1e9"),
        ({"name": "x", "tokens_per_minute": "٣"}, "tokens_per_minute"),
        ({"name": "x", "requests_per_minute": "9" * 400}, "requests_per_minute"),
        ({"name": "x", "models": "auto"}, "is no model"),
        ({"name": "x", "scope": "root"}, "cannot be understood"),
        ({"name": "a\x1b[31m"}, "control characters"),
    ],
)
async def test_a_key_that_cannot_be_is_not_made(site, fields, told_of):
    """The page says what is wrong, and nothing was made."""
    page = await site.change("/dashboard/keys", **fields)

    assert 400 == page.status_code
    assert told_of in page.text
    assert 0 == (await told(site))["n_active"]


async def test_a_revoked_key_is_refused_at_once(site, store, sqlite_database):
    """It leaves the list of the active ones, stays among all, and cannot be revoked twice."""
    key, info = await store.create("old", changed_by="test")
    await store.verify(key)
    page = await site.change(f"/dashboard/keys/{info.id}/revoke")
    again = await site.change(f"/dashboard/keys/{info.id}/revoke")
    with pytest.raises(AuthenticationError):
        await store.verify(key)

    assert (200, 200) == (page.status_code, again.status_code)
    assert [] == (await told(site))["keys"]
    assert ["revoked"] == [each["state"] for each in (await told(site, "?show=all"))["keys"]]
    assert [("create_key", "test"), ("revoke_key", "dashboard:the-admin")] == await audited(sqlite_database)


async def test_a_key_gets_other_models_and_all_again(site, store):
    """An empty field is every model; a form from before another's change is refused."""
    _key, info = await store.create("old", models=["cheap"])
    seen = (await told(site))["keys"][0]["seen"]
    page = await site.change(f"/dashboard/keys/{info.id}/models", seen=seen, models="good, 模型")
    limited = (await told(site))["keys"][0]
    late = await site.change(f"/dashboard/keys/{info.id}/models", seen=seen, models="")
    wrong = await site.change(f"/dashboard/keys/{info.id}/models", seen=limited["seen"], models="auto:fast")
    await site.change(f"/dashboard/keys/{info.id}/models", seen=limited["seen"], models=" ")

    assert (200, 409, 400) == (page.status_code, late.status_code, wrong.status_code)
    assert ["good", "模型"] == limited["models"]
    assert (await told(site))["keys"][0]["models"] is None


@pytest.mark.parametrize("action", ["revoke", "models"])
@pytest.mark.parametrize("key_id", ["nobody", "%00", "..%2f..", "x" * 400])
async def test_keys_that_do_not_exist(site, action, key_id):
    """Nothing happens, in words."""
    page = await site.change(f"/dashboard/keys/{key_id}/{action}", seen="x")

    assert 404 == page.status_code


async def test_names_are_text(site, store):
    """What a key is called is never markup."""
    await store.create(HOSTILE, models=["<b>bold</b>"])
    page = await site.get("/dashboard/keys")

    assert "<script>alert" not in page.text
    assert "<b>bold" not in page.text
    assert "&lt;script&gt;alert(1)" in page.text
    assert "{{7*7}}" in page.text


async def test_expired_keys_are_marked(site, store):
    """Beside those that were revoked, where all are asked for."""
    await store.create("past", expires_ts=datetime.now(UTC) - timedelta(days=1))
    page = await site.get("/dashboard/keys?show=all", headers={"accept-language": "zh"})

    assert "已过期" in page.text
    assert [] == (await told(site))["keys"]


async def test_who_may_look_makes_and_ends_nothing(viewer, store):
    """No form is shown, and what is sent without one is refused."""
    key, info = await store.create("theirs")
    shown = await viewer.get("/dashboard/keys")
    refused = [
        await viewer.send_form("/dashboard/keys", name="x"),
        await viewer.send_form(f"/dashboard/keys/{info.id}/revoke"),
        await viewer.send_form(f"/dashboard/keys/{info.id}/models", seen="x", models="m"),
    ]

    assert '<form method="post" action="/dashboard/keys' not in shown.text
    assert [403] * 3 == [each.status_code for each in refused]
    assert info.id == (await store.verify(key)).id


async def test_an_open_door_is_said(site, store):
    """Until the first key; and that there are keys of the environment."""
    before = await site.get("/dashboard/keys")
    await store.create("first")
    after = await site.get("/dashboard/keys")

    assert "The first key closes the door" in before.text
    assert "The first key closes the door" not in after.text
    assert "environment open the door too: 2" in after.text


async def test_without_keys_there_is_no_page(open_site):
    """A gateway that offers none shows none."""
    async with open_site(keys=None) as site:
        assert 404 == (await site.get("/dashboard/keys")).status_code
        assert 404 == (await site.send_form("/dashboard/keys", name="x")).status_code
