"""Says in words what a head's abstention comes to: how often it answers, whether its aim is shown, what would mend it.

A head that can answer nothing costs a pass for each request all the same, so nobody may miss it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec

from classifier.calibration import NEVER

if TYPE_CHECKING:
    from classifier.qwen.artefact import Manifest

SILENT = "It abstains on every request; `thalamus classifier train` tells why when it is trained anew."
_LEVEL = 0.95
"""Certainty of the bound in `fit_selective`."""


@dataclass(frozen=True, slots=True)
class Promise:
    """What can be expected of a head's answers, in sentences; empty where there is nothing to say."""

    answers_never: bool
    kept: str = ""
    """What its threshold gave on the rows that it was fitted on."""
    warning: str = ""
    """Why it answers nothing, or why its aim is not shown; with the mend."""


class _Point(msgspec.Struct):
    target: float
    coverage: float
    accuracy: float
    accuracy_low: float
    n: int


def promise_of(manifest: Manifest) -> Promise:
    """Return what the manifest of a head says of its abstention; little where it was made before that was measured."""
    never = manifest.abstain_below >= NEVER
    try:
        point = msgspec.convert(manifest.metrics.get("operating_point"), _Point)
    except msgspec.ValidationError:
        return Promise(never, warning=SILENT if never else "")
    if never:
        return Promise(never, warning=_why_never(point))
    kept = (
        f"On the {point.n} held-out rows it answers {_percent(point.coverage)}, "
        f"of which {_percent(point.accuracy)} were right."
    )
    return Promise(never, kept, "" if point.accuracy_low >= point.target else _why_not_shown(point))


def rows_to_show(target: float) -> int | None:
    """Return how many answers, all of them right, show an accuracy with 95 % certainty; `None`: no number does."""
    return math.ceil(math.log(1 - _LEVEL) / math.log(target)) if target < 1 else None


def _why_never(point: _Point) -> str:
    needed = rows_to_show(point.target)
    aim = f"{point.target * 100:g} %"
    few = (
        f"; held-out rows (--val) are few, too: {aim} shows on {needed} or more" if needed and point.n < needed else ""
    )
    return (
        f"It will abstain on every request: on the {point.n} held-out rows no threshold left answers of which {aim} "
        f"were right. Train it on more rows or for more --epochs, or aim lower with --accuracy{few}."
    )


def _why_not_shown(point: _Point) -> str:
    needed = rows_to_show(point.target)
    aim = f"{point.target * 100:g} %"
    if needed is None:
        mend = f"no number of rows shows {aim}: aim lower with --accuracy."
    elif point.coverage * point.n < needed:
        mend = f"give {needed} or more held-out rows with --val, or aim lower with --accuracy."
    else:
        mend = "give more held-out rows with --val, train it further, or aim lower with --accuracy."
    return (
        f"These answers show no more than {_percent(point.accuracy_low)} with {_LEVEL * 100:g} % certainty, "
        f"and the aim is {aim}: {mend}"
    )


def _percent(share: float) -> str:
    return f"{share * 100:.1f} %"
