"""Five answers to one question: what would another policy have earned on this log?

With p the logged probability, t the target's, r the outcome and m what the reward model expects of model a:
naive   sum t r / sum t               biased: as if the log had chosen at random
IPS     mean of (t/p) r               unbiased, widest (Horvitz and Thompson 1952)
SNIPS   sum (t/p) r / sum (t/p)       a little bias, much narrower (Swaminathan and Joachims 2015)
direct  mean of sum_a t_a m_a         as good as its reward model, and its interval does not know how good that is
DR      direct + mean of (t/p) (r-m)  right if either the probabilities or the model are (Dudik et al. 2011)

The weights t/p are clipped at 50, which is 1 / the floor that our own policies keep, so that clipping changes nothing
on our own logs. The outcome is that of the chosen model's own answer: after a failover it is somebody else's, and
then the decision counts in who was asked, not in what was earned. So does a decision that nobody rated; the share of
a model's decisions with an outcome is divided out.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Final

import numpy as np

from router.offpolicy.intervals import Estimate, effective, interval
from router.offpolicy.reward_model import expectations, moved

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from router.offpolicy.logged import Log
    from router.offpolicy.reward_model import Expectations

    Array = NDArray[np.float64]
    Rows = NDArray[np.bool_]

MOST_WEIGHT: Final = 50.0
SMOOTHING: Final = 5.0
"""Rows of usual spread that every model is taken to have beside its own."""


@dataclass(frozen=True, slots=True)
class Five:
    """The estimates side by side, on the same rows."""

    naive: Estimate
    ips: Estimate
    snips: Estimate
    direct: Estimate
    doubly_robust: Estimate
    n: int
    """Decisions."""
    n_known: int
    """Of them, those whose outcome is the chosen model's own."""
    ess: float
    """Effective sample size: of how many conversations that chose like the target the weights are worth."""
    n_clipped: int
    """Decisions whose weight was clipped."""

    def by_name(self) -> dict[str, Estimate]:
        """Return the estimates by the names of their fields, in order."""
        found = ((each.name, getattr(self, each.name)) for each in fields(self))
        return {name: value for name, value in found if isinstance(value, Estimate)}


@dataclass(frozen=True, slots=True)
class Evidence:
    """A log with one kind of outcome, and what a reward model makes of it."""

    log: Log
    outcome: Array
    """(n,): `nan` where unknown."""
    own: Rows
    """(n,): whether the outcome is known and of the chosen model's own answer."""
    share: Array
    """(k,): of the decisions for a model, those with `own`."""
    fit: Expectations
    spread: float
    """Range of an outcome, 0 where it has none."""


def evidence_of(log: Log, outcome: Array, *, spread: float = 0.0, seed: int = 0) -> Evidence:
    """Return a log with an outcome (n,) of its served models; `spread` is 1 for what lies between 0 and 1."""
    own = np.isfinite(outcome) & (log.served == log.chosen)
    k = len(log.models)
    decided = np.bincount(log.chosen, minlength=k)
    share = np.bincount(log.chosen[own], minlength=k) / np.maximum(decided, 1)
    bounds = (0.0, spread) if spread else None
    return Evidence(log, outcome, own, share, expectations(log, outcome, seed=seed, bounds=bounds), spread)


def five(evidence: Evidence, target: Array, rows: Rows | None = None) -> Five:
    """Return all estimates of a target's probabilities (n, k) over the rows where `rows`, all by default.

    There must be a row with an outcome among them; whether the log can answer at all is `support.py`'s to say.
    """
    log = evidence.log
    rows = np.ones(len(log), np.bool_) if rows is None else rows
    weights, n_clipped = weights_of(evidence, target, rows)
    earned = np.where(evidence.own, evidence.outcome, 0.0)
    n = int(rows.sum())
    total = float(weights.sum())
    ess = effective(weights, log.conversations)
    taken = np.where(evidence.own & rows, target[np.arange(len(log)), log.chosen], 0.0)
    matched = float(taken.sum())
    naive = float(taken @ earned) / matched if matched > 0 else float("nan")
    ips, snips = float(weights @ earned) / n, float(weights @ earned) / total if total > 0 else float("nan")
    direct, dr = _modelled(evidence, target, weights, rows)

    def told(value: float, influence: Array, *, size: float = ess, foreseen: float = 0.0) -> Estimate:
        kept = influence[rows]
        return interval(value, kept, log.conversations[rows], ess=size, least=evidence.spread, least_variance=foreseen)

    def foreseen(residuals: Array, constant: Array | None = None) -> float:
        return _foreseen(evidence, target, residuals, rows) + (0 if constant is None else constant[rows].var() / n)

    return Five(
        naive=told(
            naive, taken * (earned - naive) * (n / max(matched, 1e-12)), size=effective(taken, log.conversations)
        ),
        ips=told(ips, weights * earned),
        snips=told(snips, weights * (earned - snips) * (n / max(total, 1e-12)), foreseen=foreseen(earned - snips)),
        direct=told(
            float(direct[rows].mean()),
            direct + n * moved(evidence.fit, log, target, rows),
            size=float(evidence.own.sum()),
        ),
        doubly_robust=told(float(dr[rows].mean()), dr, foreseen=foreseen(evidence.fit.residuals, direct)),
        n=n,
        n_known=int((evidence.own & rows).sum()),
        ess=ess,
        n_clipped=n_clipped,
    )


