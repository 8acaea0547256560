"""Counts how often predicted sets of labels are right: micro- and macro-F1, exact match, recall, by language."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from classifier.qwen.decision import flags_of

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True, slots=True)
class Scores:
    """Shares, 0 to 1, over `n` rows."""

    n: int
    micro_f1: float
    macro_f1: float
    """Mean of the labels' own F1; labels that no row and no prediction has are left out."""
    exact: float
    """Rows whose predicted labels are exactly the right ones."""
    recall: float
    precision: float


def scores_of(gold: Sequence[Sequence[str]], predicted: Sequence[Sequence[str]], labels: Sequence[str]) -> Scores:
    """Return the scores of predictions; an abstention is an empty prediction, so it costs recall."""
    if not gold:
        return Scores(0, 0.0, 0.0, 0.0, 0.0, 0.0)
    right, said = flags_of(gold, labels), flags_of(predicted, labels)
    hits, wanted, given = (right & said).sum(axis=0), right.sum(axis=0), said.sum(axis=0)
    seen = (wanted + given) > 0
    each = np.divide(2 * hits, wanted + given, out=np.zeros(len(labels)), where=seen)
    return Scores(
        n=len(gold),
        micro_f1=_share(2 * hits.sum(), wanted.sum() + given.sum()),
        macro_f1=float(each[seen].mean()) if seen.any() else 0.0,
        exact=float((right == said).all(axis=1).mean()),
        recall=_share(hits.sum(), wanted.sum()),
        precision=_share(hits.sum(), given.sum()),
    )


def _share(part: float, whole: float) -> float:
    return float(part / whole) if whole else 0.0
