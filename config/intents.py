"""The catalogue of intents: the shipped rows, and a file of one's own laid over them by name."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal, cast

from config.errors import SettingsError
from config.loader import DEFAULTS, read_document
from config.reading import Problem, Problems, read_table
from config.toml_lines import nearest_line

if TYPE_CHECKING:
    from config.toml_lines import Path as KeyPath

__all__ = ["NONE", "IntentCatalogue", "IntentSettings", "load_intents", "name_fault", "shipped_intents"]

Language = Literal["zh", "en"]

NONE = "none"
"""The intent of what asks for nothing in the catalogue; it is always there."""
MAX_NAME_CHARS = 64
_NAME = re.compile(r"[a-z][a-z0-9_]*", re.ASCII)


@dataclass(frozen=True, slots=True)
class IntentSettings:
    """One thing that a sentence may ask for."""

    name: str
    """What classifiers answer: lower-case letters, digits and underscores, at most 64 characters."""
    zh: str
    """Title in Chinese."""
    en: str
    """Title in English."""
    description_zh: str
    """What belongs to it and what does not, in Chinese; a model without training chooses by it."""
    description_en: str
    """What belongs to it and what does not, in English; a model without training chooses by it."""
    service: str = ""
    """Name of the service that does it; empty asks nobody."""
    documents: tuple[str, ...] = ()
    """Names of the documents that say how it is done; retrieval looks at these first."""
    examples_zh: tuple[str, ...] = ()
    """Sentences that ask for it, in Chinese."""
    examples_en: tuple[str, ...] = ()
    """Sentences that ask for it, in English."""

    def title(self, language: Language) -> str:
        """Return the title in a language."""
        return self.zh if language == "zh" else self.en

    def description(self, language: Language) -> str:
        """Return the description in a language."""
        return self.description_zh if language == "zh" else self.description_en

    def examples(self, language: Language) -> tuple[str, ...]:
        """Return the examples in a language."""
        return self.examples_zh if language == "zh" else self.examples_en


@dataclass(frozen=True, slots=True)
class IntentCatalogue:
    """Intents in their order, which is the order of labels everywhere; `none` is the last."""

    intents: tuple[IntentSettings, ...]
    """The rows; no two share a name."""

    @property
    def names(self) -> tuple[str, ...]:
        """Names in their order."""
        return tuple(intent.name for intent in self.intents)

    def get(self, name: str) -> IntentSettings | None:
        """Return the intent of a name, or `None`."""
        return next((intent for intent in self.intents if intent.name == name), None)


@dataclass(frozen=True, slots=True)
class _IntentFile:
    intent: tuple[IntentSettings, ...] = ()


def shipped_intents() -> IntentCatalogue:
    """Return the rows of `config/defaults/intents.toml`. Reads the file at each call."""
    return _catalogue(_read(DEFAULTS / "intents.toml", {}))


def load_intents(own: Path | None) -> IntentCatalogue:
    """Return the shipped intents with a file's rows over them by name; new names follow, before `none`.

    `None` is the shipped catalogue alone. A row of a shipped name need only say what differs. Raises `SettingsError`
    that lists every problem; its `file` and `line` are those of the first one.
    """
    shipped = shipped_intents()
    if own is None:
        return shipped
    rows = cast("list[dict[str, object]]", read_document(DEFAULTS / "intents.toml")[0]["intent"])
    written = {intent.name: intent for intent in _read(own, {str(row["name"]): row for row in rows})}
    kept = [written.pop(intent.name, intent) for intent in shipped.intents]
    return _catalogue((*kept, *written.values()))


def name_fault(name: str) -> str | None:
    """Return why something cannot be the name of an intent; `None` where it can."""
    if _NAME.fullmatch(name) and len(name) <= MAX_NAME_CHARS:
        return None
    wanted = f"lower-case letters, digits and underscores, a letter first, at most {MAX_NAME_CHARS} characters"
    return f"the name {name[:MAX_NAME_CHARS]!r} must be {wanted}"


def _catalogue(intents: tuple[IntentSettings, ...]) -> IntentCatalogue:
    last = tuple(intent for intent in intents if intent.name == NONE)
    return IntentCatalogue((*(intent for intent in intents if intent.name != NONE), *last))


def _read(path: Path, under: dict[str, dict[str, object]]) -> tuple[IntentSettings, ...]:
    document, lines = read_document(path)
    problems = Problems()
    read = read_table(_IntentFile, _laid_over(document, under), (), problems)
    if read is not None:
        _check(read.intent, problems)
    if problems.found:
        raise _error(problems.found, path, lines)
    return tuple(_trimmed(intent) for intent in read.intent) if read else ()


def _laid_over(document: dict[str, object], under: dict[str, dict[str, object]]) -> dict[str, object]:
    rows = document.get("intent")
    if not isinstance(rows, list):
        return document
    merged = [
        {**under.get(str(row.get("name")), {}), **row} if isinstance(row, dict) else row
        for row in cast("list[dict[str, object] | str]", rows)
    ]
    return {**document, "intent": merged}


def _check(intents: tuple[IntentSettings, ...], problems: Problems) -> None:
    seen: set[str] = set()
    for position, intent in enumerate(intents):
        place = ("intent", position)
        fault = name_fault(intent.name)
        if fault is not None:
            problems.note((*place, "name"), fault)
        if intent.name in seen:
            problems.note((*place, "name"), f"there are two intents named '{intent.name}'")
        seen.add(intent.name)
        for key in ("zh", "en", "description_zh", "description_en"):
            if not getattr(intent, key).strip():
                problems.note((*place, key), f"'{key}' of the intent '{intent.name}' must not be empty")
        for key in ("documents", "examples_zh", "examples_en"):
            if any(not text.strip() for text in getattr(intent, key)):
                problems.note((*place, key), f"'{key}' of the intent '{intent.name}' has an empty entry")


def _trimmed(intent: IntentSettings) -> IntentSettings:
    return replace(
        intent,
        zh=intent.zh.strip(),
        en=intent.en.strip(),
        examples_zh=tuple(text.strip() for text in intent.examples_zh),
        examples_en=tuple(text.strip() for text in intent.examples_en),
    )


def _error(found: list[Problem], path: Path, lines: dict[KeyPath, int]) -> SettingsError:
    places = [(nearest_line(lines, problem.path), problem.message) for problem in found]
    rest = [f"{path}:{line}: {text}" if line else f"{path}: {text}" for line, text in places[1:]]
    return SettingsError("\n".join([places[0][1], *rest]), file=str(path), line=places[0][0])
