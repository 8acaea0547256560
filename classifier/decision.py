"""From the scores of a micro-model to labels, probabilities and a confidence; whether it answers is the last step.

Pure, and the same in serving and in evaluation. `docs/foundry.md` says it in words.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from classifier.calibration import sigmoid, softmax

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from classifier.preproc import Preproc

    Floats = NDArray[np.float64]

_EDGE = 1e-9
_LARGEST = 700.0
"""Above it `exp` overflows."""


@dataclass(frozen=True, slots=True)
class Decision:
    """What the scores of one text say."""

    labels: tuple[str, ...]
    """Likeliest first; empty where none holds."""
    probabilities: Floats
    """One a label, in the order of the artefact."""
    confidence: float
    """Probability that exactly `labels` is right."""
    abstained: bool


def decide(logits: Floats, preproc: Preproc) -> Decision:
    """Return the decision on the scores of one text, (labels,)."""
    if preproc.task == "multi":
        p = sigmoid(logits, preproc.temperature)
        chosen = chosen_labels(p, preproc)
        labels = tuple(preproc.labels[at] for at in chosen)
        in_scope = True
        evidence, plain = _multi_evidence(p, chosen)
    else:
        p = softmax(logits, preproc.temperature)
        best = best_in_scope(logits, preproc)
        in_scope = not preproc.out_of_scope or bool(logits[_scope(preproc)] <= logits[best])
        labels = (preproc.labels[best],) if in_scope else ()
        evidence, plain = _single_evidence(logits, p, preproc, best)
    confidence = weighted(evidence, preproc.confidence_weights) if preproc.confidence_weights else plain
    return Decision(labels, p, confidence, abstained=not in_scope or confidence < preproc.abstain_below)


def chosen_labels(p: Floats, preproc: Preproc) -> list[int]:
    """Return the columns that hold in a multi-label model, likeliest first."""
    each_p: list[float] = p.tolist()  # so few numbers are read quicker one by one than by NumPy
    order = sorted(range(len(each_p)), key=each_p.__getitem__, reverse=True)
    chosen = [at for at in order if each_p[at] >= preproc.thresholds[at]]
    if not chosen and preproc.at_least_one:
        chosen = order[:1]
    if len(chosen) > 1 and preproc.exclusive:
        if preproc.labels[chosen[0]] in preproc.exclusive:
            return chosen[:1]
        return [at for at in chosen if preproc.labels[at] not in preproc.exclusive]
    return chosen


def best_in_scope(logits: Floats, preproc: Preproc) -> int:
    """Return the column with the largest score, the out-of-scope one left aside."""
    scores: list[float] = logits.tolist()
    scope = _scope(preproc) if preproc.out_of_scope else -1
    return max((at for at in range(len(scores)) if at != scope), key=scores.__getitem__)


def evidence_of(logits: Floats, p: Floats, preproc: Preproc) -> tuple[tuple[float, ...], float]:
    """Return the numbers that the confidence is weighed from, three or more, and the confidence without weights.

    Single: the best score, its lead over the second, its lead over out of scope (0 without such a label); plain is the
    probability of the best. Multi: the log-odds that every label is decided rightly, those of the weakest decision,
    the number of labels that hold, and for each label 1 if it holds, else 0, for some labels are harder to tell;
    plain is the product of all decisions' probabilities.
    """
    if preproc.task == "multi":
        return _multi_evidence(p, chosen_labels(p, preproc))
    return _single_evidence(logits, p, preproc, best_in_scope(logits, preproc))


def _multi_evidence(p: Floats, chosen: list[int]) -> tuple[tuple[float, ...], float]:
    sure = [each if at in chosen else 1.0 - each for at, each in enumerate(p.tolist())]
    every, weakest = math.prod(sure), min(sure)
    holds = (float(at in chosen) for at in range(len(sure)))
    return (_log_odds(every), _log_odds(weakest), float(len(chosen)), *holds), every


def _single_evidence(logits: Floats, p: Floats, preproc: Preproc, best: int) -> tuple[tuple[float, ...], float]:
    scores: list[float] = logits.tolist()
    scope = _scope(preproc) if preproc.out_of_scope else -1
    second = max((each for at, each in enumerate(scores) if at not in {best, scope}), default=scores[best])
    beyond = scores[best] - scores[scope] if scope >= 0 else 0.0
    return (scores[best], scores[best] - second, beyond), float(p[best])


def weighted(evidence: tuple[float, ...], weights: tuple[float, ...]) -> float:
    """Return the logistic of bias and weighted evidence; `weights` is the bias and a weight for each.

    Artefacts made before labels were evidence have three weights; what lies behind them is then not weighed.
    """
    score = weights[0] + sum(weight * each for weight, each in zip(weights[1:], evidence, strict=False))
    return 1.0 / (1.0 + math.exp(min(_LARGEST, -score)))


def _scope(preproc: Preproc) -> int:
    return preproc.labels.index(preproc.out_of_scope)


def _log_odds(p: float) -> float:
    kept = min(max(p, _EDGE), 1 - _EDGE)
    return math.log(kept / (1 - kept))
