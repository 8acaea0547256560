"""Tries templates on recorded decisions with outcomes, and says whether one is better than the one in charge.

Half of the conversations select the best of many; the other half, which had no say in that, confirms or does not.
So trying more templates makes a false promotion no likelier.
"""

from __future__ import annotations

import asyncio
import math
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final, Protocol

import numpy as np

from config.errors import UpstreamError
from router.judge.reading import read_answer
from router.judge.templates import messages_of, schema_of
from router.judge.values import Verdict
from router.offpolicy.intervals import Estimate, effective, interval

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from config.types import Json
    from router.judge.examples import Example
    from router.judge.templates import Template
    from router.judge.voices import Voice

LEAST_DIFFERENT: Final = 10
"""Examples of the confirming half on which the two must pick differently."""
LEAST_EFFECTIVE: Final = 20.0
"""Examples that the confirming half must be worth, by their weights."""


class Progress(Protocol):
    """Told how far it is."""

    def begin(self, what: str, total: int) -> None:
        """Begin a step of `total` parts."""
        ...

    def advance(self) -> None:
        """Say that a part is done."""
        ...


@dataclass(frozen=True, slots=True)
class Patience:
    """How the judge is asked when nobody waits."""

    timeout_s: float = 60.0
    at_once: int = 2
    max_query_tokens: int = 1500


@dataclass(frozen=True, slots=True)
class Trial:
    """A template and what it picked."""

    template: Template
    picks: tuple[str | None, ...]
    """One an example, in order; `None` where the answer could not be read or did not come."""
    agreement: Estimate
    """Over all examples."""

    @property
    def n_unread(self) -> int:
        """How many examples have no pick."""
        return sum(pick is None for pick in self.picks)

    def as_json(self) -> Json:
        """Return it for people and programs."""
        found = self.agreement
        return {
            "template": self.template.version,
            "agreement": round(found.value, 4),
            "low": _finite(found.low),
            "high": _finite(found.high),
            "n": len(self.picks),
            "n_unread": self.n_unread,
        }


@dataclass(frozen=True, slots=True)
class Verdicts:
    """What came of trying."""

    current: Trial
    trials: tuple[Trial, ...]
    """Of the others, in the order in which they were given."""
    selected: Template | None
    """The best of the others in the half that selects; `None` where none is better than the current one there."""
    gain: Estimate | None
    """By how much it agrees better than the current one, in the half that confirms."""
    n_confirming: int
    n_different: int
    """Confirming examples on which the two picked differently."""
    effective: float
    """How many examples the confirming half is worth by their weights."""
    why_not: str | None = field(default=None)
    """Why nothing is to be promoted, `None` where `selected` is."""

    def as_json(self) -> Json:
        """Return it for people and programs."""
        gain = self.gain
        return {
            "current": self.current.as_json(),
            "others": [each.as_json() for each in self.trials],
            "selected": self.selected.version if self.selected is not None else None,
            "gain": None if gain is None else {
                "value": round(gain.value, 4), "low": _finite(gain.low), "high": _finite(gain.high)
            },
            "n_confirming": self.n_confirming,
            "n_different": self.n_different,
            "effective": round(self.effective, 1),
            "why_not": self.why_not,
        }  # fmt: skip


async def try_templates(
    voice: Voice,
    current: Template,
    others: Sequence[Template],
    *,
    examples: Sequence[Example],
    patience: Patience,
    progress: Progress,
) -> Verdicts:
    """Ask the judge about every example by every template, and compare. Raises `ValueError` without examples."""
    if not examples:
        raise ValueError("there is nothing to try templates on")
    trials = [
        await tried(voice, each, examples=examples, patience=patience, progress=progress) for each in (current, *others)
    ]
    return compared(trials[0], trials[1:], examples)


