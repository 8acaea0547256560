"""The models page's view of the house."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

from admin.desk.models import Said
from proxy.health_api import RESET, TRIP, change_health
from proxy.weights import described
from router.words import Words, candidate_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from config.types import Json
    from proxy.house import House
    from router.attempt import Candidate

TEST_S: Final = 60.0
"""Longest wait for an answer to a test; cold local models load within it."""


class HouseModels:
    """A `ModelsDesk` over the running house."""

    def __init__(self, house: House) -> None:
        self._house = house

    def weights(self) -> Json:
        """Return the weights as clients see them."""
        house = self._house
        return described(house.weights, plain=house.plain_catalog, now=house.catalog)

    def health(self) -> Json:
        """Return the health of who was asked."""
        return self._house.health.state()

    def load(self) -> Mapping[str, tuple[int, float | None]]:
        """Return how busy each deployment is."""
        load = self._house.load
        return {each: (load.in_flight(each), load.latency_s(each)) for each in self._house.catalog.deployment_ids()}

    async def change_weights(self, weights: Mapping[str, float | None], *, changed_by: str) -> None:
        """Set weights for good."""
        await self._house.change_weights({"weights": dict(weights)}, changed_by=changed_by)

    def trip(self, deployment: str, *, changed_by: str) -> None:
        """Take a deployment out of play."""
        change_health(self._house, self._known(deployment), TRIP, actor=changed_by)

    def reset(self, deployment: str, *, changed_by: str) -> None:
        """Bring it back."""
        change_health(self._house, self._known(deployment), RESET, actor=changed_by)

    def beliefs(self) -> Sequence[Json]:
        """Return the starting values that were set."""
        return self._house.believing.rows

    async def change_beliefs(self, rows: Sequence[Json], *, changed_by: str) -> None:
        """Set all starting values; learning takes them up within a second."""
        await self._house.believing.change(rows, changed_by=changed_by)

    async def ask(self, model: str, question: str) -> Said:
        """Ask the model's live deployments in their order; balancing and the books do not hear of it."""
        started = time.perf_counter()
        spoken = await Words(self._house.dispatcher, self._live).say(
            [{"role": "user", "content": question}], model=model, timeout_s=TEST_S
        )
        duration_ms = 1000 * (time.perf_counter() - started)
        return Said(spoken.text, duration_ms, spoken.usage.output_tokens, spoken.cost.usd)

    def _known(self, deployment: str) -> str:
        if deployment not in self._house.catalog.deployment_ids():
            raise KeyError(deployment)
        return deployment

    def _live(self, name: str) -> Sequence[Candidate]:
        model = self._house.catalog.resolve(name)
        return [candidate_of(model.name, each) for each in model.deployments if each.usable]
