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
from router.offpolicy.logged import part_of
from router.offpolicy.reward_model import expectations, moved

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from router.offpolicy.logged import Log
    from router.offpolicy.reward_model import Expectations

    Array = NDArray[np.float64]
    Rows = NDArray[np.bool_]

MOST_WEIGHT: Final = 50.0
_TINY: Final = 1e-12
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

    def part(self, rows: Rows) -> Evidence:
        """Return the evidence of some rows (n,); shares and expectations stay those of all."""
        log, outcome, own = part_of(self.log, rows), self.outcome[rows], self.own[rows]
        return Evidence(log, outcome, own, self.share, self.fit.part(rows), self.spread)


def evidence_of(log: Log, outcome: Array, *, spread: float = 0.0, seed: int = 0) -> Evidence:
    """Return a log with an outcome (n,) of its served models; `spread` is 1 for what lies between 0 and 1."""
    own = np.isfinite(outcome) & (log.served == log.chosen)
    k = len(log.models)
    decided = np.bincount(log.chosen, minlength=k)
    share = np.bincount(log.chosen[own], minlength=k) / np.maximum(decided, 1)
    bounds = (0.0, spread) if spread else None
    return Evidence(log, outcome, own, share, expectations(log, outcome, seed=seed, bounds=bounds), spread)


def five(evidence: Evidence, target: Array) -> Five:
    """Return all estimates of a target's probabilities (n, k).

    There must be a row with an outcome; whether the log can answer at all is `support.py`'s to say.
    """
    log, n, groups = evidence.log, len(evidence.log), evidence.log.conversations
    weights, n_clipped = weights_of(evidence, target)
    earned = np.where(evidence.own, evidence.outcome, 0.0)
    total, ess = float(weights.sum()), effective(weights, groups)
    taken = np.where(evidence.own, target[np.arange(n), log.chosen], 0.0)
    matched = float(taken.sum())
    naive = float(taken @ earned) / matched if matched > 0 else float("nan")
    ips, snips = float(weights @ earned) / n, float(weights @ earned) / total if total > 0 else float("nan")
    direct = (target * evidence.fit.values).sum(1)
    robust = direct + weights * evidence.fit.residuals

    def told(value: float, influence: Array, *, size: float = ess, foreseen: float = 0.0) -> Estimate:
        return interval(value, influence, groups, ess=size, least=evidence.spread, least_variance=foreseen)

    return Five(
        naive=told(naive, taken * (earned - naive) * n / max(matched, _TINY), size=effective(taken, groups)),
        ips=told(ips, weights * earned),
        snips=told(
            snips,
            weights * (earned - snips) * (n / max(total, _TINY)),
            foreseen=_foreseen(evidence, target, earned - snips),
        ),
        direct=told(
            float(direct.mean()), direct + n * moved(evidence.fit, log, target), size=float(evidence.own.sum())
        ),
        doubly_robust=told(
            float(robust.mean()),
            robust,
            foreseen=_foreseen(evidence, target, evidence.fit.residuals) + float(direct.var()) / n,
        ),
        n=n,
        n_known=int(evidence.own.sum()),
        ess=ess,
        n_clipped=n_clipped,
    )


def earned_by_log(evidence: Evidence) -> tuple[Estimate, float]:
    """Return what the policy that made the log earned, doubly robust, and on how many conversations that rests."""
    log = evidence.log
    weights, _ = weights_of(evidence, log.probabilities)
    robust = (log.probabilities * evidence.fit.values).sum(1) + weights * evidence.fit.residuals
    ess = effective(weights, log.conversations)
    return interval(float(robust.mean()), robust, log.conversations, ess=ess, least=evidence.spread), ess


def difference(evidence: Evidence, target: Array, other: Array) -> Estimate:
    """Return what `target` earns more than `other`, doubly robust, on the same rows; what they share cancels out."""
    log = evidence.log
    weights = [weights_of(evidence, each)[0] for each in (target, other)]
    direct = ((target - other) * evidence.fit.values).sum(1)
    gap = direct + (weights[0] - weights[1]) * evidence.fit.residuals
    foreseen = _foreseen(evidence, target, evidence.fit.residuals, other=other) + float(direct.var()) / len(log)
    same = bool(np.abs(target - other).max(initial=0.0) < _TINY)
    return interval(
        float(gap.mean()),
        gap,
        log.conversations,
        ess=min(effective(each, log.conversations) for each in weights),
        least=0.0 if same else evidence.spread,
        least_variance=foreseen,
    )


def weights_of(evidence: Evidence, target: Array) -> tuple[Array, int]:
    """Return the weight of each row's own outcome (n,), 0 where it has none, and how many were clipped."""
    log = evidence.log
    at = np.arange(len(log))
    ratio = target[at, log.chosen] / log.probabilities[at, log.chosen]
    share = evidence.share[log.chosen]
    weights = np.where(evidence.own, np.minimum(ratio, MOST_WEIGHT) / np.where(share > 0, share, 1.0), 0.0)
    return weights, int((evidence.own & (ratio > MOST_WEIGHT * (1 + 1e-9))).sum())


def _foreseen(evidence: Evidence, target: Array, residuals: Array, *, other: Array | None = None) -> float:
    """Return the variance of the mean of weighted residuals (n,) that the logged probabilities let expect.

    The weights that were drawn can be few and lucky: where the rare ones with a large weight did not come, both the
    estimate is off and its spread looks small. What could have been drawn is known exactly: on each row model a counts
    t²/p / its share of outcomes, times its mean squared residual. Of a difference, t is less what `other` draws.
    """
    log, own, k = evidence.log, evidence.own, len(evidence.log.models)
    squares = np.bincount(log.chosen[own], residuals[own] ** 2, minlength=k)
    n_own = np.bincount(log.chosen[own], minlength=k)
    usual = squares.sum() / max(n_own.sum(), 1)
    mean = (squares + SMOOTHING * usual) / (n_own + SMOOTHING)
    p = log.probabilities
    safe = np.where(p > 0, p, np.inf)
    ratio = np.minimum(target / safe, MOST_WEIGHT)
    if other is not None:
        ratio = ratio - np.minimum(other / safe, MOST_WEIGHT)
    share = np.where(evidence.share > 0, evidence.share, 1.0)
    return float((p * ratio**2 * (mean / share)).sum()) / len(log) ** 2
