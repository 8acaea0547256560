"""docs/settings.md against the code: an undocumented setting, or a default that differs, fails here."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import pytest

from config.loader import load_settings
from config.model_settings import (
    DeploymentSettings,
    DeploymentTimeouts,
    ModelSettings,
    PriceOverride,
    ProviderSettings,
    Timeouts,
)
from config.reference import describe, docstrings, settings_page
from config.settings import (
    BreakerSettings,
    HealthSettings,
    LoggingSettings,
    RetrievalSettings,
    RoutingSettings,
    RuleSettings,
    ServerSettings,
    Settings,
    StorageSettings,
    StreamingSettings,
    TelemetrySettings,
)

PAGE = Path(__file__).parent.parent / "docs" / "settings.md"
AREAS = (
    Settings, ServerSettings, Timeouts, StreamingSettings, RoutingSettings, RuleSettings, RetrievalSettings,
    StorageSettings, LoggingSettings, HealthSettings, BreakerSettings, TelemetrySettings, ModelSettings,
    DeploymentSettings, DeploymentTimeouts, PriceOverride, ProviderSettings,
)  # fmt: skip


@pytest.mark.parametrize("area", AREAS, ids=lambda area: area.__name__)
def test_every_setting_has_a_docstring(area):
    """A field without its meaning, unit and what 0 and None do is not finished."""
    assert [each.name for each in fields(area)] == list(docstrings(area))


def test_the_page_says_what_the_code_says():
    """A new setting, or a changed default, needs `python -m config.reference > docs/settings.md`."""
    assert settings_page() == PAGE.read_text(encoding="utf-8")


def test_the_pages_example_is_a_valid_file(tmp_path):
    """What people copy from the page works."""
    example = PAGE.read_text(encoding="utf-8").split("```toml\n")[1].split("```")[0]
    file = tmp_path / "thalamus.toml"
    file.write_text(example, encoding="utf-8")

    settings = load_settings(file, {"ACME_API_KEY": "canary"})

    assert "house-model" == settings.models[0].name
    assert "canary" == settings.secrets["ACME_API_KEY"].reveal()


def test_settings_can_be_listed_with_type_default_and_variable():
    """`thalamus check` shows what could be set, and how."""
    found = {each.name: each for each in describe()}

    assert ("8000", "THALAMUS_SERVER__PORT`, `CLAUDE_PROXY_PORT") == (
        found["server.port"].default,
        found["server.port"].variable,
    )
    assert ("", None) == (found["model.name"].default, found["model.name"].variable)
    assert "whole number, at least 0" == found["retrieval.token_budget"].type
    assert "one of `auto`, `console`, `json`" == found["logging.format"].type
    assert "THALAMUS_STATE_DIR" == found["state_dir"].variable
    assert "server.api_keys" not in found
