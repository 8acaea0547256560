"""Where is it confused? What was asked, what people said it had been, and what another threshold would change."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from admin.asked import chosen_days
from admin.page import Page, Refused
from admin.queries.intents import intent_sums, labelled_decisions, tier_sums
from router.learning.profiles import wilson

if TYPE_CHECKING:
    from collections.abc import Sequence

    from admin.page import Data, Visit
    from admin.queries.intents import Labelled
    from config.types import Json

BINS: Final = 10
"""Of confidence, of the same width."""
THRESHOLDS: Final = tuple(n / 20 for n in range(20))
"""Where the curve of coverage against accuracy is drawn."""
MAX_EXAMPLES: Final = 30
ABSTAINED: Final = ""
"""What stands for no answer in the matrix."""


async def read(visit: Visit) -> Data:
    """Return sums by intent and tier, and what labels say: confusion, reliability, coverage, a threshold tried."""
    days, threshold = chosen_days(visit), _threshold(visit)
    database = visit.desk.database
    labelled = await labelled_decisions(database)
    labels, counts = confusion(labelled)
    true, said = visit.query.get("true"), visit.query.get("said")
    return {
        "days": days,
        "intents": await intent_sums(database, now=visit.now, days=days),
        "tiers": await tier_sums(database, now=visit.now, days=days),
        "known": list(visit.desk.decisions.intents()) if visit.desk.decisions is not None else [],
        "n_labelled": len(labelled),
        "labels": labels,
        "confusion": counts,
        "reliability": reliability_bins(labelled),
        "curve": [at_threshold(labelled, each) for each in THRESHOLDS],
        "threshold": threshold,
        "tried": at_threshold(labelled, threshold) if labelled else None,
        "cell": {"true": true, "said": said} if true is not None and said is not None else None,
        "examples": [_example(each) for each in _of_cell(labelled, true, said)[:MAX_EXAMPLES]],
    }


def confusion(labelled: Sequence[Labelled]) -> tuple[list[str], list[list[int]]]:
    """Return the names, and how often each was meant (row) and said (column); of several, the first that differ.

    Right answers stand on the diagonal. The empty name is an abstention.
    """
    pairs = [_pair(each) for each in labelled]
    names = sorted({name for pair in pairs for name in pair})
    place = {name: n for n, name in enumerate(names)}
    counts = [[0] * len(names) for _ in names]
    for true, said in pairs:
        counts[place[true]][place[said]] += 1
    return names, counts


def reliability_bins(labelled: Sequence[Labelled]) -> list[Json]:
    """Return by confidence how often an answer was right, with its 95 % interval (Wilson); empty bins are left out."""
    bins: dict[int, list[Labelled]] = {}
    for each in labelled:
        if each.said:
            bins.setdefault(min(BINS - 1, int(each.confidence * BINS)), []).append(each)
    found: list[Json] = []
    for _place, rows in sorted(bins.items()):
        right = sum(each.right for each in rows)
        low, high = wilson(right, len(rows))
        mean = sum(each.confidence for each in rows) / len(rows)
        found.append({"confidence": mean, "accuracy": right / len(rows), "n": len(rows), "low": low, "high": high})
    return found


def at_threshold(labelled: Sequence[Labelled], threshold: float) -> Json:
    """Return what share of the labelled would be answered if less confidence meant to abstain, and how many rightly."""
    answered = [each for each in labelled if each.said and each.confidence >= threshold]
    right = sum(each.right for each in answered)
    low, high = wilson(right, len(answered))
    return {
        "threshold": threshold,
        "n": len(answered),
        "coverage": len(answered) / len(labelled) if labelled else None,
        "accuracy": right / len(answered) if answered else None,
        "low": low,
        "high": high,
    }


def _pair(each: Labelled) -> tuple[str, str]:
    if each.right:
        return (each.true[0], each.true[0]) if each.true else (ABSTAINED, ABSTAINED)
    true = next((name for name in each.true if name not in each.said), each.true[0] if each.true else ABSTAINED)
    said = next((name for name in each.said if name not in each.true), each.said[0] if each.said else ABSTAINED)
    return true, said


def _of_cell(labelled: Sequence[Labelled], true: str | None, said: str | None) -> list[Labelled]:
    if true is None or said is None:
        return [each for each in labelled if not each.right]
    return [each for each in labelled if _pair(each) == (true, said)]


def _example(each: Labelled) -> Json:
    return {
        "id": each.id,
        "ts": each.ts.isoformat(),
        "true": list(each.true),
        "said": list(each.said),
        "confidence": each.confidence,
        "text": each.text,
    }


def _threshold(visit: Visit) -> float:
    text = visit.query.get("threshold", "0.8")
    try:
        threshold = float(text)
    except ValueError as error:
        raise Refused("intents.bad_threshold", value=text[:40]) from error
    if not 0 <= threshold <= 1:
        raise Refused("intents.bad_threshold", value=text[:40])
    return threshold


PAGE = Page(name="intents", path="/intents", read=read, group="improve")
