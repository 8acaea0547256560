"""Labelled prompts: what each of several models earned and cost on each, one JSON object a line."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, cast

from config.errors import CorpusError

if TYPE_CHECKING:
    from collections.abc import Generator
    from pathlib import Path

    from config.types import Json

MAX_MODELS = 256
MOST_USD = 1e9
"""No prompt costs more; a larger figure is a mistake."""


@dataclass(frozen=True, slots=True)
class Prompt:
    """One prompt; `quality` (0 to 1) and `cost` (USD) hold the models of which they are known, perhaps none."""

    text: str
    id: str | None = None
    intent: str | None = None
    """The row's `intent`, else its `task`, else its `suite`; `None` where nothing is told."""
    quality: dict[str, float] = field(default_factory=dict[str, float])
    cost: dict[str, float] = field(default_factory=dict[str, float])


def read_labelled(path: Path) -> list[Prompt]:
    """Return the prompts of a file, of which each has the reward of a model. Raises `CorpusError`."""
    found: list[Prompt] = []
    models: set[str] = set()
    for line, prompt in _numbered(path):
        if not prompt.quality:
            raise CorpusError('has no reward: give "quality": {model: 0 to 1}', file=str(path), line=line)
        models |= prompt.quality.keys()
        if len(models) > MAX_MODELS:
            raise CorpusError(f"names more than {MAX_MODELS} models", file=str(path), line=line)
        found.append(prompt)
    if not found:
        raise CorpusError("holds no row", file=str(path))
    return found


def read_prompts(path: Path) -> Generator[Prompt]:
    """Give the prompts of a file, labelled or not, one after the other. Raises `CorpusError`."""
    for _, prompt in _numbered(path):
        yield prompt


def _numbered(path: Path) -> Generator[tuple[int, Prompt]]:
    with path.open("rb") as lines:
        for number, line in enumerate(lines, 1):
            if line.strip():
                yield number, _prompt(line, file=str(path), line=number)


def _prompt(raw: bytes, *, file: str, line: int) -> Prompt:
    try:
        found: object = json.loads(raw.decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:  # UnicodeDecodeError is a ValueError
        raise CorpusError("is no JSON in UTF-8", file=file, line=line) from error
    if not isinstance(found, dict):
        raise CorpusError("is no JSON object", file=file, line=line)
    row = cast("Json", found)
    text = row.get("prompt")
    if not isinstance(text, str) or not text.strip():
        raise CorpusError('needs "prompt": a text', file=file, line=line)
    told = [row.get(key) for key in ("intent", "task", "suite")]
    return Prompt(
        text=text,
        id=None if row.get("id") is None else str(row["id"]),
        intent=next((each for each in told if isinstance(each, str) and each), None),
        quality=_numbers(row, "quality", most=1.0, file=file, line=line),
        cost=_numbers(row, "cost", most=MOST_USD, file=file, line=line),
    )


def _numbers(row: Json, key: str, *, most: float, file: str, line: int) -> dict[str, float]:
    """Return model -> number; what is null is not known."""
    told = row.get(key)
    if told is None:
        return {}
    if not isinstance(told, dict):
        raise CorpusError(f'"{key}" is no object of model: number', file=file, line=line)
    found: dict[str, float] = {}
    for model, value in cast("Json", told).items():
        if value is None:
            continue
        if not isinstance(value, int | float) or not 0 <= value <= most or not model:
            wanted = "0 to 1" if most == 1 else "0 or more"
            raise CorpusError(f'"{key}" of {model!r} is {value!r}; {wanted} is wanted', file=file, line=line)
        found[model] = float(value)
    return found
