"""What is believed of a model before its own record: per-intent tables as pseudo rows, and what holds elsewhere."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

import numpy as np

from config.errors import CorpusError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from config.types import Json

    Array = NDArray[np.float64]

PSEUDO_ROWS = 20.0
"""What a line of a prior table weighs against measured prompts of that intent."""
HALF_KNOWN = 150.0
"""Labelled prompts of a model at which its head is trusted by half."""
ANY = "*"
"""The line of a prior table that holds for every intent it does not name."""
UNKNOWN = 0.5
LEAST_MODELS = 3
"""Fewer prices make no line."""
MAX_INTENTS = 128
"""Labelled intents with a line of their own, the most frequent ones."""


@dataclass(frozen=True, slots=True)
class Table:
    """Quality (0 to 1) by intent and model."""

    intents: tuple[str, ...]
    quality: Array
    """(t, k)"""
    elsewhere: Array
    """(k,): for intents that are not in the table."""


def intents_of(labels: Sequence[str | None], believed: Mapping[str, Mapping[str, float]]) -> tuple[str, ...]:
    """Return the intents that get a line of their own: the most frequent labels, and those believed something of."""
    counted = Counter(label for label in labels if label).most_common(MAX_INTENTS)
    return tuple(sorted({name for name, _ in counted} | (believed.keys() - {ANY})))


def build_table(
    labels: Sequence[str | None],
    names: tuple[str, ...],
    quality: Array,
    *,
    believed: Mapping[str, Mapping[str, float]],
    models: Sequence[str],
) -> Table:
    """Return what was measured of the intents `names`, drawn to what was believed; `quality` (n, k) may hold `nan`.

    A model's line for an intent is the mean of its rows there and of 20 pseudo rows: the believed value where there is
    one, else the model's own mean. Of intents that nobody labelled, the believed lines remain as they are.
    """
    general = _means(quality, np.array([believed.get(ANY, {}).get(model, np.nan) for model in models]))
    told = np.array([label or "" for label in labels])
    lines = np.empty((len(names), len(models)))
    for at, name in enumerate(names):
        before = np.array([believed.get(name, {}).get(model, np.nan) for model in models])
        lines[at] = _means(quality[told == name], np.where(np.isnan(before), general, before))
    return Table(names, lines, _elsewhere(lines, general, np.isin(np.array(names, str), told)))


def drawn_to_price(table: Table, cost: Array, share: float) -> Table:
    """Return the table with `elsewhere` drawn by `share` to a line that rises with the log of the cost (k,).

    Of intents that nobody measured it is known that dearer models tend to be better; with few measured intents, that
    says more than which model happened to win there. Nothing changes where a price is unknown or all are equal.
    """
    if not share or len(cost) < LEAST_MODELS or not (cost > 0).all() or np.ptp(cost) == 0:
        return table
    height = np.log(cost) - np.log(cost).mean()
    slope = max(0.0, float((height * table.elsewhere).sum() / (height**2).sum()))
    line = table.elsewhere.mean() + slope * height
    return Table(table.intents, table.quality, np.clip((1 - share) * table.elsewhere + share * line, 0.0, 1.0))


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
            if not isinstance(value, int | float) or not 0 <= value <= 1:
                raise CorpusError(f"{intent!r}, {model!r}: {value!r} is no number from 0 to 1", file=str(path))
            believed[intent][model] = float(value)
    return believed


def _means(quality: Array, before: Array) -> Array:
    """Return column means with `PSEUDO_ROWS` rows of `before`; where that is `nan`, plain means, or one half."""
    count = (~np.isnan(quality)).sum(0)
    total = np.nansum(quality, axis=0)
    plain = np.where(count > 0, total / np.maximum(count, 1), UNKNOWN)
    return np.where(np.isnan(before), plain, (total + PSEUDO_ROWS * np.nan_to_num(before)) / (count + PSEUDO_ROWS))


def _elsewhere(lines: Array, general: Array, measured: NDArray[np.bool_]) -> Array:
    """Return what to expect of an intent that nobody has measured: the mean over measured intents, each counted once.

    The general mean weighs in as one intent more.
    """
    seen = lines[measured]
    return np.asarray((seen.sum(0) + general) / (len(seen) + 1))
