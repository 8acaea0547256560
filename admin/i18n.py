"""Texts of the dashboard in English and Chinese: `locale/<language>/<area>.toml`, one flat table each.

The text `models.title` stands as `title` in `models.toml`. Both languages have the same keys (a test).
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, cast, get_args

from admin.page import Language

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["LANGUAGES", "Texts", "language_of", "load_texts"]

LANGUAGES: tuple[Language, ...] = get_args(Language)
LOCALE = Path(__file__).parent / "locale"


@dataclass(frozen=True, slots=True)
class Texts:
    """One language's texts; called with a key as templates do: `t("models.title", n=3)`."""

    language: Language
    texts: Mapping[str, str]

    def __call__(self, key: str, **values: object) -> str:
        """Return the text with its values put in. Raises `KeyError` for a key that is none."""
        text = self.texts[key]
        return text.format(**values) if values else text

    def maybe(self, key: str, default: str) -> str:
        """Return the text, or `default` where there is none: for words that come from data."""
        return self.texts.get(key, default)


def load_texts() -> dict[Language, Texts]:
    """Read all of them. Raises `ValueError` for a value that is no text."""
    return {language: Texts(language, _read(LOCALE / language)) for language in LANGUAGES}


def language_of(cookie: str | None, accept_language: str | None) -> Language:
    """Return the language that was chosen, else the first that the browser asks for and we have, else English.

    Weights of `Accept-Language` are honoured (RFC 9110, 12.5.4); a malformed one counts as 0.
    """
    for language in LANGUAGES:
        if cookie == language:
            return language
    wanted = sorted(enumerate((accept_language or "").split(",")), key=lambda each: (-_weight(each[1]), each[0]))
    for _place, entry in wanted:
        name = entry.partition(";")[0].strip().lower()
        for language in LANGUAGES:
            if (name == language or name.startswith(f"{language}-")) and _weight(entry) > 0:
                return language
    return "en"


def _weight(entry: str) -> float:
    _name, _semicolon, parameter = entry.partition(";")
    if not parameter:
        return 1.0
    try:
        return float(parameter.strip().removeprefix("q="))
    except ValueError:
        return 0.0


def _read(folder: Path) -> dict[str, str]:
    texts: dict[str, str] = {}
    for file in sorted(folder.glob("*.toml")):
        for name, value in cast("dict[str, object]", tomllib.loads(file.read_text("utf-8"))).items():
            if not isinstance(value, str):
                raise ValueError(f"{file.name}: {name!r} is no text")  # noqa: TRY004  # a file's content, not a type
            texts[f"{file.stem}.{name}"] = value
    return texts
