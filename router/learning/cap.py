"""How much one speaker may teach: no more than moves any probability by a few points, whatever was said how often.

A model's expectation for a question is normal. Between what would be drawn with a speaker's lessons and without them
lies, for this question, at most the total variation between two normal distributions, summed over the models:
|difference of means| / (deviation sqrt(2 pi)) + 0.484 |difference of log deviations|. It is computed exactly on a grid
of the questions that the speaker can move: those about what it taught about, in each language, with code and without,
in 35 steps of hardness and length. And no question x at all is moved by more, for others may have said much of one
between these steps: with precision P after the lessons the mean moves by at most sqrt(d' P d) sqrt(x' P^-1 x), d being
the shift of the weights (Cauchy and Schwarz), and the second factor is what the deviation is made of. Where it is drawn
with a part of each deviation, that part stands for it; a softmax moves as if it were drawn with 1.6 temperatures
(`Width`). An epsilon mixture changes its best model at once, so no gateway draws with one.

A new model has a ceiling (`router/choosing/newcomers.py`). What is above it goes to others in equal parts, so it brings
no two draws farther apart. But outcomes of weight d about it move the ceilings, and who takes what is left over, by at
most d / `SETTLED_AT`, whatever else is drawn. So the draw with the lessons, under their ceilings, lies from that
without them, under theirs, at most as far as both under the same ceilings (what stands above) and, for each new model,
the movement of n / `SETTLED_AT` between 0 and 2 that the lessons make. That is added.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import product
from typing import TYPE_CHECKING, Final

import numpy as np

from router.choosing.newcomers import SETTLED_AT
from router.choosing.values import Question
from router.learning.encoding import MAX_INTENTS, N_SLOTS, PRIOR_ROWS, encoded, topic_of
from router.learning.heads import NARROWED, gate

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from numpy.typing import NDArray

    from router.learning.heads import Sums

    Array = NDArray[np.float64]

LEAST_DEVIATION: Final = 0.1
"""No prior is taken for surer than this, so that the bound can count on it."""
BUDGET: Final = 0.03
"""How far one speaker may move any probability at once; as much again grows back within a day."""
_BY_MEAN: Final = 1 / math.sqrt(2 * math.pi)
_BY_DEVIATION: Final = math.sqrt(2 / (math.pi * math.e))
_SOFTMAX_WIDTH: Final = 4 / math.sqrt(2 * math.pi)
_LEAST_WIDTH: Final = 1e-6
_WHOLLY_RIPE: Final = 2.0
_STEPS: Final = 12
_LEAST_SHARE: Final = 1e-6
_SIZES: Final = tuple(product((1, 3, 5, 7, 10), (0, 6, 53, 400, 3_000, 22_000, 100_000)))
"""Complexity and tokens, in steps within which what is known of a question changes little."""
_WORST: Final = 64
"""Questions added at once to those on which a share is sought."""


@dataclass(frozen=True, slots=True)
class Width:
    """How wide a way of drawing is: the deviation with which Thompson sampling would be as steep.

    A softmax of temperature T moves no probability by more than the difference of two scores over 4 T (its slope is p
    times 1 - p over T), Thompson sampling by the difference over deviation x sqrt(2 pi).
    """

    spread: float = 1.0
    """Of Thompson sampling: the part of each deviation that is drawn with."""
    temperature: float | None = None
    """Of a softmax, in units of the score; `None` where it is none."""
    lever: float = 1.0
    """By how much more what is drawn may move than the probabilities to be best: with a threshold t, how much of the
    draw is by them moves by 2 / t of their movement as well."""

    def of(self, deviation: float) -> float:
        """Return the width for a model whose expectation has this deviation."""
        if self.temperature is not None:
            return max(_LEAST_WIDTH, self.temperature * _SOFTMAX_WIDTH)
        return max(_LEAST_WIDTH, deviation * self.spread)

    def least_for(self, deviation: float) -> float:
        """Return the width where it is the least for how far a mean moves: of a softmax as if it moved wholly."""
        return self.of(deviation) if self.lever == 1.0 else min(self.of(deviation), max(_LEAST_WIDTH, deviation))

    def between(self, deviations: Array) -> Array:
        """Return the same for many."""
        if self.temperature is None:
            return np.maximum(_LEAST_WIDTH, deviations * self.spread)
        soft = np.full_like(deviations, self.of(0.0))
        return soft if self.lever == 1.0 else np.minimum(soft, np.maximum(_LEAST_WIDTH, deviations))


@dataclass(frozen=True, slots=True)
class Subject:
    """What a key spoke of, its size and language aside."""

    domain: str
    intents: tuple[str, ...]
    has_tools: bool
    has_images: bool
    wants_json: bool
    task_state: str


@dataclass(frozen=True, slots=True)
class Probes:
    """The questions on which a speaker's influence is measured."""

    x: Array
    """(n, 40)"""
    topics: tuple[str, ...]

    def about(self, sums: Sums) -> Array:
        """Return the weight of the lessons about each question's topic, (n,)."""
        found = {topic: sums.n(topic) for topic in dict.fromkeys(self.topics)}
        return np.array([found[topic] for topic in self.topics])


