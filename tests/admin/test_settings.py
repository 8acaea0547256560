"""The settings page: what is set and where it comes from, what was changed while running, and the reload."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from sqlalchemy import select

from admin.desk.settings import SettingsState
from config.environment import Environment
from config.errors import SettingsError
from config.settings import Settings, StorageSettings
from config.tables import audit, setting_override
from config.told_settings import differences, tell

HOSTILE = "<script>alert(1)</script>{{7*7}}"


class Held:
    """Settings of a file that differ from the default in two places."""

    def __init__(self):
        in_force = Settings(storage=StorageSettings(url="postgresql://u:hunter2hunter2@db/x", retention_days=9))
        document = {"storage": {"retention_days": 9}}
        variables = Environment({"THALAMUS_STORAGE__URL": "postgresql://u:hunter2hunter2@db/x"})
        self.told = SettingsState(
            tell(in_force, document, variables), "/etc/thalamus.toml", can_reload=True, changed=("storage.queue_max",),
            waiting=("server.port",), problem=None,
        )  # fmt: skip
        self.n_reloads = 0
        self.fails = False

    async def state(self):
        return self.told

    async def reload(self):
        if self.fails:
            raise SettingsError(f"unknown setting {HOSTILE}", file="/etc/thalamus.toml", line=3)
        self.n_reloads += 1
        self.told = replace(self.told, changed=())
        return self.told.waiting


@pytest.fixture
def held():
    """The settings in force."""
    return Held()


@pytest.fixture
def desk(desk, held):
    """A desk with settings."""
    return replace(desk, settings=held)


async def test_every_setting_is_told(site):
    """By area, with source and default; only those that differ where that is asked for."""
    twin = (await site.get("/dashboard/settings.json")).json()
    changed = (await site.get("/dashboard/settings.json?show=changed")).json()
    storage = {each["name"]: each for area in twin["areas"] if area["name"] == "storage" for each in area["settings"]}

    assert twin["n_settings"] == sum(len(area["settings"]) for area in twin["areas"]) > 100
    assert 2 == twin["n_changed"] == sum(len(area["settings"]) for area in changed["areas"])
    assert ("9", "30", "file") == tuple(
        storage["storage.retention_days"][name] for name in ("value", "default", "source")
    )
    assert ("•••", "environment", True) == tuple(
        storage["storage.url"][name] for name in ("value", "source", "is_hidden")
    )


@pytest.mark.parametrize("language", ["en", "zh"])
async def test_the_page_shows_all_of_it_and_no_secret(site, language):
    """In both languages."""
    page = await site.get("/dashboard/settings", headers={"accept-language": language})

    assert 200 == page.status_code
    assert "hunter2" not in page.text
    assert "retention_days" in page.text
    assert "/etc/thalamus.toml" in page.text
    assert "server.port" in page.text


async def test_what_was_set_while_running_is_told(site, sqlite_database):
    """With who and when, as text."""
    row = {
        "key": f"balancing.weights.{HOSTILE}",
        "value": {"x": HOSTILE},
        "changed_by": HOSTILE,
        "ts": datetime.now(UTC),
    }
    async with sqlite_database.writing() as connection:
        await connection.execute(setting_override.insert().values(row))
    page = await site.get("/dashboard/settings")
    (told,) = (await site.get("/dashboard/settings.json")).json()["overrides"]

    assert (row["key"], row["value"], HOSTILE) == (told["key"], told["value"], told["changed_by"])
    assert "<script>alert" not in page.text
    assert "{{7*7}}" in page.text


async def test_files_are_read_again_and_it_is_audited(site, held, sqlite_database):
    """What waits for a restart is said."""
    page = await site.change("/dashboard/settings/reload")
    held.told = replace(held.told, waiting=())
    again = await site.change("/dashboard/settings/reload")
    async with sqlite_database.reading() as connection:
        query = select(audit).where(audit.c.action == "reload_settings").order_by(audit.c.id)
        rows = (await connection.execute(query)).mappings().all()

    assert "these wait for a restart: server.port" in page.text
    assert "The files were read again and are in force." in again.text
    assert 2 == held.n_reloads
    assert [("/etc/thalamus.toml", {"changes": ["storage.queue_max"]}), ("/etc/thalamus.toml", {"changes": []})] == [
        (row["subject"], row["after"]) for row in rows
    ]


async def test_a_wrong_file_changes_nothing(site, held):
    """The page says where it is wrong, as text."""
    held.fails = True
    page = await site.change("/dashboard/settings/reload")
    held.told = replace(held.told, problem=f"line 3: {HOSTILE}")
    shown = await site.get("/dashboard/settings")

    assert (400, 0) == (page.status_code, held.n_reloads)
    assert "/etc/thalamus.toml:3" in page.text
    assert "<script>alert" not in page.text + shown.text
    assert "stays in force" in shown.text


async def test_who_may_look_reads_nothing_again(viewer, held):
    """The button is not there, and a form without it is refused."""
    page = await viewer.get("/dashboard/settings")
    refused = await viewer.send_form("/dashboard/settings/reload")

    assert "/dashboard/settings/reload" not in page.text
    assert (403, 0) == (refused.status_code, held.n_reloads)


async def test_defaults_alone_say_so(site, held):
    """Nothing was set: the command that writes a file is named."""
    held.told = SettingsState(
        tell(Settings(), {}, Environment({})), None, can_reload=False, changed=(), waiting=(), problem=None
    )
    page = await site.get("/dashboard/settings?show=changed")

    assert "Every setting has its default." in page.text
    assert page.text.count("thalamus init") >= 2
    assert "Read the files again" not in page.text


async def test_without_settings_there_is_no_page(open_site):
    """A gateway that offers none shows none."""
    async with open_site(settings=None) as site:
        assert 404 == (await site.get("/dashboard/settings")).status_code
        assert 404 == (await site.send_form("/dashboard/settings/reload")).status_code


def test_differences_are_named():
    """Each setting by its name, rows of lists by the list's."""
    one = Settings()
    two = replace(one, storage=replace(one.storage, retention_days=1), aliases={"a": "b"})

    assert () == differences(one, Settings())
    assert ("storage.retention_days", "aliases") == differences(one, two)
