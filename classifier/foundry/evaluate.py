"""Measures decisions against what holds: F1, exact, per language, coverage and selective accuracy, with intervals.

Nothing is fitted here; thresholds come with the model.
"""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import numpy as np

from classifier.calibration import Interval, binomial_interval, bootstrap, ece, fit_selective
from classifier.decision import Decision
from classifier.foundry.tuning import rightly

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from classifier.foundry.corpus import Row
    from classifier.micromodel import MicroModel
    from classifier.preproc import Preproc
    from config.types import Json

    Flags = NDArray[np.bool_]
    Ints = NDArray[np.int64]

ROUNDS = 500
_WARM_UPS, _TIMED = 50, 1000
_DIGITS = 4


@dataclass(frozen=True, slots=True)
class Judged:
    """Decisions on held-out rows beside what holds, (rows, labels); the out-of-scope column left out."""

    found: Flags
    gold: Flags
    confidence: NDArray[np.float64]
    answered: Flags
    right: Flags
    """Whether exactly the right labels were found."""
    in_scope: Flags


def served(model: MicroModel, texts: Sequence[str]) -> list[Decision]:
    """Return what a model says of texts as it is served: where it knows no term of one, it abstains."""
    found = [model.predict(text) for text in texts]
    return [
        Decision(each.labels, np.array(list(each.probabilities.values())), each.confidence, abstained=each.abstained)
        for each in found
    ]


def judge(decisions: Sequence[Decision], gold: Flags, preproc: Preproc) -> Judged:
    """Return decisions in the form that the measures need."""
    columns = [at for at, label in enumerate(preproc.labels) if label != preproc.out_of_scope]
    names = [preproc.labels[at] for at in columns]
    found = np.array([[name in made.labels for name in names] for made in decisions], np.bool_)
    held = gold[:, columns]
    return Judged(
        found=found.reshape(len(decisions), len(names)),
        gold=held,
        confidence=np.array([made.confidence for made in decisions]),
        answered=np.array([not made.abstained for made in decisions], np.bool_),
        right=np.array([rightly(made, row, preproc) for made, row in zip(decisions, gold, strict=True)], np.bool_),
        in_scope=np.asarray(held.any(axis=1) if preproc.out_of_scope else np.ones(len(decisions)), np.bool_),
    )


def micro_f1(found: Flags, gold: Flags) -> float:
    """Return F1 over all decisions taken together."""
    return _ratio(2 * (found & gold).sum(), found.sum() + gold.sum())


def macro_f1(found: Flags, gold: Flags) -> float:
    """Return the mean of each label's F1; labels neither held nor found are left out."""
    hits, every = 2 * (found & gold).sum(axis=0), found.sum(axis=0) + gold.sum(axis=0)
    return float((hits[every > 0] / every[every > 0]).mean()) if (every > 0).any() else 0.0


def recall(found: Flags, gold: Flags) -> float:
    """Return the share of what holds that was found."""
    return _ratio((found & gold).sum(), gold.sum())


def measures(judged: Judged, rows: Sequence[Row], *, seed: int = 0) -> Json:
    """Return every measure with its 95 % interval, whole and for each language."""
    whole: Json = _figures(judged, np.arange(len(rows)), seed)
    languages = sorted({row.lang for row in rows})
    if len(languages) > 1:
        by_language = {lang: np.array([at for at, row in enumerate(rows) if row.lang == lang]) for lang in languages}
        whole["languages"] = {lang: _figures(judged, at, seed) for lang, at in by_language.items()}
    return whole


def share_at(confidence: NDArray[np.float64], right: Flags, *, accuracy: float, bound: float) -> float:
    """Return the largest share of rows, surest first, right in `accuracy` of the cases by a binomial bound; else 0."""
    found = fit_selective(confidence, right, accuracy=accuracy, bound=bound)
    return found.coverage if found.accuracy_low >= accuracy else 0.0


def plain_share(confidence: NDArray[np.float64], right: Flags, *, accuracy: float) -> float:
    """Return the largest share of rows, surest first, of which at least `accuracy` are right; equals go together."""
    order = np.argsort(-confidence, kind="stable")
    ranked, hits = confidence[order], np.cumsum(right[order])
    ends = np.flatnonzero(np.append(ranked[1:] < ranked[:-1], [True] * bool(len(ranked)))) + 1
    good = ends[hits[ends - 1] >= accuracy * ends]
    return float(good[-1] / len(ranked)) if len(good) else 0.0


def latency_ms(predict: Callable[[str], object], texts: Sequence[str]) -> Json:
    """Return p50, p95 and p99 of one call after another, in milliseconds, on this machine as it is now."""
    turns = [texts[at % len(texts)] for at in range(_WARM_UPS + _TIMED)]
    taken: list[float] = []
    for text in turns:
        began = time.perf_counter()
        predict(text)
        taken.append((time.perf_counter() - began) * 1000)
    p50, p95, p99 = np.quantile(taken[_WARM_UPS:], [0.5, 0.95, 0.99])
    return {"p50_ms": round(float(p50), 3), "p95_ms": round(float(p95), 3), "p99_ms": round(float(p99), 3)}


def over_seeds(values: Sequence[float]) -> Json:
    """Return the mean of a measure over seeds, and the smallest and the largest."""
    return {
        "mean": round(float(np.mean(values)), _DIGITS),
        "min": round(min(values), _DIGITS),
        "max": round(max(values), _DIGITS),
        "n": len(values),
    }


def rounded(interval: Interval) -> Json:
    """Return an interval as a card shows it."""
    return {key: round(float(value), _DIGITS) for key, value in asdict(interval).items()}


def _figures(judged: Judged, rows: Ints, seed: int) -> Json:
    found, gold = judged.found[rows], judged.gold[rows]
    right, answered = judged.right[rows], judged.answered[rows]
    n, n_answered = len(rows), int(answered.sum())

    def drawn(measure: Callable[[Flags, Flags], float]) -> Json:
        return rounded(bootstrap(lambda at: measure(found[at], gold[at]), n, rounds=ROUNDS, seed=seed))

    figures: Json = {
        "rows": n,
        "micro_f1": drawn(micro_f1),
        "macro_f1": round(macro_f1(found, gold), _DIGITS),
        "recall": drawn(recall),
        "exact": rounded(binomial_interval(int(right.sum()), n)),
        "ece": round(ece(judged.confidence[rows], right), _DIGITS),
        "coverage": rounded(binomial_interval(n_answered, n)),
        "selective_accuracy": rounded(binomial_interval(int((right & answered).sum()), n_answered)),
    }
    in_scope = judged.in_scope[rows]
    if not in_scope.all():
        n_out = int((~in_scope).sum())
        figures["in_scope_accuracy"] = rounded(binomial_interval(int((right & in_scope).sum()), int(in_scope.sum())))
        refused = int((~answered & ~in_scope).sum())
        figures["out_of_scope_refused"] = rounded(binomial_interval(refused, n_out))
    return figures


def _ratio(part: float, whole: float) -> float:
    return float(part / whole) if whole else 0.0
