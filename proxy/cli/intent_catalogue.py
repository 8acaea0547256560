"""`thalamus intents`: what a text can ask for, and how one adds to it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from config.intents import load_intents
from proxy.cli.options import AsJson, ConfigFile, read_settings
from proxy.cli.printing import print_json, print_table

OwnFile = Annotated[
    Path | None,
    typer.Option("--file", metavar="FILE", help="Your own intents; without it `classifier.intents_file`."),
]


def list_(*, file: OwnFile = None, config: ConfigFile = None, as_json: AsJson = False) -> None:
    """List what a text may ask for."""
    found = load_intents(file or read_settings(config).classifier.intents_file).intents
    if as_json:
        print_json({"intents": [{"name": each.name, "zh": each.zh, "en": each.en} for each in found]})
        return
    print_table(("name", "zh", "en", "service"), [(each.name, each.zh, each.en, each.service) for each in found])


VERBS = (("list", "thalamus intents list", list_),)
