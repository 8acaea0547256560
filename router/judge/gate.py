"""Whether a judge is worth asking, and worth waiting for: the policy is unsure, and something is at stake. Pure.

Nothing here looks at which model was drawn: who is asked by the luck of the draw would make the recorded
probabilities wrong.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

from router.choosing.drawing import worth_of_knowing
from router.choosing.scoring import HALF_LATENCY_MS, Taste, cost_weight

if TYPE_CHECKING:
    from router.choosing.values import Choice

Mode = Literal["never", "unsure", "always"]
Reason = Literal["off", "one_candidate", "stays", "no_expectations", "sure", "low_stakes"]
Haste = Literal["not_worth_the_wait", "share_spent"]
"""Why a request does not wait for a judge that is worth asking."""
BURST: Final = 5
"""Requests that may wait one after the other, after many that did not."""


@dataclass(frozen=True, slots=True)
class Gate:
    """When the judge is asked; the fields are those of `[judge]`."""

    mode: Mode = "unsure"
    unsure_below: float = 0.6
    min_gain: float = 0.01


@dataclass(frozen=True, slots=True)
class Toll:
    """What asking takes lately."""

    wait_ms: float = 0.0
    usd: float = 0.0


@dataclass(frozen=True, slots=True)
class Stakes:
    """What is known before anybody is asked; gain and tolls in units of quality, 0 to 1."""

    p_best: float
    """Probability of the likeliest model to be the best of them, 0 to 1."""
    gain: float
    """What the judge's word may add to the answer, prices and waits of the models included."""
    wait: float = 0.0
    """What waiting for it takes away again."""
    fee: float = 0.0
    """What its own price takes away, waited for or not."""


def stakes_of(
    choice: Choice, *, trust: float, gate: Gate | None = None, taste: Taste | None = None, toll: Toll | None = None
) -> Stakes | None:
    """Return what is at stake; `None` where nothing is expected of some model, as with a policy that is damaged.

    The gain is what it would be worth to know each model's true score before choosing, times the trust in the judge:
    an upper bound of what its word can bring. A wait of `toll.wait_ms` weighs what it weighs among the models, and the
    judge's price what such a price of an answer weighs: as a part of the dearest candidate's. Where the policy is sure
    by the `gate`, nothing is at stake, and nothing is computed.
    """
    ranked, taste, toll = choice.ranked, taste or Taste(), toll or Toll()
    expected = [each.expected for each in ranked if each.expected is not None and "quality" in each.parts]
    if len(expected) < len(ranked) or not expected:
        return None
    p_best = max(each.p_best for each in ranked)
    if gate is not None and p_best >= gate.unsure_below:
        return Stakes(p_best, 0.0)
    worth = worth_of_knowing([each.score for each in ranked], [each.deviation for each in expected])
    dearest = max((each.cost_usd for each in expected if each.cost_usd is not None), default=0.0)
    relative = toll.usd / dearest if dearest > 0 else float(toll.usd > 0)
    return Stakes(
        p_best,
        gain=trust * worth,
        wait=taste.latency_weight * toll.wait_ms / (toll.wait_ms + HALF_LATENCY_MS),
        fee=cost_weight(taste.dial) * relative,
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
    return None if stakes.gain - stakes.fee >= gate.min_gain else "low_stakes"


class Patience:
    """How many requests may wait: a bucket that each request fills by a share, and each wait empties by one.

    Of any `n` requests in a row at most `share * n + BURST` wait, whatever their order and pace. The emptier it is, the
    more a request must have to gain: what is left is kept for those with more at stake.
    """

    def __init__(self, share: float) -> None:
        self._share = share
        self._level = BURST if share > 0 else 0.0

    def came(self) -> None:
        """Count a request whose model is drawn, asked about or not."""
        self._level = min(float(BURST), self._level + self._share) if self._share > 0 else 0.0

    def why_not(self, stakes: Stakes, *, min_gain: float) -> Haste | None:
        """Return why a request does not wait; where it does, `None`, and the wait is counted."""
        left = stakes.gain - stakes.fee - stakes.wait
        if left < min_gain:
            return "not_worth_the_wait"
        if self._level < 1.0 or left * self._level < min_gain * BURST:
            return "share_spent"
        self._level -= 1.0
        return None
