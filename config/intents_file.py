"""Adds a row to a user's file of intents: checked as a whole, then put in place at once or not at all."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

from config.errors import SettingsError
from config.intents import IntentCatalogue, load_intents

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from config.intents import IntentSettings

HEAD = """\
# What a sentence may ask for, over the shipped intents and by name: see `thalamus intents list`.
"""


def add_intent(path: Path, intent: IntentSettings) -> IntentCatalogue:
    """Append an intent to a file, which is made where it is not there, and return the catalogue with it.

    What stands in the file stays as it is, comments included. Raises `SettingsError` with the file untouched: for a
    name that is there already, a row that is wrong, or a file that is wrong or cannot be written.
    """
    before = load_intents(path if path.exists() else None)
    if before.get(intent.name) is not None:
        raise SettingsError(f"there is an intent '{intent.name}' already; change its row by hand", file=str(path))
    try:
        kept = path.read_text("utf-8-sig") if path.exists() else HEAD
    except OSError as error:
        raise SettingsError(f"cannot be read: {error.strerror or error}", file=str(path)) from error
    text = kept + ("" if kept.endswith("\n") else "\n") + "\n" + toml_row(intent)
    draft = path.with_name(f".{path.name}.{os.getpid()}.new")
    try:
        with draft.open("w", encoding="utf-8", newline="") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        after = _checked(draft, path)
        draft.replace(path)
    except OSError as error:
        raise SettingsError(f"cannot be written: {error.strerror or error}", file=str(path)) from error
    except UnicodeEncodeError as error:
        raise SettingsError("the new row holds characters that are no text", file=str(path)) from error
    finally:
        draft.unlink(missing_ok=True)
    return after


def toml_row(intent: IntentSettings) -> str:
    """Return the row as a TOML table of the array `intent`."""
    said = {key: str(getattr(intent, key)) for key in ("name", "zh", "en", "service")}
    lines = ["[[intent]]", *(f"{key} = {_quoted(value)}" for key, value in said.items() if value)]
    if intent.documents:
        lines.append(f"documents = [{', '.join(_quoted(each) for each in intent.documents)}]")
    lines += [f"{key} = {_quoted(getattr(intent, key))}" for key in ("description_zh", "description_en")]
    for key in ("examples_zh", "examples_en"):
        lines += _listed(key, getattr(intent, key))
    return "\n".join(lines) + "\n"


def shared_examples(catalogue: IntentCatalogue, name: str) -> dict[str, tuple[str, ...]]:
    """Return the examples of an intent that others list too, and who: such a sentence asks for all of them."""
    mine = catalogue.get(name)
    found: dict[str, tuple[str, ...]] = {}
    for example in (*mine.examples_zh, *mine.examples_en) if mine else ():
        others = tuple(
            each.name
            for each in catalogue.intents
            if each.name != name and example in {*each.examples_zh, *each.examples_en}
        )
        if others:
            found[example] = others
    return found


def _checked(draft: Path, path: Path) -> IntentCatalogue:
    try:
        return load_intents(draft)
    except SettingsError as error:
        raise SettingsError(str(error).replace(str(draft), str(path))) from error


def _listed(key: str, values: Sequence[str]) -> list[str]:
    return [f"{key} = [", *(f"  {_quoted(each)}," for each in values), "]"] if values else []


def _quoted(text: str) -> str:
    """Return a TOML basic string, which is a JSON string but for U+007F."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
