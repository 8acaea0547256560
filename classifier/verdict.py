"""Whether a model in shadow may take the place of the live one: agreement, coverage and calibration, with intervals.

Pure. `docs/foundry.md` says what is compared and what that cannot show.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from classifier.calibration import Interval, binomial_interval

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

FEWEST: Final = 500
"""Requests that both have read before anything is said."""
FEWEST_TRUTHS: Final = 100
"""Corrected decisions from which these are judged as well."""
LEAST_AGREEMENT: Final = 0.95
"""Of the requests that both answer; the lower end of the interval must reach it."""
MOST_COVERAGE_LOST: Final = 0.05
MOST_BRIER_LOST: Final = 0.02
MOST_ACCURACY_LOST: Final = 0.02
_Z: Final = 1.96


@dataclass(frozen=True, slots=True)
class Word:
    """What one model said of one text."""

    labels: tuple[str, ...]
    confidence: float
    abstained: bool


@dataclass(frozen=True, slots=True)
class Pair:
    """What the live model and the one in shadow said of the text of one decision; the text itself is not kept."""

    decision_id: str
    live: Word
    candidate: Word

    @property
    def same(self) -> bool:
        """Whether both name the same labels, in whatever order."""
        return set(self.live.labels) == set(self.candidate.labels)


@dataclass(frozen=True, slots=True)
class Verdict:
    """All intervals are of 95 %; differences are the candidate's value less the live one's."""

    n: int
    n_both: int
    """Requests that both answer."""
    agreement: Interval
    """Share of them in which the labels are the same."""
    coverage: Interval
    """Difference of the shares that are answered."""
    brier: Interval
    """Difference of the expected Brier scores of the confidences, if the live model's confidence is believed."""
    n_truths: int
    """Requests whose labels somebody confirmed or corrected."""
    true_accuracy: Interval
    """Difference of the shares that are right among these."""
    true_brier: Interval
    """Difference of the Brier scores among these."""
    reasons: tuple[str, ...]
    """Why it may not be promoted; empty where it may."""

    @property
    def passes(self) -> bool:
        """Whether it may be promoted."""
        return not self.reasons


def verdict(pairs: Sequence[Pair], truths: Mapping[str, frozenset[str]]) -> Verdict:
    """Return what the pairs show; `truths` are the labels that hold, by decision."""
    both = [each for each in pairs if not each.live.abstained and not each.candidate.abstained]
    agreement = binomial_interval(sum(each.same for each in both), len(both))
    coverage = _mean(float(each.live.abstained) - float(each.candidate.abstained) for each in pairs)
    brier = _mean(_expected_excess(each) for each in pairs)
    known = [(each, truths[each.decision_id]) for each in pairs if each.decision_id in truths]
    accuracy = _mean(_right(each.candidate, held) - _right(each.live, held) for each, held in known)
    true_brier = _mean(_brier(each.candidate, held) - _brier(each.live, held) for each, held in known)
    found = Verdict(len(pairs), len(both), agreement, coverage, brier, len(known), accuracy, true_brier, ())
    return Verdict(len(pairs), len(both), agreement, coverage, brier, len(known), accuracy, true_brier, _faults(found))


def _faults(found: Verdict) -> tuple[str, ...]:
    if found.n < FEWEST:
        return (f"only {found.n} of {FEWEST} requests were compared",)
    faults = {
        f"agreement may be as low as {found.agreement.low:.3f}, below {LEAST_AGREEMENT}": (
            found.agreement.low < LEAST_AGREEMENT
        ),
        f"it may answer {-found.coverage.low:.3f} of the requests fewer, more than {MOST_COVERAGE_LOST}": (
            found.coverage.low < -MOST_COVERAGE_LOST
        ),
        f"its confidence may be worse by a Brier score of {found.brier.high:.3f}, more than {MOST_BRIER_LOST}": (
            found.brier.high > MOST_BRIER_LOST
        ),
    }
    if found.n_truths >= FEWEST_TRUTHS:
        faults |= {
            f"on corrected decisions it may be right {-found.true_accuracy.low:.3f} less often, "
            f"more than {MOST_ACCURACY_LOST}": found.true_accuracy.low < -MOST_ACCURACY_LOST,
            f"on corrected decisions its Brier score may be worse by {found.true_brier.high:.3f}, "
            f"more than {MOST_BRIER_LOST}": found.true_brier.high > MOST_BRIER_LOST,
        }
    return tuple(fault for fault, there in faults.items() if there)


def _expected_excess(pair: Pair) -> float:
    """Return the candidate's expected Brier score less the live one's, if the live labels hold with its confidence.

    Where the labels differ the candidate's can only hold if the live ones do not, so its best case is taken.
    """
    p_live, said = pair.live.confidence, pair.candidate.confidence
    p_candidate = p_live if pair.same else 1 - p_live
    return p_candidate * (1 - said) ** 2 + (1 - p_candidate) * said**2 - p_live * (1 - p_live)


def _right(word: Word, held: frozenset[str]) -> float:
    return float(frozenset(word.labels) == held)


def _brier(word: Word, held: frozenset[str]) -> float:
    return (word.confidence - _right(word, held)) ** 2


def _mean(values: Iterable[float]) -> Interval:
    """Return a mean with its normal interval; (0, -1, 1) for fewer than two values."""
    found = list(values)
    n = len(found)
    if n < 2:  # noqa: PLR2004  # one value has no spread
        return Interval(0.0, -1.0, 1.0)
    mean = math.fsum(found) / n
    spread = math.sqrt(math.fsum((each - mean) ** 2 for each in found) / (n - 1) / n)
    return Interval(mean, mean - _Z * spread, mean + _Z * spread)
