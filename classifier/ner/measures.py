"""Entity-level measures: an entity counts where both of its ends and its type are right, and nowhere else."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from classifier.calibration import Interval, bootstrap
from classifier.text import normalise

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from classifier.ner.spans import Span, SpanRow

ROUNDS = 500


@dataclass(frozen=True, slots=True)
class Scored:
    """Micro-averaged figures over rows, with 95 % bootstrap intervals over the rows."""

    rows: int
    entities: int
    f1: Interval
    precision: float
    recall: float
    seen: Interval
    """Recall of entities whose form and type stand in the training part."""
    unseen: Interval
    """Recall of all others."""
    n_unseen: int
    seen_f1: float
    """F1 with entities of seen forms alone, on both sides."""
    unseen_f1: float
    by_type: dict[str, tuple[float, int]]
    """F1 and number of each type."""


def forms(rows: Sequence[SpanRow]) -> frozenset[tuple[str, str]]:
    """Return normal form and type of every entity."""
    return frozenset((normalise(row.text[each.start : each.end]), each.type) for row in rows for each in row.spans)


def scored(rows: Sequence[SpanRow], found: Sequence[tuple[Span, ...]], known: frozenset[tuple[str, str]]) -> Scored:
    """Return the figures of what was found in rows; `known` are the forms of the training part."""
    counts = np.array([_counts(row, mine, known) for row, mine in zip(rows, found, strict=True)], np.int64)
    counts = counts.reshape(len(rows), 6)
    total = counts.sum(axis=0)

    def drawn(measure: Callable[[np.ndarray], float]) -> Interval:
        return bootstrap(lambda at: measure(counts[at].sum(axis=0)), len(rows), rounds=ROUNDS)

    hits, n_gold, n_found = total[0], total[1], total[2]
    return Scored(
        rows=len(rows),
        entities=int(n_gold),
        f1=drawn(lambda c: _ratio(2 * c[0], c[1] + c[2])),
        precision=_ratio(hits, n_found),
        recall=_ratio(hits, n_gold),
        seen=drawn(lambda c: _ratio(c[3], c[4])),
        unseen=drawn(lambda c: _ratio(c[0] - c[3], c[1] - c[4])),
        n_unseen=int(n_gold - total[4]),
        seen_f1=_ratio(2 * total[3], total[4] + total[5]),
        unseen_f1=_ratio(2 * (hits - total[3]), n_gold - total[4] + n_found - total[5]),
        by_type=_by_type(rows, found),
    )


def f1_of(rows: Sequence[SpanRow], found: Sequence[tuple[Span, ...]]) -> float:
    """Return micro-averaged F1 alone; 0 where nothing holds and nothing was found."""
    hits = sum(len(set(row.spans) & set(mine)) for row, mine in zip(rows, found, strict=True))
    return _ratio(2 * hits, sum(len(row.spans) + len(mine) for row, mine in zip(rows, found, strict=True)))


def _counts(row: SpanRow, found: Sequence[Span], known: frozenset[tuple[str, str]]) -> tuple[int, ...]:
    def is_known(span: Span) -> bool:
        return (normalise(row.text[span.start : span.end]), span.type) in known

    hits = set(row.spans) & set(found)
    seen_hits, seen_gold, seen_found = (sum(map(is_known, each)) for each in (hits, row.spans, found))
    return len(hits), len(row.spans), len(found), seen_hits, seen_gold, seen_found


def _by_type(rows: Sequence[SpanRow], found: Sequence[tuple[Span, ...]]) -> dict[str, tuple[float, int]]:
    hits, gold, mine = Counter[str](), Counter[str](), Counter[str]()
    for row, spans in zip(rows, found, strict=True):
        hits.update(each.type for each in set(row.spans) & set(spans))
        gold.update(each.type for each in row.spans)
        mine.update(each.type for each in spans)
    return {name: (_ratio(2 * hits[name], gold[name] + mine[name]), gold[name]) for name in sorted(gold | mine)}


def _ratio(part: float, whole: float) -> float:
    return float(part / whole) if whole else 0.0
