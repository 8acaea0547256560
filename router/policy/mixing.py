"""How what the words say, what is known of the intent, and what is believed elsewhere become one expectation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from router.policy.intents import Guesser
    from router.policy.priors import Table
    from router.policy.sparse import Floats, Rows

    Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Reading:
    """What is known of the intents of n prompts."""

    shares: Array
    """(n, t): probability of each intent; all 0 where one was told that nobody labelled."""
    told: NDArray[np.bool_]
    """(n,): the prompt's own word, and one that we know."""
    strangeness: Array
    """(n,): 0 for a prompt like those that were labelled, 1 for one of another kind."""


@dataclass(frozen=True, slots=True)
class Mix:
    """The weights of the parts; pairs are for a guessed and for a told intent."""

    table_share: tuple[Array, Array]
    """(k,): what the table counts beside a model's head."""
    slope: tuple[Array, Array]
    """(k,): how far expectations are stretched from the general mean."""
    damping: float
    """How much of what the words say is given up for a strange prompt."""


def read_intents(rows: Rows, intents: Sequence[str | None], guesser: Guesser, table: Table) -> Reading:
    """Return what each prompt tells of its intent, or else reads like."""
    scores = np.zeros((len(intents), len(table.intents)), np.float32)
    silent = np.flatnonzero([intent is None for intent in intents])
    if len(silent) and table.intents:
        scores[silent] = guesser.scores(rows.pick(silent))
    return reading_of(scores, intents, guesser, table)


def reading_of(scores: Floats, intents: Sequence[str | None], guesser: Guesser, table: Table) -> Reading:
    """Return the same where the guesser's scores (n, t) are there, of prompts that tell an intent perhaps any."""
    place = {intent: at for at, intent in enumerate(table.intents)}
    found = np.array([place.get(intent or "", -1) for intent in intents], np.int64)
    silent = np.array([intent is None for intent in intents], np.bool_)
    shares, strangeness = np.zeros((len(found), len(place))), np.where((found >= 0) | silent, 0.0, 1.0)
    shares[np.flatnonzero(found >= 0), found[found >= 0]] = 1.0
    if silent.any() and place:
        shares[silent] = guesser.shares(scores[silent])
        strangeness[silent] = guesser.strangeness(scores[silent])
    return Reading(shares, found >= 0, strangeness)


def mixed(text: Floats, base: Array, reading: Reading, table: Table, mix: Mix) -> Array:
    """Return the expected quality (n, k): heads and table by their shares, stretched, drawn back where strange."""
    lines = reading.shares @ table.quality + (1.0 - reading.shares.sum(1, keepdims=True)) * table.elsewhere
    told = reading.told[:, None]
    share, slope = (np.where(told, pair[1], pair[0]) for pair in (mix.table_share, mix.slope))
    both = base + slope * ((1.0 - share) * text + share * lines - base)
    away = (reading.strangeness * mix.damping)[:, None]
    return np.clip((1.0 - away) * both + away * table.elsewhere, 0.0, 1.0)
