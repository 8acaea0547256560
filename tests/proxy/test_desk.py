"""What the operate pages are given of a running gateway, and that the pages show it."""

from __future__ import annotations

import logging
from dataclasses import replace

import pytest

from config.errors import SettingsError
from config.key_making import KeyTerms
from config.secret import Secret
from proxy.desk.keys import HouseKeys
from proxy.desk.logs import HouseLogs
from proxy.desk.settings import HouseSettings
from proxy.desk.wiring import build_desk
from router.providers.scripted import scripted_upstream
from tests.e2e.gateway import model, running_gateway

SETTINGS = """
[storage]
url = "sqlite:///{folder}/books-with-pass%40word.sqlite"
retention_days = 9
"""


@pytest.fixture
async def gateway(tmp_path):
    """A gateway with one model, keys of the environment, and settings from file and environment."""
    async with (
        scripted_upstream() as upstream,
        running_gateway(
            tmp_path,
            SETTINGS.format(folder=tmp_path),
            model("m", f"{upstream.url}/v1"),
            env={"THALAMUS_API_KEY": "sk-thal-env-key"},
        ) as running,
    ):
        yield running


@pytest.fixture
def level_as_before():
    """Give the level of the process's log back."""
    root = logging.getLogger()
    level = root.level
    yield
    root.setLevel(level)


async def told(desk, name):
    return next(each for each in (await desk.state()).settings if each.name == name)


async def test_every_part_is_there(gateway):
    """Each page of the gateway has its part."""
    desk = build_desk(gateway.house)

    assert None not in (desk.keys, desk.logs, desk.settings, desk.system, desk.models, desk.decisions)


async def test_settings_say_where_they_come_from(gateway):
    """File, environment, command line or default; by name, and what a restart needs."""
    env = {"THALAMUS_STORAGE__QUEUE_MAX": "77", "CLAUDE_PROXY_PORT": "1"}
    desk = HouseSettings(gateway.house, env)
    house = gateway.house
    house.settings = replace(house.settings, logging=replace(house.settings.logging, format="json"))
    sources = {
        name: (await told(desk, name)).source
        for name in ("storage.retention_days", "storage.queue_max", "server.port", "server.host", "logging.format")
    }
    format_told = await told(desk, "logging.format")

    assert {
        "storage.retention_days": "file", "storage.queue_max": "environment", "server.port": "environment",
        "server.host": "default", "logging.format": "command",
    } == sources  # fmt: skip
    assert ('"json"', '"auto"', True, "THALAMUS_LOGGING__FORMAT") == (
        format_told.value, format_told.default, format_told.needs_restart, format_told.variable,
    )  # fmt: skip
    assert "One line for people" in format_told.text


async def test_settings_never_tell_a_secret(gateway):
    """Neither the database's URL, nor a key, nor a password in an address."""
    house = gateway.house
    house.settings = replace(
        house.settings,
        telemetry=replace(house.settings.telemetry, otlp_endpoint="http://user:hunter2hunter2@127.0.0.1:4318"),
        secrets={"OPENAI_API_KEY": Secret("sk-secret-of-openai")},
    )
    state = await HouseSettings(house, {"OPENAI_API_KEY": "sk-secret-of-openai"}).state()
    url = next(each for each in state.settings if each.name == "storage.url")

    assert (True, "•••") == (url.is_hidden, url.value)
    for secret in ("hunter2", "pass%40word", "sk-secret", "sk-thal-env"):
        assert secret not in str(state)


async def test_rows_of_lists_are_counted(gateway):
    """Models and providers have pages of their own."""
    models = await told(HouseSettings(gateway.house, {}), "model")

    assert ("× 1", "file") == (models.value, models.source)


async def test_a_reload_is_foreseen(gateway):
    """What the file says now is told before it counts; a wrong file is told, and changes nothing."""
    desk, file = HouseSettings(gateway.house, {}), gateway.house.settings.config_file
    text = file.read_text()
    file.write_text(text.replace("retention_days = 9", "retention_days = 10\nqueue_max = 5"))
    before = await desk.state()
    waiting = await desk.reload()
    after = await desk.state()
    file.write_text("[storage]\nretention_days = -1\n")
    wrong = await desk.state()
    with pytest.raises(SettingsError):
        await desk.reload()

    assert (("storage.retention_days",), ("storage.queue_max",)) == (before.changed, before.waiting)
    assert ("storage.queue_max",) == waiting
    assert ((), "10") == (after.changed, (await told(desk, "storage.retention_days")).value)
    assert "retention_days" in wrong.problem


async def test_settings_from_code_have_no_file(gateway):
    """Where there is nothing to read again, nothing is offered."""
    gateway.house.read_settings = None
    state = await HouseSettings(gateway.house, {}).state()

    assert (False, (), None) == (state.can_reload, state.changed, state.problem)


async def test_keys_of_the_desk_are_those_of_the_door(gateway):
    """A key made here is let in at once, and one that was revoked is not."""
    desk = HouseKeys(gateway.house)
    key, info = await desk.make(KeyTerms("laptop", models=("m",)), changed_by="test")
    headers = {"authorization": f"Bearer {key}"}
    let_in = (await gateway.http.get("/v1/models", headers=headers)).status_code
    limited = await desk.limit_models(info.id, None, changed_by="test")
    await desk.revoke(info.id, changed_by="test")
    refused = (await gateway.http.get("/v1/models", headers=headers)).status_code

    assert (200, 401, None) == (let_in, refused, limited.models)
    assert [info.id] == [each.id for each in await desk.keys()]
    assert (False, 1, ("m",)) == (
        desk.door().opens_until_first_key, desk.door().n_from_environment, desk.door().models,
    )  # fmt: skip


async def test_the_level_of_the_log_changes_at_once(gateway, level_as_before):
    """It is the process's own; what the settings say stands beside it."""
    desk = HouseLogs(gateway.house)
    desk.set_level("ERROR")
    state = desk.state()

    assert ("ERROR", "INFO", False, 0, 9) == (
        state.level, state.configured, state.is_kept, state.n_lost, state.retention_days,
    )  # fmt: skip
    assert not logging.getLogger("thalamus.any").isEnabledFor(logging.WARNING)


async def test_system_tells_what_health_tells(gateway):
    """The same parts and figures, without asking over HTTP."""
    report = await build_desk(gateway.house).system.report()
    public = (await gateway.http.get("/health", headers={"authorization": "Bearer sk-thal-env-key"})).json()

    assert set(public["components"]) == set(report["components"])
    assert public["version"] == report["version"]