def subject_of(question: Question) -> Subject:
    """Return what a question is about."""
    return Subject(
        question.domain,
        question.intents[:MAX_INTENTS],
        question.has_tools,
        question.has_images,
        question.wants_json,
        question.task_state,
    )


def probes_of(subjects: Iterable[Subject]) -> Probes:
    """Return the questions about these subjects: every language, size and length, code and none.

    So too if nobody could say what they are about: such questions learn from all topics.
    """
    found = tuple(subjects)
    known = dict.fromkeys((*found, *(replace(each, domain="", intents=()) for each in found)))
    grids = [_grid(each) for each in known]
    topics = [topic for each, grid in zip(known, grids, strict=True) for topic in (_topic(each),) * len(grid)]
    return Probes(np.vstack(grids), tuple(topics))


@lru_cache(maxsize=128)
def _grid(subject: Subject) -> Array:
    return np.array(
        [
            encoded(
                Question(
                    "",
                    language=language,
                    domain=subject.domain,
                    intents=subject.intents,
                    complexity=complexity,
                    n_tokens=n_tokens,
                    has_code=has_code,
                    has_tools=subject.has_tools,
                    has_images=subject.has_images,
                    wants_json=subject.wants_json,
                    task_state=subject.task_state,
                )
            )
            for language, (complexity, n_tokens), has_code in product(("zh", "en", ""), _SIZES, (False, True))
        ]
    )


def _topic(subject: Subject) -> str:
    return topic_of(Question("", domain=subject.domain, intents=subject.intents))


def largest_share(
    others: Mapping[str, Sums],
    own: Mapping[str, Sums],
    probes: Probes,
    budget: float,
    *,
    width: Width | None = None,
    is_new: Callable[[str], bool] = lambda _: False,
) -> tuple[float, float]:
    """Return the share, 0 to 1, of a speaker's lessons that moves no probability by over `budget`, and by how much.

    `others` holds by model what is in force without the speaker, `own` all that the speaker said; `width` is that of
    the draw, and `is_new` tells of which model the lessons move a ceiling. Never more than the bound allows: of two
    shares that hold it, the larger.
    """
    width = width or Width()
    moves = [_Move.between(others[model], sums, probes, is_new=is_new(model)) for model, sums in own.items()]
    if not moves:
        return 1.0, 0.0
    share, moved = 1.0, _moved(moves, 1.0, width)
    worst = np.zeros(0, np.int64)
    while (used := float(moved.max(initial=0.0))) > budget:  # each time with questions that were not among them
        if share <= _LEAST_SHARE:
            return 0.0, 0.0
        worst = np.union1d(worst, np.argsort(-moved[:-1])[:_WORST])
        share = _largest([each.among(worst) for each in moves], budget, width, below=share)
        moved = _moved(moves, share, width)
    return share, used


def _largest(moves: list[_Move], budget: float, width: Width, *, below: float) -> float:
    """Return the largest share below another one that moves none of few questions by over `budget`."""
    low, high = _LEAST_SHARE, below
    for _ in range(_STEPS):  # by ratios: of a hundred thousand words a tiny share is what may count
        middle = math.sqrt(low * high)
        if _moved(moves, middle, width).max(initial=0.0) <= budget:
            low = middle
        else:
            high = middle
    return low


