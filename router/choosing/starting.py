"""What is expected of models about which nothing was learned: what the catalogue says, and what its weights reveal.

Weights are the operator's word. They are turned into the expectations under which they would be right: a model that
is to get a larger share, or an equal share at a higher price, is believed to be better. So a start at the neutral dial
draws near the configured weights, moving the dial has its effect from the first request on, and what is learned later
takes over as far as it is surer.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from router.balancing.base import shares
from router.choosing.drawing import FLOOR, thompson
from router.choosing.scoring import NEUTRAL_DIAL, cost_weight, relative_costs
from router.choosing.values import Expected

if TYPE_CHECKING:
    from collections.abc import Sequence

    from router.choosing.values import Offer, Question

STARTING_VERSION: Final = "start-1"
STARTING_QUALITY: Final = 0.6
STARTING_DEVIATION: Final = 0.12
"""Wide enough that some dozens of ratings outweigh the start."""
SUITS: Final = 0.02
"""Quality added where the catalogue names the question's domain among a model's."""
MEAN_OUTPUT_TOKENS: Final = 150
OUTPUT_TOKENS_A_LEVEL: Final = 60
"""Output tokens that are expected of a request for each level of its complexity beyond the first."""
_WORST, _BEST = 0.02, 0.98
_STEPS: Final = 60
_PACE: Final = 0.7


class StartingExperience:
    """An `Experience` that has seen nothing."""

    version: str = STARTING_VERSION

    def expect(self, question: Question, offers: Sequence[Offer]) -> tuple[Expected, ...]:
        """Return what the catalogue lets expect of each offer, in order; `n` is 0."""
        if not offers:
            return ()
        costs = [starting_cost(question, offer) for offer in offers]
        neutral = cost_weight(NEUTRAL_DIAL)
        offsets = _offsets(tuple(max(0.0, offer.weight) for offer in offers))
        found: list[Expected] = []
        for offer, cost, relative, offset in zip(offers, costs, relative_costs(costs), offsets, strict=True):
            suits = suiting_domain(question, offer)
            quality = STARTING_QUALITY + offset + neutral * relative + (SUITS if suits else 0.0)
            reasons = ("nothing learned yet: its weight and price",) + ((f"its domain: {suits}",) if suits else ())
            bounded = min(_BEST, max(_WORST, quality))
            found.append(
                Expected(offer.model, bounded, STARTING_DEVIATION, cost, offer.latency_ms, n=0.0, reasons=reasons)
            )
        return tuple(found)


def starting_cost(question: Question, offer: Offer) -> float | None:
    """Return what an answer will cost, USD, by the prompt's tokens and an answer as long as the question is complex.

    `None` where a price is unknown.
    """
    if offer.input_usd is None or offer.output_usd is None:
        return None
    n_output = expected_output_tokens(question)
    return (question.n_tokens * offer.input_usd + n_output * offer.output_usd) / 1_000_000


def expected_output_tokens(question: Question) -> int:
    """Return how many tokens an answer to this question may have."""
    return MEAN_OUTPUT_TOKENS + OUTPUT_TOKENS_A_LEVEL * (question.complexity - 1)


def suiting_domain(question: Question, offer: Offer) -> str | None:
    """Return which of an offer's domains the question is about, `None` where the catalogue names none of them."""
    about = {question.domain, *question.intents, *(("code",) if question.has_code else ())}
    about |= {"chinese"} if question.language == "zh" else set()
    return next((each for each in offer.domains if each in about), None)


@lru_cache(maxsize=256)
def _offsets(weights: tuple[float, ...]) -> tuple[float, ...]:
    """Return the differences in quality under which Thompson sampling draws by these weights, their mean 0."""
    n = len(weights)
    if len(set(weights)) == 1:
        return (0.0,) * n
    lifted = [max(share, FLOOR / 2) for share in shares(weights)]
    whole = math.fsum(lifted)
    wanted = [share / whole for share in lifted]
    offsets = [STARTING_DEVIATION * _PACE * math.log(share * n) for share in wanted]
    for _ in range(_STEPS):
        reached = thompson(offsets, [STARTING_DEVIATION] * n)
        offsets = [
            offset + STARTING_DEVIATION * _PACE * math.log(share / max(now, 1e-6))
            for offset, share, now in zip(offsets, wanted, reached, strict=True)
        ]
    mean = math.fsum(offsets) / n
    return tuple(offset - mean for offset in offsets)