async def tried(
    voice: Voice, template: Template, *, examples: Sequence[Example], patience: Patience, progress: Progress
) -> Trial:
    """Return what one template picks. A judge that fails on an example has no pick there; never raises for it."""
    progress.begin(template.name, len(examples))
    places = asyncio.Semaphore(patience.at_once)

    async def pick(example: Example) -> str | None:
        messages = messages_of(template, example.case, max_query_tokens=patience.max_query_tokens)
        async with places:
            try:
                said = await voice.say(messages, schema=schema_of(example.case), timeout_s=patience.timeout_s)
            except UpstreamError:
                return None
            finally:
                progress.advance()
        found = read_answer(said.text, example.case.models)
        return found.model if isinstance(found, Verdict) else None

    picks = tuple(await asyncio.gather(*(pick(each) for each in examples)))
    return Trial(template, picks, _mean([each.agreement(p) for each, p in zip(examples, picks, strict=True)], examples))


def compared(current: Trial, trials: Sequence[Trial], examples: Sequence[Example]) -> Verdicts:
    """Return whether the trial that one half of the examples selects is better than the current one on the other."""
    selecting = [i for i, each in enumerate(examples) if not each.confirms]
    confirming = [i for i, each in enumerate(examples) if each.confirms]
    gains = [_gain(each, current, examples, selecting).value if selecting else 0.0 for each in trials]
    best = max(range(len(trials)), key=gains.__getitem__, default=None)
    nothing = Verdicts(current, tuple(trials), None, None, len(confirming), 0, 0.0)
    if best is None or gains[best] <= 0 or not confirming:
        return replace(nothing, why_not="no template agrees better than the one in charge")
    chosen = trials[best]
    n_different = sum(chosen.picks[i] != current.picks[i] for i in confirming)
    gain = _gain(chosen, current, examples, confirming)
    worth = _effective([examples[i] for i in confirming])
    why_not = None
    if n_different < LEAST_DIFFERENT or worth < LEAST_EFFECTIVE:
        why_not = f"too few examples: {n_different} picked differently, worth {worth:.0f}"
    elif gain.low <= 0:
        why_not = f"the gain is not sure: {gain.value:+.3f}, from {gain.low:+.3f} to {gain.high:+.3f}"
    return Verdicts(current, tuple(trials), chosen.template, gain, len(confirming), n_different, worth, why_not=why_not)


def _finite(bound: float) -> float | None:
    """Return a bound as JSON knows it; `None` where a single conversation bounds nothing."""
    return round(bound, 4) if math.isfinite(bound) else None


def variants_of(template: Template) -> tuple[Template, ...]:
    """Return what differs from a template in what it shows: the same words without records, and without prices."""
    return tuple(
        replace(template, name=f"{template.name[:28]}-{name}", about=f"{template.name}, {told}", **{shows: False})
        for name, shows, told in (
            ("no-records", "shows_records", "without records"),
            ("no-prices", "shows_prices", "without prices"),
        )
        if getattr(template, shows)
    )


def _gain(one: Trial, other: Trial, examples: Sequence[Example], places: Sequence[int]) -> Estimate:
    """Return the paired difference of agreement on some of the examples; only those picked differently bear it."""
    shown = [examples[i] for i in places]
    differences = [examples[i].agreement(one.picks[i]) - examples[i].agreement(other.picks[i]) for i in places]
    different = [examples[i] for i in places if one.picks[i] != other.picks[i]]
    return _mean(differences, shown, worth=_effective(different))


def _mean(values: Sequence[float], examples: Sequence[Example], *, worth: float | None = None) -> Estimate:
    """Return the weighed mean with its interval, the turns of a conversation counted together."""
    weights = np.array([each.weight for each in examples])
    found = np.array(values)
    mean = float((weights * found).sum() / weights.sum())
    influence = weights * (found - mean) / weights.mean()
    ess = _effective(examples) if worth is None else worth
    least = 1.0 if worth is None else 0.0  # values that are all alike do not make it certain
    return interval(mean, influence, _conversations(examples), ess=ess, least=least)


def _effective(examples: Sequence[Example]) -> float:
    """Return how many examples they are worth by their weights."""
    if not examples:
        return 0.0
    return effective(np.array([each.weight for each in examples]), _conversations(examples))


def _conversations(examples: Sequence[Example]) -> NDArray[np.int64]:
    numbers: dict[str, int] = {}
    return np.array([numbers.setdefault(each.conversation, len(numbers)) for each in examples], np.int64)