def _moved(moves: list[_Move], share: float, width: Width) -> Array:
    """Return the bound for all models together, on each question, and last the one that holds for every question."""
    return width.lever * np.sum([each.at(share, width) for each in moves], axis=0)


@dataclass(frozen=True, slots=True)
class _Move:
    """One model's head without and with lessons, in the coordinates in which both precisions are diagonal."""

    added: Array
    """(40,): precision that the lessons add, in units of the precision before."""
    before: Array
    """(40,): weights before."""
    taught: Array
    """(40,): targets that the lessons add."""
    probes: Array
    """(n, 40): the questions."""
    n_before: Array
    """(n,): weight of the outcomes about each question's topic, without the lessons."""
    n_added: Array
    """(n,): what the lessons add to it."""
    ripe: tuple[float, float] | None = None
    """Of a new model: weight of all outcomes without the lessons, and what they add; in units of `SETTLED_AT`."""

    @classmethod
    def between(cls, others: Sums, own: Sums, probes: Probes, *, is_new: bool = False) -> _Move:
        """Return the way from what others said to what all said."""
        precision = others.squares + PRIOR_ROWS * np.eye(N_SLOTS)
        inverse = np.linalg.inv(np.linalg.cholesky(precision))
        added, axes = np.linalg.eigh(inverse @ own.squares @ inverse.T)
        to_axes = axes.T @ inverse
        n_before, n_added = (probes.about(sums) for sums in (others, own))
        return cls(
            np.maximum(added, 0.0),
            to_axes @ others.targets,
            to_axes @ own.targets,
            np.asarray(probes.x @ to_axes.T, np.float64),
            n_before,
            n_added,
            (others.n() / SETTLED_AT, own.n() / SETTLED_AT) if is_new else None,
        )

    def among(self, chosen: NDArray[np.int64]) -> _Move:
        """Return the same for some of the questions."""
        few = (self.probes[chosen], self.n_before[chosen], self.n_added[chosen])
        return replace(self, probes=few[0], n_before=few[1], n_added=few[2])

    def at(self, share: float, width: Width) -> Array:
        """Return how far a share of the lessons moves what is drawn of this model: each question, and any (n + 1,)."""
        old_mean, old_left = self._seen(0.0)
        mean, left = self._seen(share)
        gates = gate(self.n_before), gate(self.n_before + share * self.n_added)
        found = self._between(gates, (old_mean, mean), (old_left, left), width)
        return np.append(found, self._anywhere(share, width)) + self._lifted(share)

    def _anywhere(self, share: float, width: Width) -> float:
        """Return the same for any question of a topic that is known as well as can be."""
        precision = 1.0 + share * self.added
        shift = (self.before + share * self.taught) / precision - self.before
        longest = math.sqrt(float(shift**2 @ precision) / PRIOR_ROWS)
        narrowed = _BY_DEVIATION * 0.5 * math.log(float(precision.max()))
        return _BY_MEAN * longest / width.least_for(math.sqrt(NARROWED) * LEAST_DEVIATION) + narrowed

    def _lifted(self, share: float) -> float:
        """Return by how much the share moves ceilings, and who takes what is above them."""
        if self.ripe is None:
            return 0.0
        before, added = self.ripe
        return min(_WHOLLY_RIPE, before + share * added) - min(_WHOLLY_RIPE, before)

    def _seen(self, share: float) -> tuple[Array, Array]:
        """Return what the head alone expects of each question, and what it leaves of the deviation, squared."""
        precision = 1.0 + share * self.added
        mean = self.probes @ ((self.before + share * self.taught) / precision)
        spread = self.probes**2 @ (PRIOR_ROWS / precision)
        return mean, np.minimum(1.0, NARROWED * spread)

    @staticmethod
    def _between(
        gates: tuple[Array, Array], means: tuple[Array, Array], lefts: tuple[Array, Array], width: Width
    ) -> Array:
        (was, now), (old_mean, mean), (old_left, left) = gates, means, lefts
        old_wide, wide = was * old_left + 1 - was, now * left + 1 - now
        narrowest = width.between(LEAST_DEVIATION * np.sqrt(np.minimum(old_wide, wide)))
        return _BY_MEAN * np.abs(now * mean - was * old_mean) / narrowest + _BY_DEVIATION * 0.5 * np.abs(
            np.log(wide / old_wide)
        )
