"""`thalamus intents`: what a text can ask for, and how one adds to it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from config.errors import SettingsError
from config.intents import IntentSettings, load_intents, name_fault
from config.intents_file import add_intent, shared_examples
from proxy.cli.options import AsJson, ConfigFile, read_settings
from proxy.cli.printing import CommandError, note, print_json, print_table, say

if TYPE_CHECKING:
    from collections.abc import Callable

OwnFile = Annotated[
    Path | None,
    typer.Option("--file", metavar="FILE", help="Your own intents; without it `classifier.intents_file`."),
]
Texts = Annotated[list[str] | None, typer.Option(help="May be given several times.")]
USUAL_OWN_FILE = "intents.toml"
_NEEDED = ("zh", "en", "description_zh", "description_en")


def list_(*, file: OwnFile = None, config: ConfigFile = None, as_json: AsJson = False) -> None:
    """List what a text may ask for."""
    found = load_intents(file or read_settings(config).classifier.intents_file).intents
    if as_json:
        print_json({"intents": [{"name": each.name, "zh": each.zh, "en": each.en} for each in found]})
        return
    print_table(("name", "zh", "en", "service"), [(each.name, each.zh, each.en, each.service) for each in found])


def add(
    name: Annotated[str | None, typer.Argument(help="What classifiers will answer; without it you are asked.")] = None,
    *,
    zh: Annotated[str, typer.Option(help="Title in Chinese.")] = "",
    en: Annotated[str, typer.Option(help="Title in English.")] = "",
    description_zh: Annotated[str, typer.Option(help="What belongs to it and what does not, in Chinese.")] = "",
    description_en: Annotated[str, typer.Option(help="The same in English.")] = "",
    service: Annotated[str, typer.Option(help="Who does it; empty asks nobody.")] = "",
    document: Texts = None,
    example_zh: Texts = None,
    example_en: Texts = None,
    file: OwnFile = None,
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Add something that a text may ask for to your own file, checked before a byte of it changes.

    With NAME all must be said by options; without it you are asked for one thing after the other.
    """
    if name is None and as_json:
        raise typer.BadParameter("with --json say NAME and its options; nothing is asked then.")
    path, is_named = _own_file(file, config)
    row = (
        _asked()
        if name is None
        else _complete(
            IntentSettings(
                name,
                zh,
                en,
                description_zh,
                description_en,
                service,
                *map(tuple, (document or (), example_zh or (), example_en or ())),
            )
        )
    )
    catalogue = add_intent(path, row)
    shared = shared_examples(catalogue, row.name)
    if as_json:
        print_json({"file": str(path), "name": row.name, "intents": catalogue.names, "shared_examples": shared})
        return
    say(f"Added '{row.name}' to {path}.")
    for example, others in shared.items():
        note(f"“{example}” is an example of {', '.join(others)} too: such a text will ask for all of them.")
    if not row.examples_zh and not row.examples_en:
        note("It has no examples, so only a model of [classifier.model] can find it.")
    if not is_named:
        note(f'Nothing reads this file yet: put `intents_file = "{path.name}"` under [classifier] of your settings.')
    note("A running gateway takes it with a reload (SIGHUP or POST /api/config/reload).")


VERBS = (
    ("list", "thalamus intents list", list_),
    ("add", "thalamus intents add", add),
)


def _own_file(file: Path | None, config: Path | None) -> tuple[Path, bool]:
    """Return the file to write, and whether settings are known to name it."""
    if file is not None:
        return file, True
    settings = read_settings(config)
    own = settings.classifier.intents_file
    beside = settings.config_file.parent if settings.config_file else Path()
    return own or beside / USUAL_OWN_FILE, own is not None


def _complete(row: IntentSettings) -> IntentSettings:
    """Return a row that says what it must. Raises `SettingsError` naming the options, for no file is to blame yet."""
    fault = name_fault(row.name)
    if fault is not None:
        near = re.sub(r"[^a-z0-9]+", "_", row.name.casefold()).strip("_0123456789")
        raise SettingsError(f"{fault}, such as {near if name_fault(near) is None else 'table_booking'}.")
    missing = [f"--{key.replace('_', '-')}" for key in _NEEDED if not str(getattr(row, key)).strip()]
    if missing:
        raise SettingsError(
            f"the intent '{row.name}' needs {', '.join(missing)}; without a name you are asked for one after the other."
        )
    return row


def _asked() -> IntentSettings:
    """Ask for one thing after the other; what may not be empty is asked for again."""
    say("A new intent. Its name is what classifiers answer: lower-case letters, digits and underscores.")
    known = load_intents(None).names
    name = _needed("Name", lambda text: f"'{text}' is a shipped intent." if text in known else name_fault(text))
    zh, en = _needed("Title in Chinese"), _needed("Title in English")
    say("What belongs to it and what does not, in a sentence; a model without training chooses by it.")
    about_zh, about_en = _needed("In Chinese"), _needed("In English")
    service = _said("Service that does it (empty: none)")
    documents = tuple(part.strip() for part in _said("Documents, by commas (empty: none)").split(",") if part.strip())
    say("Sentences that ask for it, one a line; an empty line ends them. Their exact words are known for certain.")
    return IntentSettings(
        name, zh, en, about_zh, about_en, service, documents, _lines("Example in Chinese"), _lines("Example in English")
    )


def _said(question: str) -> str:
    try:
        return str(typer.prompt(question, default="", show_default=False)).strip()
    except typer.Abort as error:
        say("")  # behind the question
        raise CommandError(
            f"there is no answer to “{question}”; nothing was written. With NAME and options nothing is asked."
        ) from error


def _needed(question: str, refusal: Callable[[str], str | None] = lambda _: None) -> str:
    for _ in range(3):
        text = _said(question)
        problem = refusal(text) if text else "It must not be empty."
        if problem is None:
            return text
        note(problem)
    raise CommandError(f"there is no answer to “{question}”; nothing was written.")


def _lines(question: str) -> tuple[str, ...]:
    found: list[str] = []
    while text := _said(question):
        found.append(text)
    return tuple(found)
