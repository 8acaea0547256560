"""The figures of public sets over seeds, with intervals; running the seeds is `public.py`'s."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from classifier.calibration import binomial_interval, bootstrap
from classifier.foundry.evaluate import micro_f1

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from classifier.calibration import Interval
    from classifier.foundry.evaluate import Judged


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one seed gave: truth values of its test rows, so that seeds can be taken together."""

    right: NDArray[np.bool_]
    answered: NDArray[np.bool_]
    found: NDArray[np.bool_]
    gold: NDArray[np.bool_]
    in_scope: NDArray[np.bool_]
    refused_at_4: NDArray[np.bool_]
    refused: NDArray[np.bool_]
    """Found out of scope by the label of that name."""
    refused_by_threshold: NDArray[np.bool_]
    """And by a threshold that makes most validation rows right, in scope or not."""
    seen: float
    """Share of the test texts that stand in the training part too: people repeat themselves."""
    gzipped_kib: float
    p50_ms: float


def fit_refusal(judged: Judged) -> float:
    """Return the threshold of confidence that makes most rows right: labels in scope, and refusals out of it.

    So Larson et al. (EMNLP 2019) choose theirs on validation rows; what was found out of scope is refused anyway.
    """
    found = judged.found.any(axis=1)
    cuts = np.unique(np.append(judged.confidence, 0.0))
    right = [
        int((judged.right & found & (judged.confidence >= cut))[judged.in_scope].sum())
        + int((~found | (judged.confidence < cut))[~judged.in_scope].sum())
        for cut in cuts
    ]
    return float(cuts[int(np.argmax(right))])


def figures_of(outcomes: Sequence[Outcome]) -> dict[str, Interval]:
    """Return each measure over the test rows of all seeds; intervals by the rows of one seed, not of all.

    The test parts of the seeds overlap, so that their rows together are no larger sample: an interval takes the share
    of all seeds and the number of rows of one.
    """
    n = len(outcomes)

    def share(hits: Sequence[NDArray[np.bool_]]) -> Interval:
        every = np.concatenate(hits)
        rows = len(every) // n
        middle = float(every.mean()) if len(every) else 0.0
        found = binomial_interval(round(middle * rows), rows)
        return replace(found, value=middle)

    figures = {
        "coverage": share([o.answered[o.in_scope] for o in outcomes]),
        "selective_accuracy": share([o.right[o.answered & o.in_scope] for o in outcomes]),
    }
    if outcomes[0].found.shape[1] and all((o.gold.sum(axis=1) <= 1).all() for o in outcomes):
        figures["accuracy"] = share([o.right[o.in_scope] for o in outcomes])
    else:
        first = outcomes[0]
        spread = bootstrap(lambda at: micro_f1(first.found[at], first.gold[at]), len(first.gold))
        mean = float(np.mean([micro_f1(o.found, o.gold) for o in outcomes]))
        shift = mean - spread.value
        figures["micro_f1"] = replace(spread, value=mean, low=spread.low + shift, high=spread.high + shift)
        figures["exact"] = share([o.right for o in outcomes])
    if not outcomes[0].in_scope.all():
        figures["in_scope_accuracy"] = figures.pop("accuracy")
        figures["out_of_scope_recall"] = share([o.refused[~o.in_scope] for o in outcomes])
        by_threshold = [(o.right & ~o.refused_by_threshold)[o.in_scope] for o in outcomes]
        figures["in_scope_accuracy_by_threshold"] = share(by_threshold)
        figures["out_of_scope_recall_by_threshold"] = share([o.refused_by_threshold[~o.in_scope] for o in outcomes])
        figures["false_alarms_at_4"] = share([o.refused_at_4[o.in_scope] for o in outcomes])
        figures["in_scope_accuracy_at_4"] = share([(o.right & ~o.refused_at_4)[o.in_scope] for o in outcomes])
        figures["out_of_scope_recall_at_4"] = share([o.refused_at_4[~o.in_scope] for o in outcomes])
    return figures
