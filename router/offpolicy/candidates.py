"""Policies that a log can be asked about: each says with which probabilities it would have drawn.

A candidate is bound by what was eligible; where it has no wish among that, what was logged stands.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from math import isfinite
from typing import TYPE_CHECKING, Final, Protocol, cast

import numpy as np

from config.errors import CorpusError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from config.types import Json
    from router.choosing.values import Question
    from router.offpolicy.logged import Log
    from router.policy.model import Policy
    from router.policy.rows import Prompt

    Array = NDArray[np.float64]

ANY: Final = "*"
MAX_FILE_BYTES: Final = 10_000_000
BATCH: Final = 512
_TINY: Final = 1e-12


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a candidate would have done with the decisions of a log."""

    target: Array
    """(n, k), rows summing to 1."""
    n_undecided: int = 0
    """Decisions where it had no wish among what was eligible, so that it is taken to do as was logged."""
    unknown: tuple[str, ...] = ()
    """Models it wants that the log never could choose."""


class Candidate(Protocol):
    """A policy that is asked about."""

    @property
    def name(self) -> str:
        """How the report calls it."""
        ...

    def wanted(self, log: Log) -> Wanted:
        """Return the probabilities it would have drawn with."""
        ...


@dataclass(frozen=True, slots=True)
class FixedTable:
    """Shares of models by kind of question: `zh/code`, `zh`, `*/code`, else `*`; the first that is there."""

    name: str
    shares: Mapping[str, Mapping[str, float]]

    def wanted(self, log: Log) -> Wanted:
        """Return the shares of each question's kind, restricted to what was eligible."""
        place = {model: at for at, model in enumerate(log.models)}
        rows: dict[str, Array] = {}
        for kind, shares in self.shares.items():
            rows[kind] = np.zeros(len(log.models))
            for model, share in shares.items():
                if model in place:
                    rows[kind][place[model]] = share
        wishes = np.zeros(log.probabilities.shape)
        for at, question in enumerate(log.questions):
            kind = next((each for each in _kinds(question) if each in rows), None)
            if kind is not None:
                wishes[at] = rows[kind]
        ever = set(np.array(log.models, dtype=object)[log.eligible.any(0)].tolist()) if len(log) else set[str]()
        wanted = {model for shares in self.shares.values() for model, share in shares.items() if share > 0}
        return bound(log, wishes, unknown=sorted(wanted - ever))


@dataclass(frozen=True, slots=True)
class FittedPolicy:
    """A folder of `thalamus policy fit`: the highest expected quality less weighed cost, and a little of the others."""

    name: str
    policy: Policy
    prompts: Mapping[str, Prompt]
    """By decision: what the books keep of the texts."""
    cost_weight: float = 0.0
    """Quality that the dearest model's price on a prompt outweighs."""
    floor: float = 0.02

    def wanted(self, log: Log) -> Wanted:
        """Return the best eligible model of each decision whose text is kept, above a floor for the others."""
        columns = [log.models.index(model) for model in self.policy.models if model in log.models]
        known = [at for at, model in enumerate(self.policy.models) if model in log.models]
        wishes = np.zeros(log.probabilities.shape)
        told = [at for at, name in enumerate(log.ids) if name in self.prompts]
        for first in range(0, len(told) if known else 0, BATCH):
            rows = told[first : first + BATCH]
            scores = self._scores([self.prompts[log.ids[at]] for at in rows])[:, known]
            may = log.eligible[np.ix_(rows, columns)]
            scores = np.where(may, scores, -np.inf)
            n_eligible = log.eligible[rows].sum(1)
            floor = np.minimum(self.floor, 1 / np.maximum(n_eligible, 1))
            best = scores.argmax(1)
            wishes[rows] = np.where(log.eligible[rows], floor[:, None], 0.0)
            wishes[rows, np.array(columns)[best]] += 1 - floor * n_eligible
            wishes[np.array(rows)[~may.any(1)]] = 0.0
        return bound(log, wishes, unknown=())

    def _scores(self, prompts: Sequence[Prompt]) -> Array:
        quality, cost = self.policy.predict(prompts)
        dearest = np.nanmax(np.where(np.isfinite(cost), cost, 0.0), axis=1, keepdims=True)
        relative = np.where(np.isfinite(cost), cost / np.maximum(dearest, _TINY), 1.0)
        return quality - self.cost_weight * relative


def bound(log: Log, wishes: Array, *, unknown: Sequence[str]) -> Wanted:
    """Return wishes (n, k) as probabilities of what was eligible; where there are none, those that were logged."""
    allowed = np.where(log.eligible, wishes, 0.0)
    total = allowed.sum(1, keepdims=True)
    decided = total[:, 0] > _TINY
    target = np.where(decided[:, None], allowed / np.where(total > _TINY, total, 1.0), log.probabilities)
    return Wanted(target, int((~decided).sum()), tuple(unknown))


def read_table(path: Path) -> FixedTable:
    """Return the table of a JSON file.

    It is `{"probabilities": {model: share}}`, or a table of those by kind: `{"probabilities": {"zh/code": {...},
    "*": {...}}}`. Shares are 0 or more and need not add up to 1. Raises `CorpusError`.
    """
    if path.stat().st_size > MAX_FILE_BYTES:
        raise CorpusError(f"is larger than {MAX_FILE_BYTES:,} bytes", file=str(path))
    try:
        found: object = json.loads(path.read_bytes().decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        raise CorpusError("is no JSON in UTF-8", file=str(path)) from error
    told = cast("Json", found).get("probabilities") if isinstance(found, dict) else None
    if not isinstance(told, dict) or not told:
        raise CorpusError('needs "probabilities": {model: share}, or those by kind of question', file=str(path))
    table = cast("Json", told)
    if not any(isinstance(each, dict) for each in table.values()):
        table = {ANY: table}
    return FixedTable(path.name, {kind: _shares(kind, shares, path) for kind, shares in table.items()})


def _shares(kind: str, told: object, path: Path) -> dict[str, float]:
    if not isinstance(told, dict) or not told:
        raise CorpusError(f'"probabilities" of {kind!r} is no object of model: share', file=str(path))
    shares: dict[str, float] = {}
    for model, share in cast("Json", told).items():
        if isinstance(share, bool) or not isinstance(share, int | float) or not (isfinite(share) and share >= 0):
            raise CorpusError(f"the share of {model!r} is {share!r}; 0 or more is wanted", file=str(path))
        shares[model] = float(share)
    if not sum(shares.values()) > 0:
        raise CorpusError(f'"probabilities" of {kind!r} has no share above 0', file=str(path))
    return shares


def _kinds(question: Question) -> tuple[str, ...]:
    return f"{question.language}/{question.domain}", question.language, f"{ANY}/{question.domain}", ANY
