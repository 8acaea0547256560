"""What the catalogue says of models, as a choice reads it; and how long each model's answers usually take to begin."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

from router.choosing.values import Offer

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from config.prices import TokenPrices
    from router.attempt import Attempt
    from router.snapshot import Deployment, Model

PACE: Final = 0.1
"""What the newest answer says of the usual wait; about the last twenty count."""
LEAST_MS: Final = 50.0
STEP: Final = 4 / 3
MAX_MODELS: Final = 4_096


class Waits:
    """An `AttemptObserver`: the usual milliseconds to first content by model, as a mean that forgets slowly.

    `router/load.py` has the peaks of the last seconds, by which deployments are balanced; a choice among models wants
    what is usual, also after a quiet hour. Only answers count: who fails is the breakers' business.
    """

    def __init__(self) -> None:
        self._usual_ms: dict[str, float] = {}

    def usual_ms(self, model: str) -> float | None:
        """Return the usual wait in steps of a third, so that a question asked again meets the same; `None` if unknown.

        The least step is 50 ms: below it nobody waits.
        """
        found = self._usual_ms.get(model)
        if found is None:
            return None
        steps = round(math.log(max(found, LEAST_MS) / LEAST_MS) / math.log(STEP))
        return round(LEAST_MS * STEP**steps, 1)

    def attempt_began(self, attempt: Attempt) -> None:
        """Nothing is known yet."""

    def attempt_ended(self, attempt: Attempt) -> None:
        """Learn from an answer."""
        if attempt.first_content is None or attempt.failure is not None:
            return
        model = attempt.candidate.model
        waited_ms = max(0.0, (attempt.first_content - attempt.started) * 1000)
        usual = self._usual_ms.get(model)
        if usual is None and len(self._usual_ms) >= MAX_MODELS:
            self._usual_ms.pop(next(iter(self._usual_ms)))
        self._usual_ms[model] = waited_ms if usual is None else usual + PACE * (waited_ms - usual)


def offers_of(
    models: Sequence[Model],
    *,
    weights: Mapping[str, float],
    price: Callable[[Deployment], TokenPrices | None],
    usual_ms: Callable[[str], float | None],
) -> tuple[Offer, ...]:
    """Return an offer a model, in order; its price is that of the deployment which is asked first."""
    return tuple(_offer(each, weights[each.name], price=price, latency_ms=usual_ms(each.name)) for each in models)


def first_deployment(model: Model) -> Deployment | None:
    """Return the live deployment that gets most of a model's requests, `None` where none is live."""
    running = [each for each in model.deployments if each.live and each.weight > 0]
    return min(running, key=lambda each: (each.priority, -each.weight), default=None)


def _offer(
    model: Model, weight: float, *, price: Callable[[Deployment], TokenPrices | None], latency_ms: float | None
) -> Offer:
    deployment = first_deployment(model)
    prices = price(deployment) if deployment is not None else None
    return Offer(
        model.name,
        model.description,
        model.domains,
        prices.input if prices is not None else None,
        prices.output if prices is not None else None,
        weight=weight,
        latency_ms=latency_ms,
    )