def difference(evidence: Evidence, target: Array, other: Array, rows: Rows | None = None) -> Estimate:
    """Return what `target` earns more than `other`, doubly robust, on the same rows; what they share cancels out."""
    log = evidence.log
    rows = np.ones(len(log), np.bool_) if rows is None else rows
    scores: list[Array] = []
    weights: list[Array] = []
    for each in (target, other):
        weights.append(weights_of(evidence, each, rows)[0])
        scores.append(_modelled(evidence, each, weights[-1], rows)[1])
    gap = (scores[0] - scores[1])[rows]
    direct = ((target - other) * evidence.fit.values).sum(1)[rows]
    foreseen = _foreseen(evidence, target, evidence.fit.residuals, rows, other=other) + direct.var() / max(len(gap), 1)
    ess = min(effective(each, log.conversations) for each in weights)
    same = bool(np.abs(target - other)[rows].max(initial=0.0) < 1e-12)  # noqa: PLR2004  # not a number's noise
    least = 0.0 if same else evidence.spread
    return interval(
        float(gap.mean()), gap, log.conversations[rows], ess=ess, least=least, least_variance=float(foreseen)
    )


def weights_of(evidence: Evidence, target: Array, rows: Rows) -> tuple[Array, int]:
    """Return the weight of each row's own outcome (n,), 0 where it has none, and how many were clipped."""
    log = evidence.log
    at = np.arange(len(log))
    ratio = target[at, log.chosen] / log.probabilities[at, log.chosen]
    counted = evidence.own & rows
    clipped = np.minimum(ratio, MOST_WEIGHT)
    share = evidence.share[log.chosen]
    weights = np.where(counted, clipped / np.where(share > 0, share, 1.0), 0.0)
    return weights, int((counted & (ratio > MOST_WEIGHT * (1 + 1e-9))).sum())


def _modelled(evidence: Evidence, target: Array, weights: Array, rows: Rows) -> tuple[Array, Array]:
    """Return what each row (n,) adds to the direct and to the doubly robust estimate; 0 outside of `rows`."""
    direct = np.where(rows, (target * evidence.fit.values).sum(1), 0.0)
    return direct, direct + weights * evidence.fit.residuals


def _foreseen(evidence: Evidence, target: Array, residuals: Array, rows: Rows, *, other: Array | None = None) -> float:
    """Return the variance of the mean of weighted residuals over `rows` that the probabilities let expect.

    The weights that were drawn can be few and lucky: where the rare ones with a large weight did not come, both the
    estimate is off and its spread looks small. What could have been drawn is known exactly: on each row model a counts
    t²/p / its share of outcomes, times its mean squared residual. Of a difference, t is less what `other` draws.
    """
    log, k = evidence.log, len(evidence.log.models)
    squares = np.bincount(log.chosen[evidence.own], residuals[evidence.own] ** 2, minlength=k)
    n_own = np.bincount(log.chosen[evidence.own], minlength=k)
    usual = squares.sum() / max(n_own.sum(), 1)
    mean = (squares + SMOOTHING * usual) / (n_own + SMOOTHING)
    p = log.probabilities[rows]
    safe = np.where(p > 0, p, np.inf)
    ratio = np.minimum(target[rows] / safe, MOST_WEIGHT)
    if other is not None:
        ratio = ratio - np.minimum(other[rows] / safe, MOST_WEIGHT)
    share = np.where(evidence.share > 0, evidence.share, 1.0)
    return float((p * ratio**2 * (mean / share)).sum()) / max(int(rows.sum()), 1) ** 2
