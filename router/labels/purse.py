"""What labelling may cost: an estimate before anything is asked, and a bound that is kept while it goes on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from config.prices import MILLION, list_prices
from config.tokens import estimate_tokens

if TYPE_CHECKING:
    from router.snapshot import Deployment, Model

USUAL_OUTPUT_TOKENS: Final = 500
"""What an answer is taken to have before it is there."""
FRAME_TOKENS: Final = 12
"""What a message has beside its text."""


@dataclass(frozen=True, slots=True)
class Tariff:
    """What a model takes, USD per million tokens; `None` where nobody knows."""

    input_usd: float | None
    output_usd: float | None

    @property
    def is_known(self) -> bool:
        """Whether both are known."""
        return self.input_usd is not None and self.output_usd is not None

    @property
    def is_free(self) -> bool:
        """Whether it surely costs nothing."""
        return self.input_usd == 0 == self.output_usd

    def estimate(self, text: str, *, n_more: int = 0, n_output: int = USUAL_OUTPUT_TOKENS) -> float:
        """Return about what one answer costs, USD; 0 where the price is unknown."""
        if self.input_usd is None or self.output_usd is None:
            return 0.0
        n_input = estimate_tokens(text) + FRAME_TOKENS + n_more
        return (n_input * self.input_usd + n_output * self.output_usd) / MILLION


def tariff_of(model: Model) -> Tariff:
    """Return the highest of a model's prices: any of its live deployments may answer."""
    found = [_price(each) for each in model.deployments if each.live]
    if not found or any(each is None for each in found):
        return Tariff(None, None)
    known = [each for each in found if each is not None]
    return Tariff(max(each[0] for each in known), max(each[1] for each in known))


class Purse:
    """Counts what was spent and what is being spent. `most_usd=None` sets no bound."""

    def __init__(self, most_usd: float | None = None) -> None:
        self._most_usd = most_usd
        self._held_usd = 0.0
        self.spent_usd = 0.0

    @property
    def most_usd(self) -> float | None:
        """The bound."""
        return self._most_usd

    def take(self, estimate_usd: float) -> bool:
        """Hold back an estimate, or return `False` where that would go beyond the bound."""
        if self._most_usd is not None and self.spent_usd + self._held_usd + estimate_usd > self._most_usd:
            return False
        self._held_usd += estimate_usd
        return True

    def settle(self, estimate_usd: float, spent_usd: float) -> None:
        """Replace an estimate by what it came to."""
        self._held_usd -= estimate_usd
        self.spent_usd += spent_usd


def _price(deployment: Deployment) -> tuple[float, float] | None:
    target = deployment.target
    found = list_prices(target.provider, target.upstream_model, deployment.pricing)
    return None if found is None else (found.input, found.output)
