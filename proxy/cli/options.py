"""Options that several verbs take, and the settings they lead to."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from config.loader import load_settings

if TYPE_CHECKING:
    from collections.abc import Mapping

    from config.settings import Settings

USUAL_FILE = "thalamus.toml"
FILE_VARIABLE = "THALAMUS_CONFIG"

ConfigFile = Annotated[
    Path | None,
    typer.Option(
        "--config",
        "-c",
        metavar="FILE",
        help=f"Settings file; without it {FILE_VARIABLE}, else {USUAL_FILE} of this folder, else none.",
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]


def settings_file(config: Path | None, env: Mapping[str, str] = os.environ) -> Path | None:
    """Return the settings file in charge, `None` where there is none."""
    if config is not None:
        return config
    if env.get(FILE_VARIABLE):
        return Path(env[FILE_VARIABLE])
    usual = Path(USUAL_FILE)
    return usual if usual.is_file() else None


def dotenv_file(config: Path | None) -> Path:
    """Return where the .env file of a settings file lies: beside it, else here."""
    return (config.parent if config is not None else Path()) / ".env"


def read_settings(config: Path | None, env: Mapping[str, str] = os.environ) -> Settings:
    """Return the settings in charge. Raises `SettingsError`."""
    path = settings_file(config, env)
    return load_settings(path, env, dotenv_file(path))
