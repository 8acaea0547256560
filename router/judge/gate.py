"""Whether a judge is worth asking: the policy is unsure, and something is at stake. Pure.

Nothing here looks at which model was drawn: who is asked by the luck of the draw would make the recorded
probabilities wrong.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from router.choosing.values import Choice

Mode = Literal["never", "unsure", "always"]
Reason = Literal["off", "one_candidate", "stays", "no_expectations", "sure", "low_stakes"]


@dataclass(frozen=True, slots=True)
class Gate:
    """When the judge is asked; the fields are those of `[judge]`."""

    mode: Mode = "unsure"
    unsure_below: float = 0.6
    min_quality_spread: float = 0.05
    min_cost_spread_usd: float = 0.002


@dataclass(frozen=True, slots=True)
class Stakes:
    """What is known before anybody is asked."""

    p_best: float
    """Probability of the likeliest model to be the best of them, 0 to 1."""
    quality_spread: float
    """Between the highest and the lowest expected quality."""
    cost_spread_usd: float
    """Between the highest and the lowest expected cost that is known."""


def stakes_of(choice: Choice) -> Stakes | None:
    """Return what is at stake; `None` where nothing is expected of some model, as with a policy that is damaged."""
    expected = [each.expected for each in choice.ranked if each.expected is not None and "quality" in each.parts]
    if len(expected) < len(choice.ranked) or not expected:
        return None
    costs = [each.cost_usd for each in expected if each.cost_usd is not None]
    qualities = [each.quality for each in expected]
    return Stakes(
        max(each.p_best for each in choice.ranked),
        max(qualities) - min(qualities),
        max(costs) - min(costs) if costs else 0.0,
    )


def why_not(choice: Choice, gate: Gate, stakes: Stakes | None, *, stays: bool = False) -> Reason | None:
    """Return why the judge is not asked about a choice, `None` where it is.

    `stays` says that the request belongs to the model that served before: a tool loop, a conversation that goes on.
    """
    reasons: tuple[tuple[bool, Reason], ...] = (
        (gate.mode == "never", "off"),
        (len(choice.ranked) < 2, "one_candidate"),  # noqa: PLR2004  # a choice is between two
        (stays, "stays"),
    )
    for holds, reason in reasons:
        if holds:
            return reason
    return None if gate.mode == "always" else _why_sure(gate, stakes)


def _why_sure(gate: Gate, stakes: Stakes | None) -> Reason | None:
    if stakes is None:
        return "no_expectations"
    if stakes.p_best >= gate.unsure_below:
        return "sure"
    worth = stakes.quality_spread >= gate.min_quality_spread or stakes.cost_spread_usd >= gate.min_cost_spread_usd
    return None if worth else "low_stakes"
