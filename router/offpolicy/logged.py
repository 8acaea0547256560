"""A log as frozen arrays: who could have been chosen, with which probability, who was, and what came of it.

What a log cannot answer for is set aside here and counted; nothing is filled in. Reading rows of the books is
`reading.py`'s.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from math import isfinite, nan
from typing import TYPE_CHECKING, Final

import numpy as np

from router.choosing.values import Question
from router.offpolicy.encoding import encoded

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from numpy.typing import NDArray

    Array = NDArray[np.float64]
    Ints = NDArray[np.int64]

SUM_TOLERANCE: Final = 1e-3
"""How far logged probabilities may be from 1 together."""
CERTAIN: Final = 1 - 1e-9
NOBODY: Final = -1


@dataclass(frozen=True, slots=True)
class Logged:
    """One decision of a log, as it was recorded."""

    id: str
    conversation: str
    """Decisions of one conversation are not independent; they are resampled together."""
    eligible: tuple[str, ...]
    probabilities: tuple[float, ...] | None
    """One per eligible model; `None` where none were logged."""
    chosen: str
    served: str | None
    """Who answered; after a failover another one than was chosen, `None` where nobody did."""
    reward: float | None = None
    """0 to 1, of the answer that was served; `None` where nobody said."""
    cost_usd: float | None = None
    question: Question = field(default_factory=lambda: Question(""))
    expected: Mapping[str, float] = field(default_factory=dict[str, float])
    """Quality that was expected of models when it was decided."""


@dataclass(frozen=True, slots=True)
class Log:
    """n decisions among k models in all. Rows are as independent as their conversations."""

    models: tuple[str, ...]
    probabilities: Array
    """(n, k), rows summing to 1; 0 where a model could not be chosen."""
    eligible: NDArray[np.bool_]
    """(n, k)."""
    chosen: Ints
    """(n,): the model that was decided for."""
    served: Ints
    """(n,): the model that answered, -1 where none did."""
    rewards: Array
    """(n,): of the answer that was served; `nan` where nobody said."""
    costs_usd: Array
    """(n,): `nan` where unknown."""
    encodings: Array
    """(n, d): the questions as numbers, for the reward model."""
    expected: Array
    """(n, k): what was expected when it was decided, `nan` where that was not logged."""
    conversations: Ints
    """(n,): 0 to the number of conversations."""
    questions: tuple[Question, ...]
    ids: tuple[str, ...]
    set_aside: Mapping[str, int] = field(default_factory=dict[str, int])
    """Why decisions are not among the n, with how many."""

    def __len__(self) -> int:
        """Return n."""
        return len(self.chosen)


def log_of(rows: Iterable[Logged]) -> Log:
    """Return the log of decisions, of which those that can tell nothing are set aside. Never raises.

    Set aside are: a decision that came before (the first one stands), one whose probabilities were not logged, are
    not numbers, do not add up to 1 or are 0 for the one that was chosen, one among a single model, and one that was
    settled without a draw (a rule, a pin, a tool loop): no policy was asked there, and none would have been.
    """
    kept: dict[str, Logged] = {}
    aside: Counter[str] = Counter()
    for each in rows:
        why = "duplicate" if each.id in kept else fault_of(each)
        if why is None:
            kept[each.id] = each
        else:
            aside[why] += 1
    return _arrays(tuple(kept.values()), aside)


def fault_of(row: Logged) -> str | None:
    """Return why a decision can tell nothing of another policy, `None` where it can."""
    p = row.probabilities
    if p is None:
        return "no_probabilities"
    if len(p) != len(row.eligible) or len(set(row.eligible)) != len(p) or row.chosen not in row.eligible:
        return "broken"
    if not all(isfinite(each) and each >= 0 for each in p) or abs(sum(p) - 1) > SUM_TOLERANCE:
        return "broken"
    if p[row.eligible.index(row.chosen)] <= 0:
        return "impossible"
    if len(p) == 1:
        return "one_model"
    return "no_draw" if max(p) >= CERTAIN else None


def with_encodings(log: Log, encodings: Array) -> Log:
    """Return the log with other numbers for its questions, (n, d), where more is known of them than the books keep."""
    return replace(log, encodings=encodings)


def part_of(log: Log, rows: NDArray[np.bool_]) -> Log:
    """Return some rows (n,) of a log; models and the numbers of conversations stay as they are."""
    at = np.flatnonzero(rows).tolist()
    return replace(
        log,
        probabilities=log.probabilities[rows],
        eligible=log.eligible[rows],
        chosen=log.chosen[rows],
        served=log.served[rows],
        rewards=log.rewards[rows],
        costs_usd=log.costs_usd[rows],
        encodings=log.encodings[rows],
        expected=log.expected[rows],
        conversations=log.conversations[rows],
        questions=tuple(log.questions[each] for each in at),
        ids=tuple(log.ids[each] for each in at),
    )


def _arrays(rows: Sequence[Logged], aside: Mapping[str, int]) -> Log:
    models = tuple(sorted({name for each in rows for name in each.eligible} | {r.served for r in rows if r.served}))
    place = {name: at for at, name in enumerate(models)}
    shape = (len(rows), len(models))
    p, eligible, expected = np.zeros(shape), np.zeros(shape, np.bool_), np.full(shape, nan)
    numbers: dict[str, int] = {}
    for at, each in enumerate(rows):
        columns = [place[name] for name in each.eligible]
        p[at, columns] = each.probabilities
        eligible[at, columns] = True
        for name, value in each.expected.items():
            if name in place and isfinite(value):
                expected[at, place[name]] = value
        numbers.setdefault(each.conversation, len(numbers))
    return Log(
        models=models,
        probabilities=p / p.sum(1, keepdims=True),
        eligible=eligible,
        chosen=np.array([place[each.chosen] for each in rows], np.int64),
        served=np.array([NOBODY if each.served is None else place[each.served] for each in rows], np.int64),
        rewards=_known([each.reward for each in rows], most=1.0),
        costs_usd=_known([each.cost_usd for each in rows], most=np.inf),
        encodings=encoded([each.question for each in rows]),
        expected=expected,
        conversations=np.array([numbers[each.conversation] for each in rows], np.int64),
        questions=tuple(each.question for each in rows),
        ids=tuple(each.id for each in rows),
        set_aside=dict(aside),
    )


def _known(values: Sequence[float | None], *, most: float) -> Array:
    """Return numbers from 0 to `most`; what is none of them is not known."""
    found = np.array([nan if each is None else each for each in values], np.float64)
    with np.errstate(invalid="ignore"):
        found[~(np.isfinite(found) & (found >= 0) & (found <= most))] = nan
    return found
