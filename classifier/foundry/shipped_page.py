"""The page of `shipped.py`: one table of every shipped micro-model, and which goals each misses, by name."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

    from classifier.calibration import Interval
    from classifier.foundry.shipped import Shipped

PAGE: Final = Path("docs/reports/micromodels.md")
COVERAGE, ACCURACY_LOW, SIZE_KIB, P50_MS = 0.80, 0.98, 300.0, 0.3
"""Goals of every micro-model: share answered at 99 % accuracy, the lower bound of that accuracy, size, time."""
_HEADS: Final = (
    "model",
    "held-out rows",
    "accuracy or F1",
    "asked for",
    "answers",
    "right of these",
    "can answer at 99 % (by the bound)",
    "at 99 % of these rows",
    "right among its surest 80 %",
    "ECE",
    "KiB gzipped",
    "p50 ms",
    "misses",
)
_HEAD: Final = """# The shipped micro-models

Made by `python -m classifier.foundry.shipped` from the artefacts and their held-out rows (`test.jsonl` of each
blueprint), as a gateway serves them: int8, ONNX Runtime, abstaining on what they cannot read. Size and p50 are those
of the cards, taken when each was forged. In per cent, 95 % intervals in brackets (binomial; F1 by bootstrap).

{verdict}

{table}

**Right** means exactly right: for several labels the whole set, for entities all of a row's entities and no other.
**Asked for** is the accuracy of what is answered that the blueprint sets as the target of the served threshold, which
was fitted on training rows held out in turn; **answers** and **right of these** are what that threshold gives here.
`ner_core_entity` has no such threshold: it abstains only where there is nothing to read. Its ECE here is that of whole
rows; its card has that of single entities.

**Can answer at 99 %**: the largest share whose accuracy is at least 99 % by a one-sided binomial bound (Clopper and
Pearson) at a level of 80 %, which is the bound that the blueprints' thresholds are fitted by. At 95 % a bound of 99 %
needs 299 rows without one error, about as many as a test file has, and would say 0 of nearly every model; at 80 % it
needs 161, and one such statement in five may be too good. It is a bound for choosing a threshold, not a promise. The
public sets are fitted without a margin (a level of 50 %), for a cross-fitted model saw fewer rows and is the more
careful already ([their page](classifier.md)). **At 99 % of these rows** asks no bound: so much was answered with 99 %
right here, by luck or not. Both thresholds are chosen on the very rows that they are reported on, so both flatter;
the served one is not.

Before cards counted a row without a known term as abstained on, they said of `confirmation` an ECE of 0.0526; of the
others no held-out row is such a one, and no other figure of a shipped card changes by it.
"""


def page(found: Sequence[Shipped]) -> str:
    """Return the page, in Markdown."""
    rows = [f"| {' | '.join(_HEADS)} |", f"|{'---|' * len(_HEADS)}", *map(_row, found)]
    return _HEAD.format(verdict=_verdict(found), table="\n".join(rows))


def misses(each: Shipped) -> list[str]:
    """Return the goals that a model misses."""
    missed: list[str] = []
    if not reaches_selective(each):
        missed.append("80 % coverage at 99 %")
    if each.gzipped_kib > SIZE_KIB:
        missed.append(f"{SIZE_KIB:.0f} KiB")
    if each.p50_ms > P50_MS:
        missed.append(f"p50 {P50_MS} ms")
    return missed


def reaches_selective(each: Shipped) -> bool:
    """Return whether it is right in 99 % of what it answers (lower bound 98 %), and answers 80 %, as it is served."""
    return (
        each.coverage.value >= COVERAGE and each.accuracy.value >= 0.99 and each.accuracy.low >= ACCURACY_LOW  # noqa: PLR2004  # the goal's own name
    )


def _verdict(found: Sequence[Shipped]) -> str:
    goal = "The goal of at least 99 % accuracy (lower bound 98 %) at 80 % coverage or more"
    reached = [each.name for each in found if reaches_selective(each)]
    if not reached:
        best, least = (pick(found, key=lambda each: each.plain_99) for pick in (max, min))
        shown = sum(each.at_99 > 0 for each in found)
        return (
            f"**{goal} is missed by all {len(found)}.** By the bound below, {shown or 'none'} of them can be shown to "
            "answer anything at 99 %. Without a bound, thresholds chosen on these very rows would answer "
            f"{100 * least.plain_99:.1f} (`{least.name}`) to {100 * best.plain_99:.1f} % (`{best.name}`) with 99 % "
            "right. On what they are not sure of they abstain, and whoever comes next in the cascade is asked, or "
            "nobody."
        )
    return f"**{goal} is reached by {', '.join(reached)}, and missed by {len(found) - len(reached)}.**"


def _row(each: Shipped) -> str:
    cells = (
        f"`{each.name}` ({each.version})",
        str(each.n),
        f"{each.measure} {_interval(each.main)}",
        "none" if each.target is None else f"{100 * each.target:g}",
        _interval(each.coverage),
        _interval(each.accuracy),
        f"{100 * each.at_99:.1f}",
        f"{100 * each.plain_99:.1f}",
        _interval(each.surest),
        f"{each.ece:.3f}",
        f"{each.gzipped_kib:.1f}",
        f"{each.p50_ms:.3f}",
        "; ".join(misses(each)) or "none",
    )
    return f"| {' | '.join(cells)} |"


def _interval(found: Interval) -> str:
    return f"{100 * found.value:.1f} ({100 * found.low:.1f} to {100 * found.high:.1f})"
