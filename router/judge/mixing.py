"""What a verdict does to a choice: it moves probability to the model it names, and then the one seed draws. Pure.

The verdict is known before the draw and does not depend on it, so the vector that is stored is the one that was drawn
from: a propensity as true as without a judge.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from router.choosing.drawing import FLOOR, drawn

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from router.choosing.values import Choice
    from router.judge.values import Verdict

UNSAID_CONFIDENCE: Final = 0.5
"""What a verdict without a confidence counts as."""


def weight_of(verdict: Verdict, *, trust: float) -> float:
    """Return the share of the probability that a verdict moves, 0 to 1: its confidence times the trust in it."""
    return trust * (UNSAID_CONFIDENCE if verdict.confidence is None else verdict.confidence)


def mixed(probabilities: Sequence[float], position: int, *, weight: float, floor: float = FLOOR) -> tuple[float, ...]:
    """Return the probabilities with the share `weight` of each moved to one position; their sum stays.

    What is up to `floor` stays where it is, so that no model becomes unlikelier than the policy ever lets it be.
    """
    kept = [min(each, floor) for each in probabilities]
    moved = [weight * (each - least) for each, least in zip(probabilities, kept, strict=True)]
    gained = sum(moved) - moved[position]
    return tuple(each + gained if i == position else each - moved[i] for i, each in enumerate(probabilities))


def bounded(probabilities: Sequence[float], position: int, ceiling: float | None, *, floor: float = FLOOR) -> float:
    """Return the largest weight that lifts one position to its ceiling and no farther; 1 where it has none."""
    if ceiling is None:
        return 1.0
    most = sum(max(0.0, each - floor) for i, each in enumerate(probabilities) if i != position)
    return 1.0 if most <= 0.0 else min(1.0, max(0.0, ceiling - probabilities[position]) / most)


def followed(
    choice: Choice,
    verdict: Verdict,
    *,
    trust: float,
    chances: Mapping[str, float],
    floor: float = FLOOR,
    own: str | None = None,
) -> tuple[Choice, Mapping[str, float]]:
    """Return the choice after a verdict, and with which probability each model is drawn now.

    `chances` are the policy's, by model, in the order of its draw: the choice's own seed draws again, from the mixed
    ones in that order. A choice without a seed was not drawn; it goes to the named model where that is the likeliest
    one now, else it stays. No verdict lifts a new model above its ceiling, nor takes it where nothing is drawn. `floor`
    is the policy's, and `own` the model that the conversation has.
    """
    names, before = list(chances), list(chances.values())
    at, ceiling = names.index(verdict.model), _ceiling_of(choice, verdict.model)
    weight = min(weight_of(verdict, trust=trust), bounded(before, at, ceiling, floor=floor))
    vector = mixed(before, at, weight=weight, floor=floor)
    after = dict(zip(names, vector, strict=True))
    told = (
        f"the judge named {verdict.model!r}: its probability went from "
        f"{chances[verdict.model]:.2f} to {after[verdict.model]:.2f}"
    )
    if choice.seed is not None:
        chosen, probability = names[drawn(vector, seed=choice.seed)], after
    else:
        is_likeliest = ceiling is None and max(names, key=after.__getitem__) == verdict.model
        chosen = verdict.model if is_likeliest else choice.ranked[0].model
        probability = {name: float(name == chosen) for name in names}
    best = max(choice.ranked, key=lambda each: each.score).model
    ordered = sorted(choice.ranked, key=lambda each: (each.model != chosen, each.waits(own), -each.score))
    found = replace(
        choice,
        ranked=tuple(replace(each, probability=probability[each.model]) for each in ordered),
        explored=choice.seed is not None and chosen not in {best, verdict.model},
        confidence=(1.0 - weight) * ordered[0].p_best + weight * (chosen == verdict.model),
        reasons=(told, *(f"before the judge: {each}" for each in choice.reasons)),
    )
    return found, after


def _ceiling_of(choice: Choice, model: str) -> float | None:
    return next((e.expected.ceiling for e in choice.ranked if e.model == model and e.expected is not None), None)
