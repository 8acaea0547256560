"""What is believed of a model before its own record: per-intent tables as pseudo rows, and what holds elsewhere."""

from __future__ import annotations

import json
from dataclasses import dataclass
from math import isfinite
from typing import TYPE_CHECKING, cast

import numpy as np

from config.errors import CorpusError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from config.types import Json

    Array = NDArray[np.float64]

PSEUDO_ROWS = 30.0
"""What a line of a prior table weighs against measured prompts of that intent."""
HALF_KNOWN = 150.0
"""Labelled prompts of a model at which its head is trusted by half."""
ANY = "*"
"""The line of a prior table that holds for every intent it does not name."""
UNKNOWN = 0.5


@dataclass(frozen=True, slots=True)
class Table:
    """Quality (0 to 1) by intent and model."""

    intents: tuple[str, ...]
    quality: Array
    """(t, k)"""
    elsewhere: Array
    """(k,): for intents that are not in the table."""

    def of(self, intents: Sequence[str | None]) -> tuple[Array, NDArray[np.bool_]]:
        """Return the lines (n, k) of prompts, and which of them were found."""
        place = {intent: at for at, intent in enumerate(self.intents)}
        found = np.array([place.get(intent or "", -1) for intent in intents], np.int64)
        lines = np.vstack([self.quality, self.elsewhere[None, :]])
        return lines[found], found >= 0


def build_table(
    intents: Sequence[str | None], quality: Array, believed: Mapping[str, Mapping[str, float]], models: Sequence[str]
) -> Table:
    """Return what was measured, drawn to what was believed: `quality` (n, k) is `nan` where it is not known.

    A model's line for an intent is the mean of its rows there and of 30 pseudo rows: the believed value where there is
    one, else the model's own mean. Of intents that nobody labelled, the believed lines remain as they are.
    """
    general = _means(quality, np.array([believed.get(ANY, {}).get(model, np.nan) for model in models]))
    told = np.array([intent or "" for intent in intents])
    names = sorted({each for each in told.tolist() if each} | {each for each in believed if each != ANY})
    lines = np.empty((len(names), len(models)))
    for at, name in enumerate(names):
        before = np.array([believed.get(name, {}).get(model, np.nan) for model in models])
        lines[at] = _means(quality[told == name], np.where(np.isnan(before), general, before))
    return Table(tuple(names), lines, _elsewhere(lines, general, [name in set(told.tolist()) for name in names]))


def read_believed(
    path: Path,
) -> dict[str, dict[str, float]]:
    """Return intent -> model -> quality of a JSON file; `*` stands for every other intent. Raises `CorpusError`."""
    try:
        found: object = json.loads(path.read_text("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        raise CorpusError("is no JSON in UTF-8", file=str(path)) from error
    lines = cast("Json", found) if isinstance(found, dict) else None
    if lines is None:
        raise CorpusError("is no object of intent: {model: quality}", file=str(path))
    believed: dict[str, dict[str, float]] = {}
    for intent, line in lines.items():
        if not isinstance(line, dict):
            raise CorpusError(f"{intent!r} is no object of model: quality", file=str(path))
        believed[intent] = {}
        for model, value in cast("Json", line).items():
            if not isinstance(value, int | float) or not isfinite(value) or not 0 <= value <= 1:
                raise CorpusError(f"{intent!r}, {model!r}: {value!r} is no number from 0 to 1", file=str(path))
            believed[intent][model] = float(value)
    return believed


def _means(quality: Array, before: Array) -> Array:
    """Return column means with `PSEUDO_ROWS` rows of `before`; where that is `nan`, plain means, or one half."""
    count = (~np.isnan(quality)).sum(0)
    total = np.nansum(quality, axis=0)
    plain = np.where(count > 0, total / np.maximum(count, 1), UNKNOWN)
    return np.where(np.isnan(before), plain, (total + PSEUDO_ROWS * np.nan_to_num(before)) / (count + PSEUDO_ROWS))


def _elsewhere(lines: Array, general: Array, measured: Sequence[bool]) -> Array:
    """Return what to expect of an intent that nobody has measured: the mean over measured intents, each counted once.

    With few of them the general mean weighs in, as one intent more.
    """
    seen = lines[np.array(measured, bool)] if len(lines) else lines
    return np.asarray((seen.sum(0) + general) / (len(seen) + 1))
