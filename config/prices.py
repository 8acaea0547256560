"""What an attempt cost: the operator's own price, else the shipped price list (genai-prices, no network), else unknown.

Unknown is not free: it is `Cost(None, "unknown")`. Only models on machines of one's own cost 0.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from functools import cache, lru_cache
from typing import TYPE_CHECKING

from config.loader import shipped_providers
from config.types import Cost

if TYPE_CHECKING:
    from collections.abc import Callable

    from genai_prices.types import ModelInfo, ModelPrice, TieredPrices

    from config.types import Usage

MILLION = 1_000_000


@dataclass(frozen=True, slots=True)
class Pricing:
    """Where the price of a deployment is found: USD per million tokens of the operator's, else a list's name for it."""

    input_usd_per_mtok: float | None = None
    output_usd_per_mtok: float | None = None
    cached_usd_per_mtok: float | None = None
    """Input tokens read from the provider's cache; `None` charges them like other input."""
    list_name: str | None = None
    """The provider's name in genai-prices; `None` is not in it."""


FREE = Pricing(0.0, 0.0, 0.0)
"""A model on a machine of one's own."""


@dataclass(frozen=True, slots=True)
class TokenPrices:
    """USD per million tokens."""

    input: float
    output: float
    cached: float
    cache_write: float


@dataclass(frozen=True, slots=True)
class _Tiers:
    """Prices by length of the prompt: from `start` input tokens on, all tokens of the request cost these."""

    steps: tuple[tuple[int, TokenPrices], ...]

    def at(self, input_tokens: int) -> TokenPrices:
        found = self.steps[0][1]
        for start, prices in self.steps:
            if input_tokens > start:
                found = prices
        return found


def cost_of(
    usage: Usage,
    *,
    provider: str,
    upstream_model: str,
    overrides: Pricing | None = None,
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> Cost:
    """Return the money for one attempt's tokens, in USD; cached and cache-writing input is priced apart.

    `overrides` is the deployment's pricing (`Catalog.price_of`); without it the shipped provider row decides.
    Counted (not reported) usage makes the cost an estimate. `now` matters where prices change by date or hour.
    """
    prices = _prices(provider, upstream_model, overrides, usage.input_tokens, now)
    if prices is None:
        return Cost(None, "unknown")
    cached = min(max(usage.cached_tokens or 0, 0), usage.input_tokens)
    written = min(max(usage.cache_write_tokens, 0), usage.input_tokens - cached)
    plain = usage.input_tokens - cached - written
    usd = (
        plain * prices.input
        + cached * prices.cached
        + written * prices.cache_write
        + usage.output_tokens * prices.output
    ) / MILLION
    return Cost(usd, "estimated" if usage.source == "estimated" else "upstream")


def list_prices(provider: str, upstream_model: str, overrides: Pricing | None = None) -> TokenPrices | None:
    """Return the price of a short prompt now, for people to read; `None` where it is unknown."""
    return _prices(provider, upstream_model, overrides, 0, lambda: datetime.now(UTC))


def _prices(
    provider: str, model: str, overrides: Pricing | None, input_tokens: int, now: Callable[[], datetime]
) -> TokenPrices | None:
    pricing = overrides or _shipped_pricing().get(provider)
    if pricing is None:
        return None
    if pricing.input_usd_per_mtok is not None and pricing.output_usd_per_mtok is not None:
        plain, cached = pricing.input_usd_per_mtok, pricing.cached_usd_per_mtok
        return TokenPrices(plain, pricing.output_usd_per_mtok, plain if cached is None else cached, plain)
    if pricing.list_name is None:
        return None
    moment = now()
    tiers = _tiers(pricing.list_name, model, moment.date().toordinal(), moment.hour * 60 + moment.minute)
    return tiers.at(input_tokens) if tiers else None


@cache
def _shipped_pricing() -> dict[str, Pricing]:
    return {row.name: FREE if row.local else Pricing(list_name=row.prices) for row in shipped_providers()}


@lru_cache(maxsize=512)
def _tiers(list_name: str, model: str, _day: int, _minute: int) -> _Tiers | None:
    """Look a model up in the price list; once a minute, since some prices change by day and hour (DeepSeek's)."""
    info = _model_info(list_name, model)
    if info is None:
        return None
    moment = datetime.fromordinal(_day).replace(hour=_minute // 60, minute=_minute % 60, tzinfo=UTC)
    return _read_prices(info.get_prices(moment))


@lru_cache(maxsize=512)
def _model_info(list_name: str, model: str) -> ModelInfo | None:
    from genai_prices.data_snapshot import get_snapshot  # noqa: PLC0415  # 0.2 s to import, needed by few

    snapshot = get_snapshot()
    try:
        return snapshot.find_provider_model(model, None, list_name, None)[1]
    except LookupError:
        return None


def _read_prices(price: ModelPrice) -> _Tiers | None:
    """Turn a price of the list into floats; what it does not price apart costs like other input."""
    plain, output = price.input_mtok, price.output_mtok
    if plain is None or output is None:
        return None
    cached = plain if price.cache_read_mtok is None else price.cache_read_mtok
    written = plain if price.cache_write_mtok is None else price.cache_write_mtok
    columns = (plain, output, cached, written)
    starts = sorted({0}.union(*(_starts(each) for each in columns)))
    return _Tiers(tuple((start, TokenPrices(*(_at(each, start) for each in columns))) for start in starts))


def _starts(price: Decimal | TieredPrices) -> set[int]:
    return set() if isinstance(price, Decimal) else {tier.start for tier in price.tiers}


def _at(price: Decimal | TieredPrices, start: int) -> float:
    """Return the price of requests with more than `start` input tokens."""
    if isinstance(price, Decimal):
        return float(price)
    return float(next((tier.price for tier in reversed(price.tiers) if tier.start <= start), price.base))
