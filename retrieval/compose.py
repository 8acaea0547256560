"""Chooses which sentences are said within a budget of tokens, and writes them with their citations."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from config.types import Citation

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from retrieval.evidence import Unit

LENGTH_POWER = 0.5
"""A unit's worth is its probability over its tokens to this power: 0 ignores length, 1 buys by the token."""
NEIGHBOUR_GAIN = 2.0
"""A unit beside a chosen one is worth this much more: answers run over sentence ends, and a run reads better."""
MAX_MISFITS = 10
"""After so many units that did not fit, the rest is not tried."""
GAP = " … "


@dataclass(frozen=True, slots=True)
class Composed:
    """A text within the budget, and where each of its stretches stands."""

    text: str
    citations: tuple[Citation, ...]


def compose(
    units: Sequence[Unit], p_units: Sequence[float], *, max_tokens: int, count_tokens: Callable[[str], int]
) -> Composed | None:
    """Return the likeliest units that fit into `max_tokens` together with their citations, or `None` if none does."""
    worth = [
        p / max(1, count_tokens(unit.sentence.plain)) ** LENGTH_POWER for unit, p in zip(units, p_units, strict=True)
    ]
    chosen: list[int] = []
    best: Composed | None = None
    open_units = set(range(len(units)))
    n_misfits = 0
    while open_units and n_misfits < MAX_MISFITS:
        at = min(open_units, key=lambda place: (-worth[place], place))
        open_units.remove(at)
        trial = _write(units, [*chosen, at])
        if count_tokens(trial.text) > max_tokens:
            n_misfits += 1
            continue
        best = trial
        chosen.append(at)
        for beside in (at - 1, at + 1):
            if beside in open_units and units[beside].entry == units[at].entry:
                worth[beside] *= NEIGHBOUR_GAIN
    return best


def _write(units: Sequence[Unit], chosen: list[int]) -> Composed:
    """Return the chosen units: documents in the order in which they were chosen, their stretches in reading order."""
    documents: dict[str, list[Unit]] = {}
    for at in chosen:
        documents.setdefault(units[at].passage.doc, []).append(units[at])
    lines: list[str] = []
    citations: list[Citation] = []
    for doc, members in documents.items():
        stretches = _stretches(sorted(members, key=lambda unit: unit.sentence.start))
        texts = [
            first.passage.text[first.sentence.start - first.passage.start : last.sentence.end - first.passage.start]
            for first, last in stretches
        ]
        places = [Citation(doc, _line(first, first.sentence.start), _line(last, last.sentence.end - 1))
                  for first, last in stretches]  # fmt: skip
        lines.append(f"{GAP.join(texts)} [{doc}:{_ranges(places)}]")
        citations += places
    return Composed("\n".join(lines), tuple(citations))


def _stretches(members: list[Unit]) -> list[tuple[Unit, Unit]]:
    """Return first and last unit of every run of neighbours."""
    runs: list[tuple[Unit, Unit]] = []
    for unit in members:
        if runs and runs[-1][1].entry == unit.entry and runs[-1][1].at + 1 == unit.at:
            runs[-1] = (runs[-1][0], unit)
        else:
            runs.append((unit, unit))
    return runs


def _line(unit: Unit, offset: int) -> int:
    """Return the document's 1-based line of an offset within the unit's passage."""
    return unit.passage.start_line + unit.passage.text.count("\n", 0, offset - unit.passage.start)


def _ranges(places: list[Citation]) -> str:
    """Return line ranges such as `12-14,20`."""
    ranges = (
        f"{place.start_line}-{place.end_line}" if place.end_line > place.start_line else str(place.start_line)
        for place in places
    )
    return ",".join(dict.fromkeys(ranges))
