"""What is believed of models by hand: a table of quality by model, domain, language and intent, as starting values.

A line weighs as much as 20 outcomes. The report of `thalamus policy profile --json` is such a table.
"""

from __future__ import annotations

import json
import tomllib
import zlib
from dataclasses import dataclass, replace
from math import isfinite
from typing import TYPE_CHECKING, Final, cast

from config.errors import CorpusError
from router.providers.json_values import as_object

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from config.types import Json
    from router.choosing.values import Expected, Experience, Offer, Question

MAX_BYTES: Final = 5_000_000
ROWS: Final = "rows"
_NAMES: Final = ("model", "intent", "domain", "language")


@dataclass(frozen=True, slots=True)
class Beliefs:
    """Quality by model, intent, domain and language; an empty name stands for any."""

    quality: Mapping[tuple[str, str, str, str], float]
    version: str

    def of(self, model: str, question: Question) -> float | None:
        """Return what is believed of a model for a question: of its intent, else its domain, else of anything.

        A line for the question's language stands before one for any. `None` where nothing is believed of the model.
        """
        places = (*((intent, "") for intent in question.intents), ("", question.domain), ("", ""))
        for intent, domain in places:
            for language in (question.language, ""):
                found = self.quality.get((model, intent, domain, language))
                if found is not None:
                    return found
        return None


@dataclass(frozen=True, slots=True)
class BelievedExperience:
    """An `Experience` whose quality is that of a table, and where the table is silent another one's."""

    beliefs: Beliefs
    otherwise: Experience

    @property
    def version(self) -> str:
        """Name table and rest."""
        return f"{self.otherwise.version}+table-{self.beliefs.version}"

    def expect(self, question: Question, offers: Sequence[Offer]) -> tuple[Expected, ...]:
        """Return what is expected of each offer, in their order."""
        return tuple(
            before if quality is None else replace(before, quality=quality, reasons=("as the starting values say",))
            for before in self.otherwise.expect(question, offers)
            for quality in (self.beliefs.of(before.model, question),)
        )


def read_beliefs(path: Path) -> Beliefs:
    """Return the table of a TOML or JSON file. Raises `CorpusError` with the file and the row at fault.

    It holds `rows`, each with `model` and `quality` (0 to 1), and as wished `domain`, `language` and `intent`. Where
    `quality` is missing, `mean_reward` of an exported profile is taken, and a row with neither is passed over.
    """
    found = _document(path)
    rows = found.get(ROWS)
    if not isinstance(rows, list):
        raise CorpusError(f"holds no list '{ROWS}'", file=str(path))
    return beliefs_of(cast("list[object]", rows), file=str(path))


def beliefs_of(rows: Sequence[object], *, file: str) -> Beliefs:
    """Return the table of rows as `read_beliefs` takes them. Raises `CorpusError` with `file` and the row at fault."""
    quality: dict[tuple[str, str, str, str], float] = {}
    for number, each in enumerate(rows, start=1):
        row = as_object(each)
        if row is None:
            raise CorpusError(f"row {number} of '{ROWS}' is no object", file=file)
        value = row.get("quality", row.get("mean_reward"))
        if value is not None:
            model, *where = (_name(row, name, file=file, number=number) for name in _NAMES)
            if not model:
                raise CorpusError(f"row {number} of '{ROWS}' names no model", file=file)
            quality[model, where[0], where[1], where[2]] = _quality(value, file=file, number=number)
    return Beliefs(quality, f"{_hash_of(quality):08x}")


def _hash_of(quality: Mapping[tuple[str, str, str, str], float]) -> int:
    """Return a number that differs where tables do."""
    return zlib.crc32(json.dumps([[*key, quality[key]] for key in sorted(quality)]).encode())


def _document(path: Path) -> Json:
    try:
        if path.stat().st_size > MAX_BYTES:
            raise CorpusError(f"is larger than {MAX_BYTES:,} bytes", file=str(path))
        text = path.read_text("utf-8-sig")
        found: object = tomllib.loads(text) if path.suffix.lower() == ".toml" else json.loads(text)
    except OSError as error:
        raise CorpusError(f"cannot be read: {error.strerror or 'no such file'}", file=str(path)) from error
    except (ValueError, RecursionError) as error:
        kind = "TOML" if path.suffix.lower() == ".toml" else "JSON"
        raise CorpusError(f"is no {kind} in UTF-8", file=str(path)) from error
    return as_object(found) or {}


def _name(row: Json, name: str, *, file: str, number: int) -> str:
    value = row.get(name, "")
    if not isinstance(value, str):
        raise CorpusError(f"'{name}' in row {number} of '{ROWS}' is no text", file=file)
    return value


def _quality(value: object, *, file: str, number: int) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not (isfinite(value) and 0 <= value <= 1):
        raise CorpusError(f"the quality in row {number} of '{ROWS}' is no number from 0 to 1", file=file)
    return float(value)
