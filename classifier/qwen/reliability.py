"""Measures how far a head's confidence can be believed, on rows that the rule judging them was not fitted on.

The validation rows are cut into parts; each part is judged by a temperature and thresholds fitted on the others. What
is served is fitted on all of them. Every row took part in choosing the checkpoint.
"""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING

import numpy as np

from classifier.calibration import Interval, binomial_interval, ece
from classifier.qwen.decision import decide, fit_rule, held

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from classifier.qwen.decision import Flags, Floats

FOLDS = 5
_FEWEST = 2


@dataclass(frozen=True, slots=True)
class Reliability:
    """Figures of calibration, on rows that did not fit the rule that judged them."""

    rows: int
    parts: int
    """Each was judged by the rule of all the others."""
    ece: float
    """Expected calibration error of all guesses, those of who abstained included; 0 to 1."""
    coverage: Interval
    """Share of the rows that were answered."""
    selective_accuracy: Interval
    """Of the answered rows, the share that was exactly right."""


def reliability_of(
    texts: Sequence[str], logits: Floats, gold: Flags, labels: Sequence[str], *, accuracy: float
) -> Reliability | None:
    """Return the figures of rules fitted for `accuracy`; arrays are (rows, labels). `None` for fewer than two texts."""
    folds = folds_of(texts)
    parts = sorted(set(folds.tolist()))
    if len(parts) < _FEWEST:
        return None
    confidence, right, answered = np.zeros(len(folds)), np.zeros(len(folds), np.bool_), np.zeros(len(folds), np.bool_)
    for part in parts:
        rule = fit_rule(logits[folds != part], gold[folds != part], labels, accuracy=accuracy)
        for at in np.flatnonzero(folds == part):
            verdict = decide(logits[at], rule)
            confidence[at], answered[at] = verdict.confidence, not verdict.abstained
            right[at] = set(verdict.labels) == held(gold[at], labels)
    n, n_answered = len(folds), int(answered.sum())
    return Reliability(
        rows=n,
        parts=len(parts),
        ece=ece(confidence, right),
        coverage=binomial_interval(n_answered, n),
        selective_accuracy=binomial_interval(int((right & answered).sum()), n_answered),
    )


def folds_of(texts: Sequence[str]) -> NDArray[np.int64]:
    """Return the part, counted from 0, that each text belongs to, by the rank of its hash; equal texts share a part."""
    order = sorted(set(texts), key=lambda text: sha256(text.encode("utf-8", "replace")).digest())
    rank = {text: at % FOLDS for at, text in enumerate(order)}
    return np.array([rank[text] for text in texts], dtype=np.int64)
