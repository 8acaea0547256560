"""Offline: what `docs/reports/retrieval.md` says of names and of dense top-k, from the figures of `bench_names.py`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from retrieval.bench_names import FAR, LIVE_BUDGET
from retrieval.coverage_table import tokens
from retrieval.equal_coverage import HELD_SHARE, MOST_WINDOWS
from retrieval.named import COMMON_SHARE

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

Figures = dict[str, Any]


def names_part(found: Figures) -> str:
    """Return what names are worth, set by set."""
    head = _NAMES.format(boost=f"{found['boost']:g}", common=f"{COMMON_SHARE:.0%}")
    rows = [row for name, each in found["sets"].items() for row in _set_rows(name, each)]
    times = [
        (name, f"{each['ms']['without']} ms", f"{each['ms']['with']} ms")
        for name, each in found["sets"].items()
        if each["ms"]["with"] is not None
    ]
    verdict = "No figure is lower with the lift." if not _losses(found) else f"**Lower: {', '.join(_losses(found))}.**"
    columns = ("questions", "measure", "without", "with", "difference, points", "better, worse")
    return (
        f"{head}\n{_table(columns, rows)}\n\n"
        f"{verdict} What a search takes of a processor, median of the questions that name something:\n\n"
        f"{_table(('questions', 'without', 'with'), times)}\n"
    )


def dense_part(found: Figures) -> str:
    """Return what the live measure asks for, beside what marked answers ask for."""
    head = _DENSE.format(held=f"{HELD_SHARE:.0%}", most=MOST_WINDOWS, budget=f"{LIVE_BUDGET:,}", far=FAR)
    rows = [
        (
            f"{name} (n = {each['n']})",
            tokens(each["sent"]),
            f"{100 * each['covers']:.1f} %",
            tokens(each["live"]),
            f"{100 * each['reached']:.1f} %",
            _fixed(each),
        )
        for name, each in found.items()
    ]
    columns = (
        "questions",
        "tokens sent",
        "gold covered",
        "live measure, tokens",
        "it reaches",
        "marked answers, tokens",
    )
    return f"{head}\n{_table(columns, rows)}\n"


def _fixed(each: Figures) -> str:
    if each["fixed_k"] is None:
        return f"never: {100 * each['fixed_covers']:.1f} % at {FAR}, {tokens(each['fixed'])}"
    return f"{tokens(each['fixed'])}, k = {each['fixed_k']}"


def _set_rows(name: str, each: Figures) -> Iterator[tuple[str, ...]]:
    for measure, row in each["rows"].items():
        gain = row["gain"]
        yield (
            f"{name} (n = {each['n']}, {each['n_naming']} name something)",
            measure,
            f"{100 * row['without']:.1f} %",
            f"{100 * row['with']:.1f} %",
            f"{100 * gain['value']:+.2f} ({100 * gain['low']:+.2f} to {100 * gain['high']:+.2f})",
            f"{row['better']}, {row['worse']}",
        )


def _losses(found: Figures) -> list[str]:
    return [
        f"{name}, {measure}"
        for name, each in found["sets"].items()
        for measure, row in each["rows"].items()
        if row["gain"]["value"] < 0
    ]


def parts(found: Mapping[str, Any]) -> list[str]:
    """Return the parts whose figures are there."""
    told = (("names", names_part), ("dense_at_equal_coverage", dense_part))
    return [part(found[name]) for name, part in told if name in found]


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    return "\n".join(f"| {' | '.join(row)} |" for row in (head, ["---"] * len(head), *rows))


_NAMES = """## What a question names
`retrieval.entity_boost` {boost}: a passage that holds a form which the tagger found in the question scores up to that
share more, by the tagger's confidence and the form's rarity; forms in more than {common} of the passages lift none. The
difference is paired by question. The five services are searched as live requests are, by intent and within the default
budget; their measure is the parts of the answers that are sent. The boost was chosen on these same questions.
"""
_DENSE = """## Vectors alone at equal coverage
The third measure of savings of a live request, which knows no answer: the fewest nearest passages, {most} at most, that
hold {held} of the letters that were sent, by score; each sentence counts once. Beside it what marked answers ask for:
the least k, up to {far}, the same for all questions, at which the vectors cover as much gold as was sent. Sent are at
most {budget} tokens, by hybrid search without intents. Where the live measure is the lower one, savings are stated too
low.
"""
