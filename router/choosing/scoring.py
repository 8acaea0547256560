"""What speaks for each model: predicted quality less what its answer costs, how long it takes, and what moving costs.

All parts are in units of quality, 0 to 1. Whether a difference is enough to act upon is not decided here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from router.choosing.values import Expected, Question

NEUTRAL_DIAL: Final = 0.5
DEAREST_COST_WEIGHT: Final = 1.2
"""Weight of the cost where the dial is at 0: the dearest model must be better by more than quality can be."""
LATENCY_WEIGHT: Final = 0.05
SWITCHING_WEIGHT: Final = 0.08
HALF_LATENCY_MS: Final = 5_000.0
"""Latency that counts as half of the worst."""
FULL_PROMPT_TOKENS: Final = 8_000
"""Prompt from which on leaving a warm cache costs all of its weight."""


@dataclass(frozen=True, slots=True)
class Taste:
    """What a good answer is worth against money and time."""

    dial: float = NEUTRAL_DIAL
    """0 is as cheap as can be, 1 is as good as can be."""
    latency_weight: float = LATENCY_WEIGHT
    """Quality that an endless wait for the first content outweighs."""
    switching_weight: float = SWITCHING_WEIGHT
    """Quality that leaving a model with a long prompt in its cache outweighs."""


def cost_weight(dial: float) -> float:
    """Return what the dearest model's cost weighs, in quality: 1.2 at 0, 0.15 at the neutral 0.5, 0 at 1."""
    return DEAREST_COST_WEIGHT * (1.0 - dial) ** 3


def dial_of_weight(weight: float) -> float | None:
    """Return the dial at which the cost weighs this much, `None` where none does."""
    return 1.0 - (weight / DEAREST_COST_WEIGHT) ** (1 / 3) if 0.0 <= weight <= DEAREST_COST_WEIGHT else None


def flipping_dial(one: Mapping[str, float], other: Mapping[str, float], dial: float) -> float | None:
    """Return the dial at which two models score alike, by their parts at this `dial`.

    `None` where no dial does that: they cost alike, or one is better at any price. At a dial of 1 costs do not show.
    """
    weight = cost_weight(dial)
    if weight <= 0.0 or "cost" not in one or "cost" not in other:
        return None
    dearer = (other["cost"] - one["cost"]) / weight  # of the one's relative cost above the other's
    ahead = sum(one.values()) - one["cost"] - sum(other.values()) + other["cost"]
    return None if dearer == 0.0 else dial_of_weight(ahead / dearer)


def relative_costs(costs_usd: Sequence[float | None]) -> tuple[float, ...]:
    """Return each cost as a part of the dearest one's, 0 to 1.

    Relative and not in dollars, so that short prompts are chosen for like long ones. An unknown price is not free: it
    counts as the dearest. Where no price is known, or all are 0, none counts.
    """
    dearest = max((cost for cost in costs_usd if cost is not None), default=0.0)
    if dearest <= 0.0:
        return (0.0,) * len(costs_usd)
    return tuple(1.0 if cost is None else cost / dearest for cost in costs_usd)


def relative_latencies(latencies_ms: Sequence[float | None]) -> tuple[float, ...]:
    """Return each latency between 0 (none) and 1 (endless); an unknown one counts as the mean of the known ones."""
    known = [ms / (ms + HALF_LATENCY_MS) for ms in latencies_ms if ms is not None]
    usual = sum(known) / len(known) if known else 0.0
    return tuple(usual if ms is None else ms / (ms + HALF_LATENCY_MS) for ms in latencies_ms)


def parts_of(
    question: Question, expected: Sequence[Expected], taste: Taste, *, warm: str | None = None
) -> tuple[Mapping[str, float], ...]:
    """Return what each model's score is the sum of, in order: `quality`, `cost`, `latency`, `switching`.

    `warm` is the model that holds this conversation's prompt in its cache; each other one pays for the move, by the
    length of the prompt. What costs nothing is 0, never -0.
    """
    costs = relative_costs([each.cost_usd for each in expected])
    latencies = relative_latencies([each.latency_ms for each in expected])
    weight = cost_weight(taste.dial)
    move = taste.switching_weight * min(1.0, question.n_tokens / FULL_PROMPT_TOKENS)
    has_warm = any(each.model == warm for each in expected)
    return tuple(
        {
            "quality": each.quality,
            "cost": 0.0 - weight * cost,
            "latency": 0.0 - taste.latency_weight * latency,
            "switching": 0.0 - (move if has_warm and each.model != warm else 0.0),
        }
        for each, cost, latency in zip(expected, costs, latencies, strict=True)
    )
