"""From logits to labels: temperature, a threshold a label, a confidence, and whether that is enough to answer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from classifier.calibration import fit_label_thresholds, fit_selective, fit_temperature_multi, sigmoid

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from classifier.calibration import Operating

    Floats = NDArray[np.float64]
    Flags = NDArray[np.bool_]

NONE = "none"
"""The label that excludes all others, where a model has it."""
USUAL_THRESHOLD = 0.5


@dataclass(frozen=True, slots=True)
class Rule:
    """What turns calibrated scores into an answer."""

    labels: tuple[str, ...]
    temperature: float = 1.0
    thresholds: tuple[float, ...] = ()
    """One a label; empty means 0.5 for each."""
    abstain_below: float = 0.0


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the scores of one text say."""

    labels: tuple[str, ...]
    """Likeliest first, at least one; where none reaches its threshold the likeliest is a hint, and it abstains."""
    probabilities: tuple[float, ...]
    """One a label of the rule, in its order."""
    confidence: float
    """Probability that each label is decided rightly, were they independent."""
    abstained: bool


def decide(logits: Floats, rule: Rule) -> Verdict:
    """Return the verdict on one row of logits, shape (labels,)."""
    p = sigmoid(logits, rule.temperature)
    cuts = np.asarray(rule.thresholds or (USUAL_THRESHOLD,) * len(rule.labels))
    passed = _passed(p, cuts, rule.labels)
    chosen = passed or [int(p.argmax())]
    confidence = all_right(p, chosen)
    labels = tuple(rule.labels[at] for at in chosen)
    return Verdict(labels, tuple(map(float, p)), confidence, abstained=not passed or confidence < rule.abstain_below)


def all_right(p: Floats, chosen: Sequence[int]) -> float:
    """Return the probability that the chosen columns hold and no other does, were they independent."""
    sure = 1.0 - p
    sure[list(chosen)] = p[list(chosen)]
    return float(sure.prod())


def fit_rule(logits: Floats, gold: Flags, labels: Sequence[str], *, accuracy: float) -> Rule:
    """Return the rule of `fit_operating` alone."""
    return fit_operating(logits, gold, labels, accuracy=accuracy)[0]


def fit_operating(logits: Floats, gold: Flags, labels: Sequence[str], *, accuracy: float) -> tuple[Rule, Operating]:
    """Return the rule that fits validation rows, both (rows, labels): it abstains so that `accuracy` of answers hold.

    Where no threshold reaches that accuracy with 95 % confidence, the one that comes nearest is taken. Beside it stands
    what its threshold gave on these very rows.
    """
    names = tuple(labels)
    temperature = fit_temperature_multi(logits, gold)
    cuts = fit_label_thresholds(sigmoid(logits, temperature), gold)
    plain = Rule(names, temperature, tuple(map(float, cuts)))
    verdicts = [decide(row, plain) for row in logits]
    right = np.array([set(v.labels) == held(row, names) for v, row in zip(verdicts, gold, strict=True)], dtype=np.bool_)
    confidence = np.array([verdict.confidence for verdict in verdicts])
    operating = fit_selective(confidence, right, accuracy=accuracy)
    return Rule(names, temperature, plain.thresholds, operating.threshold), operating


def held(row: Flags, labels: Sequence[str]) -> set[str]:
    """Return the labels whose flag is set."""
    return {label for label, is_on in zip(labels, row, strict=True) if is_on}


def flags_of(labels: Sequence[Sequence[str]], order: Sequence[str]) -> Flags:
    """Return (rows, labels) flags."""
    return np.array([[label in row for label in order] for row in labels], dtype=np.bool_).reshape(-1, len(order))


def _passed(p: Floats, cuts: Floats, labels: tuple[str, ...]) -> list[int]:
    order = [int(at) for at in np.argsort(-p, kind="stable") if p[at] >= cuts[at]]
    if len(order) > 1 and NONE in labels:
        none = labels.index(NONE)
        return [none] if order[0] == none else [at for at in order if at != none]
    return order
