"""In which language a command speaks where it can speak both."""

from __future__ import annotations

import os
from typing import Annotated, Literal

import typer

Told = Literal["en", "zh"]
ToldIn = Annotated[Told | None, typer.Option("--language", help="Of the sentences; else as LANG says.")]


def usual_language() -> Told:
    """Return the language of the terminal."""
    told = next((value for name in ("LC_ALL", "LC_MESSAGES", "LANG") if (value := os.environ.get(name))), "")
    return "zh" if told.lower().startswith("zh") else "en"
