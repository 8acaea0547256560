"""What a verdict does to a choice: it moves probability to the model it names, and then the one seed draws. Pure.

The verdict is known before the draw and does not depend on it, so the vector that is stored is the one that was drawn
from: a propensity as true as without a judge.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from router.choosing.drawing import FLOOR, drawn
from router.judge.gate import p_best_of

if TYPE_CHECKING:
    from collections.abc import Sequence

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


def followed(choice: Choice, verdict: Verdict, *, trust: float, order: Sequence[str]) -> Choice:
    """Return the choice after a verdict, drawn anew with its own seed.

    `order` is that of the eligible models as the decision stores them, so that vector and seed give the same model
    again. Raises `ValueError` for a choice that was not drawn.
    """
    if choice.seed is None:
        raise ValueError("a choice that was not drawn stays as it is")
    by_model = {each.model: each for each in choice.ranked}
    names = [name for name in order if name in by_model]
    weight = weight_of(verdict, trust=trust)
    before = [by_model[name].probability for name in names]
    after = mixed(before, names.index(verdict.model), weight=weight)
    chosen = names[drawn(after, seed=choice.seed)]
    probability = dict(zip(names, after, strict=True))
    best = max(choice.ranked, key=lambda each: each.score).model
    first, *others = sorted(choice.ranked, key=lambda each: (each.model != chosen, -each.score))
    told = (
        f"the judge named {verdict.model!r}: its probability went from "
        f"{by_model[verdict.model].probability:.2f} to {probability[verdict.model]:.2f}"
    )
    likely = p_best_of(choice)
    return replace(
        choice,
        ranked=tuple(replace(each, probability=probability[each.model]) for each in (first, *others)),
        explored=chosen not in {best, verdict.model},
        confidence=(1.0 - weight) * likely[chosen] + weight * (chosen == verdict.model),
        reasons=(told, *(f"before the judge: {each}" for each in choice.reasons)),
    )
