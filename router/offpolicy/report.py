"""The report on a candidate: five estimates side by side, for quality and cost, by slice, and what follows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from router.offpolicy.estimators import difference, earned_by_log, evidence_of, five
from router.offpolicy.support import Refusal, refusals, too_few
from router.offpolicy.verdict import verdict_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from config.types import Json
    from router.offpolicy.candidates import Wanted
    from router.offpolicy.estimators import Evidence, Rows
    from router.offpolicy.intervals import Estimate
    from router.offpolicy.logged import Log
    from router.offpolicy.support import Kind

MOST_SLICES: Final = 40
LEAST_DECISIONS: Final = 30
"""Of a slice, below which it is not listed."""
_DIGITS: Final = 6


@dataclass(frozen=True, slots=True)
class Slice:
    """Some decisions of a log, by what was asked."""

    kind: str
    """`all`, `language`, `domain` or `language/domain`."""
    name: str
    rows: Rows


def report_of(log: Log, wanted: Wanted, *, name: str, seed: int = 0) -> Json:
    """Return all that a log tells of a candidate, as JSON. `log` must hold a decision."""
    unknown = [Refusal("unknown_model", model) for model in wanted.unknown]
    quality = _told(evidence_of(log, log.rewards, spread=1.0, seed=seed), wanted, unknown, of="rating")
    cost = _told(evidence_of(log, log.costs_usd, seed=seed), wanted, unknown, of="cost")
    return {
        "candidate": name,
        "decisions": len(log),
        "conversations": int(log.conversations.max()) + 1,
        "set_aside": dict(log.set_aside),
        "undecided": wanted.n_undecided,
        "shares": _shares(log, wanted),
        "quality": quality,
        "cost_usd": cost,
        "verdict": verdict_of(quality[0], cost[0]),
    }


def slices_of(log: Log) -> list[Slice]:
    """Return the whole log, then its languages, domains and pairs of them, the largest first."""
    found = [Slice("all", "", np.ones(len(log), np.bool_))]
    for kind, names in _kinds(log):
        labels = np.array(names, dtype=object)
        parts = [Slice(kind, name, labels == name) for name in sorted(set(names)) if name]
        large = [each for each in parts if each.rows.sum() >= LEAST_DECISIONS]
        found += sorted(large, key=lambda each: -int(each.rows.sum()))
    return found[:MOST_SLICES]


def _kinds(log: Log) -> Iterator[tuple[str, list[str]]]:
    yield "language", [each.language for each in log.questions]
    yield "domain", [each.domain for each in log.questions]
    both = [f"{each.language}/{each.domain}" if each.language and each.domain else "" for each in log.questions]
    yield "language/domain", both


def _told(evidence: Evidence, wanted: Wanted, unknown: list[Refusal], *, of: Kind) -> list[Json]:
    return [_slice(evidence, wanted, each, unknown, of=of) for each in slices_of(evidence.log)]


def _slice(evidence: Evidence, wanted: Wanted, part: Slice, unknown: list[Refusal], *, of: Kind) -> Json:
    """Return the estimates of a slice, or why there are none; the current policy's value wherever anything is known."""
    here, target = evidence.part(part.rows), wanted.target[part.rows]
    n_known = int(here.own.sum())
    told: Json = {"kind": part.kind, "name": part.name, "n": len(here.log), "n_known": n_known}
    nothing: Json = {"ess": 0.0, "n_clipped": 0, "estimates": None, "difference": None, "current": None}
    if n_known <= 1:
        return told | nothing | {"refused": [Refusal("no_data", where=part.name, n=n_known, of=of).as_json()]}
    found = five(here, target)
    current, worth = earned_by_log(here)
    why = (*unknown, *refusals(here, target, where=part.name, of=of))
    why = why or too_few(found.ess, where=part.name)
    told |= nothing | {"ess": round(found.ess, 1), "n_clipped": found.n_clipped}
    told["current"] = None if too_few(worth) else _numbers(current)
    if why:
        return told | {"refused": [each.as_json() for each in why]}
    refused: list[Json] = []
    return told | {
        "refused": refused,
        "estimates": {name: _numbers(each) for name, each in found.by_name().items()},
        "difference": _numbers(difference(here, target, here.log.probabilities)),
    }


def _numbers(estimate: Estimate) -> Json | None:
    values = (estimate.value, estimate.low, estimate.high)
    if not np.isfinite(values).all():
        return None
    return {key: _rounded(value) for key, value in zip(("value", "low", "high"), values, strict=True)}


def _rounded(value: float) -> float:
    """Return a number with six digits that say something, be it a share or a price of a millionth."""
    return float(f"{value:.{_DIGITS}g}")


def _shares(log: Log, wanted: Wanted) -> Mapping[str, Json]:
    """Return by model what the log and the candidate take it for, as shares of the decisions."""
    return {
        model: {"logged": _rounded(before), "candidate": _rounded(after)}
        for model, before, after in zip(
            log.models, log.probabilities.mean(0).tolist(), wanted.target.mean(0).tolist(), strict=True
        )
    }
