"""The figures of `services.py` as a page."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

Figures = dict[str, Any]
_HEAD = """# The five services: figures

Written by `make bench-retrieval DATA=folder` (`python -m tests.bench.services`); do not edit by hand. The same figures
as JSON stand beside this page. 264 written questions to the example library, intents as the shipped classifier finds
them, passages as `POST /route` would send them. A part of an answer is covered where its marked place, or one that is
as good, stands in what is sent. Tokens are estimated; saved is against all documents of the question's language, before
a charge for what is missed. Intervals are 95 %, by 1000 bootstrap resamples of the questions (seed 11). Settings were
chosen on the first half of the questions only; the half held out, drawn by a hash, was only measured.
"""
_LOST = {
    "passage": "its document is sent, another place of it",
    "document": "no passage of its document is sent",
    "nothing": "nothing is sent: the classifier takes the question for none of its intents",
}
_FRONT = ("tokens of passages", "held out: parts covered", "wholly covered", "saved", "all: parts covered", "saved")


def page(found: Figures) -> str:
    """Return the page of the built-in embedder's figures, and of another's beside them."""
    parts = [_HEAD]
    if "built_in" in found:
        parts += _of(found["built_in"], "The built-in embedder")
    if "beside" in found:
        parts += _of(found["beside"], f"With another embedder: {found['beside']['embedder']}")
    return "\n".join(parts)


def _of(found: Figures, title: str) -> list[str]:
    rows = [(name, each["n"], each["n_parts"], *_cells(each), each["tokens"]) for name, each in found["groups"].items()]
    changed = [
        (name, *_cells(each["held out"]), *_cells(each["all"])[::2])
        for name, each in ({"as shipped": found["groups"]} | found["changed"]).items()
    ]
    front = [
        (budget, *_cells(each["held out"]), *_cells(each["all"])[::2]) for budget, each in found["budgets"].items()
    ]
    lost = [(_LOST[name], n) for name, n in sorted(found["lost"].items(), key=lambda each: -each[1]) if n]
    head = ("questions", "n", "parts", "parts covered", "wholly covered", "saved", "tokens sent")
    return [
        f"## {title}\nTo reach: 98 % of the parts at 75 % saved. {_verdict(found)}\n",
        _table(head, rows),
        f"### Where parts are lost\n{_table(('of all questions', 'parts'), lost)}",
        f"### What one change alone would do\n{_table(('changed', *_FRONT[1:]), changed)}",
        f"### More or fewer tokens\n{_table(_FRONT, front)}",
    ]


def _verdict(found: Figures) -> str:
    mine = found["groups"]["held out"]
    saved = "reached" if mine["saved"][0] >= 0.75 else "missed"  # the goal
    covered = "reached" if mine["parts"][0] >= 0.98 else "missed"  # the goal
    edge = found["frontier"]["held out"]
    at = edge["saved_at_coverage"]
    there = "98 % are covered at none of the budgets below" if at is None else f"98 % are covered at {at:.1%} saved"
    return (
        f"Saved: {saved}. Covered: {covered}. Held out and between the budgets measured, "
        f"{edge['parts_at_saving']:.1%} are covered at 75 % saved; {there}."
    )


def _cells(figures: Figures) -> tuple[str, str, str]:
    """Return parts covered, questions wholly covered, and tokens saved."""
    return _share(figures["parts"]), _share(figures["whole"]), f"{figures['saved'][0]:.1%}"


def _share(interval: Sequence[float]) -> str:
    value, low, high = interval
    return f"{value:.1%} ({low:.1%} to {high:.1%})"


def _table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(str(each) for each in line)} |" for line in lines) + "\n"
