"""Fits what stands between scores and an answer: temperature, thresholds of labels, confidence, abstention.

All of it on held-out rows only: those of a validation file, and scores that each training row gets from models which
have not seen it (cross-fitting).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from classifier.calibration import (
    NEVER,
    Operating,
    fit_label_thresholds,
    fit_selective,
    fit_temperature,
    fit_temperature_multi,
    sigmoid,
)
from classifier.decision import Decision, best_in_scope, decide, evidence_of
from classifier.foundry.tfidf import LinearOptions, fit_linear

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from classifier.foundry.blueprint import Targets
    from classifier.preproc import Preproc

    Floats = NDArray[np.float64]
    Flags = NDArray[np.bool_]
    Ints = NDArray[np.int64]

FOLDS = 5
_RIDGE = 1e-2
_STEPS = 50
_LONGEST_STEP = 2.0
_PRIOR_ROWS = 4.0
_ALONE_ROWS = 20
"""Rows of a label, none of them shared, from which it counts as exclusive."""


@dataclass(frozen=True, slots=True)
class Tuned:
    """A preprocessor with everything fitted, and the operating point of its abstention."""

    preproc: Preproc
    operating: Operating


def cross_scores(
    texts: Sequence[str],
    gold: Flags,
    options: LinearOptions,
    *,
    folds: int = FOLDS,
    seed: int = 0,
    step: Callable[[], None] = lambda: None,
) -> Floats:
    """Return for each row the scores of a model that was trained without it, (rows, labels).

    The rows of each label are dealt out evenly over the folds, so that every model knows every label that has at least
    two rows. Where a fold would leave a label without rows, its column is the lowest score of the row.
    """
    parts = deal(gold, folds, seed=seed)
    scores = np.full(gold.shape, -np.inf)
    for fold in range(folds):
        inside = parts != fold
        known = np.flatnonzero(gold[inside].any(axis=0) & ~gold[inside].all(axis=0))
        if not inside.all() and len(known):
            model = fit_linear(chosen(texts, inside), gold[inside][:, known], options)
            scores[np.ix_(np.flatnonzero(~inside), known)] = model.scores(chosen(texts, ~inside))
        step()
    lowest = np.where(np.isfinite(scores), scores, np.inf).min(axis=1, keepdims=True)
    return np.where(np.isfinite(scores), scores, np.where(np.isfinite(lowest), lowest, -1.0))


def chosen(texts: Sequence[str], flags: Flags) -> list[str]:
    """Return the texts whose flag is set."""
    return [text for text, flag in zip(texts, flags.tolist(), strict=True) if flag]


def deal(gold: Flags, parts: int, *, seed: int) -> Ints:
    """Return the part, 0 to `parts` - 1, of each row: rows of equal labels are dealt out in turn after a shuffle."""
    rng = np.random.default_rng(seed)
    order = rng.permutation(len(gold))
    keys = [gold[at].tobytes() for at in order]
    by_labels = sorted(range(len(order)), key=keys.__getitem__)
    dealt = np.empty(len(gold), np.int64)
    dealt[order[by_labels]] = np.arange(len(gold)) % parts
    return dealt


def tune(bare: Preproc, scores: Floats, gold: Flags, targets: Targets) -> Tuned:
    """Return the preprocessor with all that is fitted on these held-out scores, both (rows, labels)."""
    preproc = _multi(bare, scores, gold) if bare.task == "multi" else _single(bare, scores, gold)
    decisions = [decide(row, preproc) for row in scores]
    evidence = [evidence_of(row, made.probabilities, preproc)[0] for row, made in zip(scores, decisions, strict=True)]
    usable = np.array([rightly(made, row, preproc) for made, row in zip(decisions, gold, strict=True)])
    if preproc.out_of_scope:  # the confidence is that of the best label in scope, also where out of scope wins
        usable = np.array([row[best_in_scope(each, preproc)] for each, row in zip(scores, gold, strict=True)])
    if usable.any() and not usable.all():
        preproc = replace(preproc, confidence_weights=fit_logistic(np.array(evidence), usable))
    decisions = [decide(row, preproc) for row in scores]
    operating = operating_point(decisions, gold, preproc, targets)
    threshold = min(operating.threshold, NEVER)
    return Tuned(replace(preproc, abstain_below=float(np.float32(threshold))), operating)


def operating_point(decisions: Sequence[Decision], gold: Flags, preproc: Preproc, targets: Targets) -> Operating:
    """Return the threshold of confidence that the targets ask for; rows found out of scope count as not answered."""
    right = np.array([rightly(made, row, preproc) for made, row in zip(decisions, gold, strict=True)])
    refused = np.array([bool(preproc.out_of_scope) and not made.labels for made in decisions])
    confidence = np.array([made.confidence for made in decisions])
    answered = fit_selective(
        confidence[~refused], right[~refused], accuracy=targets.selective_accuracy, bound=targets.bound
    )
    return replace(answered, coverage=answered.coverage * float((~refused).mean()), n=len(right))


def rightly(decision: Decision, gold: Flags, preproc: Preproc) -> bool:
    """Return whether a decision's labels are exactly those that hold; out of scope stands for none."""
    held = {label for label, holds in zip(preproc.labels, gold, strict=True) if holds} - {preproc.out_of_scope}
    return set(decision.labels) == held


def exclusive_labels(gold: Flags, labels: Sequence[str]) -> tuple[str, ...]:
    """Return the labels that hold alone in every row, where other labels are found together."""
    together = gold[gold.sum(axis=1) > 1]
    if not len(together):
        return ()
    alone = ~together.any(axis=0) & (gold.sum(axis=0) >= _ALONE_ROWS)
    return tuple(label for label, holds in zip(labels, alone, strict=True) if holds)


def fit_logistic(evidence: Floats, right: Flags) -> tuple[float, ...]:
    """Return bias and weights of a logistic regression, by Newton steps with a small ridge; evidence is (rows, k)."""
    design = np.concatenate([np.ones((len(evidence), 1)), evidence], axis=1)
    ridge = _RIDGE * np.diag([0.0, *np.ones(evidence.shape[1])]) * len(evidence) / 1000
    weights = np.zeros(design.shape[1])
    for _ in range(_STEPS):
        p = sigmoid(design @ weights)
        slope = design.T @ (right - p) - ridge @ weights
        curve = (design * (p * (1 - p))[:, None]).T @ design + ridge + 1e-6 * np.eye(len(weights))
        weights = weights + np.clip(np.linalg.solve(curve, slope), -_LONGEST_STEP, _LONGEST_STEP)
    return tuple(float(np.float32(weight)) for weight in weights)


def _single(bare: Preproc, scores: Floats, gold: Flags) -> Preproc:
    return replace(bare, temperature=float(np.float32(fit_temperature(scores, gold.argmax(axis=1)))))


def _multi(bare: Preproc, scores: Floats, gold: Flags) -> Preproc:
    temperature = float(np.float32(fit_temperature_multi(scores, gold)))
    thresholds = fit_label_thresholds(sigmoid(scores, temperature), gold, prior_rows=_PRIOR_ROWS)
    return replace(
        bare,
        temperature=temperature,
        thresholds=tuple(float(np.float32(each)) for each in thresholds),
        at_least_one=bool(gold.any(axis=1).all()),
        exclusive=exclusive_labels(gold, bare.labels),
    )
